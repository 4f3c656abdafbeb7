"""The Kubernetes programs the sandbox runs, built from their Go modules once a machine.

``tests/kubernetes/go.mod`` pins them. They land in ``~/.cache/runbook-operator/kubernetes/<key>/bin`` (``XDG_CACHE_HOME`` is
honoured), where the key is a hash of everything that decides what comes out: two checkouts do not disturb each other.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

MODULE = Path(__file__).resolve().parents[3] / "kubernetes"

# In the order of first use: whoever waits for the first can start before the last is built.
PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "helm": "helm.sh/helm/v4/cmd/helm",
}

Progress = Callable[[str], None]


class BuildError(RuntimeError):
    """A program could not be built; the message holds the end of the compiler's output."""


@dataclass(frozen=True)
class Binaries:
    """Where each program is. ``binaries["kubectl"]`` is an absolute path."""

    paths: dict[str, Path]

    def __getitem__(self, name: str) -> Path:
        return self.paths[name]

    def search_path(self) -> str:
        """A ``PATH`` prefix under which all of them are found by name."""
        return os.pathsep.join(dict.fromkeys(str(path.parent) for path in self.paths.values()))


def say(line: str) -> None:
    print(f"[kubernetes] {line}", file=sys.stderr, flush=True)


def module_version(module: str) -> str:
    """The version ``go.mod`` requires of a module, such as ``v1.37.2``."""
    found = re.search(rf"^\s*{re.escape(module)} (v\S+)", (MODULE / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise BuildError(f"{MODULE / 'go.mod'} does not require {module}")
    return found.group(1)


def link_flags() -> str:
    """Linker flags that stamp the versions: a `go build` outside the release scripts leaves them at v0.0.0-master."""
    kubernetes = module_version("k8s.io/kubernetes")
    major, minor, _ = kubernetes.removeprefix("v").split(".", 2)
    stamps = {
        "k8s.io/component-base/version.gitVersion": kubernetes,
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        "k8s.io/component-base/version.gitTreeState": "clean",
        "helm.sh/helm/v4/internal/version.version": module_version("helm.sh/helm/v4"),
    }
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in stamps.items())])


def cache_dir() -> Path:
    """The folder of this module's binaries; another go.mod, go.sum, compiler or flag is another folder."""
    try:
        go = subprocess.run(["go", "env", "GOVERSION", "GOOS", "GOARCH"], cwd=MODULE, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError as error:
        raise BuildError("go is not on PATH: install Go 1.26 or set KUBEBUILDER_ASSETS to a folder of Kubernetes binaries") from error
    except subprocess.CalledProcessError as error:
        raise BuildError(f"`go env` failed in {MODULE}: {error.stderr.strip()}") from error
    digest = hashlib.sha256()
    for part in ((MODULE / "go.mod").read_bytes(), (MODULE / "go.sum").read_bytes(), go.encode(), link_flags().encode()):
        digest.update(hashlib.sha256(part).digest())
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "runbook-operator" / "kubernetes"
    return root / digest.hexdigest()[:16]


def ensure(names: Iterable[str] = PACKAGES, progress: Progress = say) -> Binaries:
    """Returns the named programs, building those that neither ``KUBEBUILDER_ASSETS`` nor the cache holds.

    Safe to call from several processes: one builds, the others wait and find the result.
    """
    wanted, paths = list(names), {}
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    for name in wanted:
        found = shutil.which(name, path=assets) if assets else None
        if found:
            paths[name] = Path(found).resolve()
    if len(paths) == len(wanted):
        return Binaries(paths)
    home = cache_dir()
    for name in wanted:
        if name not in paths:
            paths[name] = home / "bin" / name
    missing = [name for name, path in paths.items() if not path.exists()]
    if missing:
        (home / "bin").mkdir(parents=True, exist_ok=True)
        with (home / "lock").open("w") as lock:
            if not _try_lock(lock):
                progress("another process is building the Kubernetes binaries, waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            for name in missing:
                if not paths[name].exists():
                    _build(name, paths[name], progress)
    return Binaries({name: paths[name] for name in wanted})


def _try_lock(lock) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _build(name: str, target: Path, progress: Progress) -> None:
    module = PACKAGES[name]
    progress(f"building {name} ({module})")
    partial = target.with_name(f".{name}.partial")
    command = ["go", "build", "-v", "-trimpath", "-buildvcs=false", "-ldflags", link_flags(), "-o", str(partial), module]
    env = os.environ | {"CGO_ENABLED": "0"}
    started = reported = time.monotonic()
    compiled, tail = 0, deque(maxlen=30)
    with subprocess.Popen(command, cwd=MODULE, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as go:
        for line in go.stdout:  # one line for each package compiled, or module downloaded
            compiled += 1
            tail.append(line.rstrip())
            if time.monotonic() - reported >= 10:
                reported = time.monotonic()
                progress(f"  {name}: {compiled} packages, {reported - started:.0f} s")
    if go.returncode != 0:
        partial.unlink(missing_ok=True)
        raise BuildError(f"building {name} failed with exit code {go.returncode}:\n" + "\n".join(tail))
    partial.replace(target)  # atomic: a binary is there whole or not at all
    progress(f"  {name}: built in {time.monotonic() - started:.0f} s, {target.stat().st_size >> 20} MiB")


def main(argv: list[str] | None = None) -> int:
    """``python -m runbook_sandbox.kubernetes.binaries [NAME]…`` builds and prints where the programs are."""
    parser = argparse.ArgumentParser(description="Build the Kubernetes binaries and print their paths.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PACKAGES)} (default: all)")
    options = parser.parse_args(argv)
    unknown = sorted(set(options.names) - set(PACKAGES))
    if unknown:
        parser.error(f"unknown program {', '.join(unknown)}; there are {', '.join(PACKAGES)}")
    try:
        binaries = ensure(options.names or PACKAGES)
    except BuildError as error:
        say(str(error))
        return 1
    for name, path in binaries.paths.items():
        print(f"{name}={path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
