"""A whole sandbox: a Kubernetes API, its one node and an AWS, for as long as a ``with`` block or a supervisor lasts."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_sandbox.kubernetes.binaries import Binaries, ensure
from runbook_sandbox.kubernetes.connection import NotServed, Refused
from runbook_sandbox.kubernetes.control_plane import ControlPlane
from runbook_sandbox.kubernetes.objects import Objects
from runbook_sandbox.processes import Child, Identity


class CommandError(RuntimeError):
    """kubectl or helm failed; the message is what it said."""


@dataclass(frozen=True)
class Options:
    """What can be chosen about a sandbox.

    ``images`` maps an image's name to a program of this machine ("" for one without entrypoint). ``crash_back_off`` and
    ``volume_refresh`` are seconds. ``isolation`` False keeps programs out of namespaces even where the machine allows them.
    ``audit`` has the API server write what ServiceAccounts ask of it to ``control_plane.audit_log``.
    """

    images: Mapping[str, str] = field(default_factory=dict)
    aws: bool = True
    isolation: bool = True
    crash_back_off: float = 10.0
    volume_refresh: float = 10.0
    audit: bool = False


@dataclass
class Client:
    """A running sandbox as its user sees it; also made from the state of one that another process runs."""

    kubeconfig: Path
    aws_endpoint: str
    path: str
    _objects: Objects | None = field(default=None, init=False, repr=False, compare=False)

    def environment(self) -> dict[str, str]:
        """Variables for programs that shall talk to this sandbox: kubectl, helm, the AWS SDKs and CLI."""
        result = {"KUBECONFIG": str(self.kubeconfig), "PATH": f"{self.path}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
        # Another sandbox may have had the same port, and other kinds.
        result["KUBECACHEDIR"] = str(self.kubeconfig.parent / "cache")
        home = self.kubeconfig.parent / "helm"
        result |= {"HELM_CACHE_HOME": f"{home}/cache", "HELM_CONFIG_HOME": f"{home}/config", "HELM_DATA_HOME": f"{home}/data"}
        if self.aws_endpoint:
            result |= {"AWS_ENDPOINT_URL": self.aws_endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
            result |= {"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1"}
        return result

    def run(self, *command: str, stdin: str | None = None) -> str:
        """Runs a program against this sandbox and returns its output; CommandError with what it said if it fails."""
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=os.environ | self.environment())
        if done.returncode != 0:
            raise CommandError(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.run("kubectl", *arguments, stdin=stdin)

    def helm(self, *arguments: str) -> str:
        return self.run("helm", *arguments)

    @property
    def objects(self) -> Objects:
        """Its objects, without a kubectl."""
        self._objects = self._objects or Objects(self.kubeconfig)
        return self._objects

    def apply(self, *objects: dict[str, Any]) -> None:
        """Applies objects as `kubectl apply` does: all of them, whatever becomes of one."""
        refused: list[str] = []
        for item in objects:
            with self._told(f"apply {item['kind']} {item['metadata']['name']}", refused):
                try:
                    self.objects.apply(item)
                except NotServed:
                    self.kubectl("apply", "--filename=-", stdin=json.dumps(item))
        if refused:
            raise CommandError("\n".join(refused))

    def get(self, *arguments: str) -> dict[str, Any]:
        """`kubectl get … --output=json`, parsed; without a kubectl where it is one object or one list."""
        with self._told(f"get {' '.join(arguments)}"):
            try:
                return self.objects.get(*arguments)
            except NotServed:
                return json.loads(self.kubectl("get", "--output=json", *arguments))

    def annotate(self, kind: str, name: str, namespace: str, **annotations: str) -> None:
        """`kubectl annotate --overwrite`."""
        with self._told(f"annotate {kind} {name}"):
            self.objects.annotate(kind, name, namespace, **annotations)

    @contextlib.contextmanager
    def _told(self, what: str, refused: list[str] | None = None) -> Iterator[None]:
        """What the API server does not do is a CommandError, or one more text of a list."""
        try:
            yield
        except (CommandError, Refused, OSError, http.client.HTTPException) as error:
            told = CommandError(f"{what}: {error}")
            if refused is None:
                raise told from error
            refused.append(str(told))


class Sandbox(Client):
    """A sandbox whose programs are children of this process and end with it. Its log files are in ``directory``."""

    def __init__(self, directory: Path, options: Options, binaries: Binaries) -> None:
        super().__init__(directory / "kubernetes" / "kubeconfig", "", binaries.search_path())
        self.directory, self.options = directory, options
        self.control_plane = ControlPlane(directory / "kubernetes", binaries, self.options.audit)
        self._children: list[Child] = []

    @classmethod
    @contextlib.contextmanager
    def start(cls, directory: Path | None = None, options: Options | None = None) -> Iterator[Sandbox]:
        """A running sandbox; everything has ended after the block. Without ``directory`` in a temporary one, removed as well.

        Call it from the main thread: the programs end with the thread that started them (see processes.Child).
        """
        with contextlib.ExitStack() as cleanup:
            if directory is None:
                directory = Path(tempfile.mkdtemp(prefix="runbook-sandbox-"))
                cleanup.callback(shutil.rmtree, directory, ignore_errors=True)
            sandbox = cls(directory, options or Options(), ensure())
            cleanup.callback(sandbox.stop)
            sandbox.begin()
            yield sandbox

    def begin(self) -> None:
        """Starts everything; returns when the node is registered and the AWS endpoint answers. ProcessError tells what did not."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        ready = self.directory / "aws.ready"
        ready.unlink(missing_ok=True)
        if self.options.aws:  # starts while the API server does
            aws = self._child("aws", "runbook_sandbox.aws.server", "--port=0", f"--ready-file={ready}")
        self.control_plane.start()
        self.start_node()
        if self.options.aws:
            aws.wait_ready(lambda: ready.exists() and ready.read_text().endswith("\n"), 60)
            self.aws_endpoint = ready.read_text().strip()

    def start_node(self) -> Child:
        """Starts the node-runner and returns when its Node exists."""
        options = self.options
        arguments = [
            f"--server={self.control_plane.server}",
            f"--pki={self.directory}/kubernetes/pki",
            f"--directory={self.directory}/node",
        ]
        arguments += [f"--crash-back-off={options.crash_back_off}", f"--volume-refresh={options.volume_refresh}"]
        arguments += [f"--image={name}={path}" for name, path in options.images.items()]
        arguments += [] if options.isolation else ["--no-isolation"]
        node = self._child("node-runner", "runbook_sandbox.kubernetes.node_runner", *arguments)
        node.wait_ready(lambda: self.control_plane.exists("/api/v1/nodes/sandbox"), 60)
        return node

    def restart_node(self) -> None:
        """Ends the node-runner, and its pods' processes with it, and starts it again."""
        node = next(child for child in self._children if child.name == "node-runner")
        node.stop()
        self._children.remove(node)
        self.start_node()

    def _child(self, name: str, module: str, *arguments: str) -> Child:
        logs = self.directory / "logs"
        logs.mkdir(exist_ok=True)
        child = Child(name, [sys.executable, "-m", module, *arguments], logs / f"{name}.log", {"PYTHONUNBUFFERED": "1"})
        self._children.append(child)
        return child

    def processes(self) -> dict[str, Identity]:
        """Every program of the sandbox, but not those of pods, which end with the node-runner."""
        return {child.name: child.identity for child in (*self.control_plane.children.values(), *self._children)}

    def check(self) -> None:
        """Raises ProcessError, with the tail of its log, if a program of the sandbox has ended."""
        self.control_plane.check()
        for child in self._children:
            child.check()

    def stop(self) -> None:
        """Ends everything: the node first, so that its processes are gone before the API they talk to."""
        for child in reversed(self._children):
            child.stop()
        self._children.clear()
        self.control_plane.stop()
