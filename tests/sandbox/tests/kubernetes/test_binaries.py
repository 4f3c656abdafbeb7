"""The programs are built once, whoever asks, and taken from KUBEBUILDER_ASSETS where it has them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runbook_sandbox.kubernetes import binaries

FAKE_GO = """#!/bin/sh
if [ "$1" = env ]; then echo go1.26.0; echo linux; echo amd64; exit 0; fi
echo "$@" >> "$BUILDS"
for last; do :; done
case "$last" in *helm*) echo "cannot find package"; exit 1;; esac
while [ "$1" != -o ]; do shift; done
echo compiled >&2
sleep 0.2
printf program > "$2"
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache and a compiler that notes what it is asked to build."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "go").write_text(FAKE_GO)
    (tools / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("BUILDS", str(tmp_path / "builds"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return tmp_path


def builds(machine: Path) -> list[str]:
    log = machine / "builds"
    return log.read_text().splitlines() if log.exists() else []


def test_two_at_once_build_once(machine: Path):
    command = [sys.executable, "-m", "runbook_sandbox.kubernetes.binaries", "etcd", "kubectl"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = (process.communicate()[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert first == second and "etcd=" in first
    assert len(builds(machine)) == 2


def test_what_is_built_is_stamped_static_and_not_built_again(machine: Path):
    found = binaries.ensure(["kubectl"], lambda _: None)
    assert found["kubectl"].read_text() == "program"
    binaries.ensure(["kubectl"], lambda _: None)
    (build,) = builds(machine)
    version = binaries.module_version("k8s.io/kubernetes")
    assert f"-X k8s.io/component-base/version.gitVersion={version}" in build and "-trimpath" in build


def test_assets_are_used_for_what_they_hold(machine: Path, monkeypatch: pytest.MonkeyPatch):
    assets = machine / "assets"
    assets.mkdir()
    (assets / "etcd").write_text("other")
    (assets / "etcd").chmod(0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    found = binaries.ensure(["etcd", "kubectl"], lambda _: None)
    assert found["etcd"] == assets / "etcd" and found["kubectl"].read_text() == "program"
    assert len(builds(machine)) == 1


def test_a_failed_build_says_what_the_compiler_said_and_leaves_nothing(machine: Path):
    with pytest.raises(binaries.BuildError, match="building helm failed with exit code 1:\ncannot find package"):
        binaries.ensure(["helm"], lambda _: None)
    assert not list((machine / "cache").rglob("*helm*"))


def test_the_versions_are_those_of_the_module(client):
    version = binaries.module_version("k8s.io/kubernetes")
    told = client.kubectl("version")
    assert f"Client Version: {version}" in told and f"Server Version: {version}" in told
    assert client.helm("version", "--short").strip().startswith(binaries.module_version("helm.sh/helm/v4"))
