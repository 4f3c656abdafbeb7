"""Rules of the kubelet that need no cluster to be checked."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from runbook_sandbox.kubernetes.node.container import State
from runbook_sandbox.kubernetes.node.environment import ConfigError, expand, field, resource
from runbook_sandbox.kubernetes.node.fallback import as_on_machine
from runbook_sandbox.kubernetes.node.images import ImageMissing, Images
from runbook_sandbox.kubernetes.node.process import Mount
from runbook_sandbox.kubernetes.node.status import conditions, phase
from runbook_sandbox.kubernetes.node.volumes import write_atomically


# Cases of Kubernetes' third_party/forked/golang/expansion/expand_test.go.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(VAR_A)", "A"),
        ("___$(VAR_B)___", "___B___"),
        ("$(VAR_A)-1", "A-1"),
        ("$$(VAR_A)", "$(VAR_A)"),
        ("$$$(VAR_A)", "$A"),
        ("$$$$(VAR_A)", "$$(VAR_A)"),
        ("$(VAR_DNE)", "$(VAR_DNE)"),
        ("$VAR_A", "$VAR_A"),
        ("f000-$(VAR_A", "f000-$(VAR_A"),
        ("foo$", "foo$"),
    ],
)
def test_expansion(text: str, expected: str):
    assert expand(text, {"VAR_A": "A", "VAR_B": "B"}) == expected


@pytest.mark.parametrize(
    ("limits", "reference", "expected"),
    [
        ({"memory": "64Mi"}, {"resource": "limits.memory"}, str(64 << 20)),
        ({"memory": "64Mi"}, {"resource": "limits.memory", "divisor": "1Mi"}, "64"),
        ({"cpu": "250m"}, {"resource": "limits.cpu"}, "1"),
        ({"cpu": "250m"}, {"resource": "limits.cpu", "divisor": "1m"}, "250"),
        ({}, {"resource": "requests.cpu"}, "0"),
    ],
)
def test_resource_fields_round_up(limits, reference, expected):
    assert resource({"resources": {"limits": limits}}, reference) == expected


def test_an_unknown_field_is_an_error():
    with pytest.raises(ConfigError, match=r"fieldRef status\.qosClass is not supported"):
        field({"metadata": {"name": "n", "namespace": "ns", "uid": "u"}, "spec": {}}, "status.qosClass")


def containers(*states: str) -> list[SimpleNamespace]:
    """Containers from words: waiting, again (waiting after a run), running, or an exit code."""
    made = []
    for state in states:
        last = State("terminated", {"exitCode": 1}) if state == "again" else None
        kind = "waiting" if state == "again" else state if state in ("waiting", "running") else "terminated"
        made.append(
            SimpleNamespace(name=state, state=State(kind, {"exitCode": int(state)} if state.isdigit() else {}), last=last, ready=False)
        )
    return made


@pytest.mark.parametrize(
    ("policy", "init", "main", "stopping", "expected"),
    [
        ("Always", [], ["waiting"], False, "Pending"),
        ("Always", ["running"], ["waiting"], False, "Pending"),
        ("Always", ["0"], ["running", "waiting"], False, "Pending"),
        ("Always", [], ["running"], False, "Running"),
        ("Always", [], ["again"], False, "Running"),
        ("Always", [], ["0"], False, "Running"),
        ("Never", [], ["0", "0"], False, "Succeeded"),
        ("Never", [], ["0", "3"], False, "Failed"),
        ("OnFailure", [], ["0"], False, "Succeeded"),
        ("OnFailure", [], ["3"], False, "Running"),
        ("Never", ["1"], ["waiting"], False, "Failed"),
        ("OnFailure", ["1"], ["waiting"], False, "Pending"),
        ("Always", [], ["0"], True, "Succeeded"),
        ("Always", [], ["143"], True, "Failed"),
        ("Always", [], ["running"], True, "Running"),
    ],
)
def test_phase(policy, init, main, stopping, expected):
    assert phase({"spec": {"restartPolicy": policy}}, containers(*init), containers(*main), stopping) == expected


def test_a_condition_keeps_its_time_until_it_flips():
    pods = containers("running")
    before = conditions([], [], pods, "Running", "2026-01-01T00:00:00Z")
    pods[0].ready = True
    after = {condition["type"]: condition for condition in conditions(before, [], pods, "Running", "2026-01-02T00:00:00Z")}
    assert after["Ready"]["status"] == "True" and after["Ready"]["lastTransitionTime"] == "2026-01-02T00:00:00Z"
    assert after["Ready"]["reason"] is None  # removed by the patch, which would keep what it does not name
    assert after["Initialized"]["lastTransitionTime"] == "2026-01-01T00:00:00Z"


def test_files_change_all_at_once_and_only_when_they_differ(tmp_path: Path):
    assert write_atomically(tmp_path, {"a": (b"1", 0o644), "deep/b": (b"2", 0o600)})
    assert not write_atomically(tmp_path, {"a": (b"1", 0o644), "deep/b": (b"2", 0o600)})
    first = (tmp_path / "..data").resolve()
    assert write_atomically(tmp_path, {"a": (b"changed", 0o644)})
    assert (tmp_path / "a").read_text() == "changed" and not (tmp_path / "deep").exists()
    assert not first.exists()


def test_an_image_is_one_program_under_any_path():
    images = Images({"operator:dev": "/built/runbook-operator", "shell": ""})
    assert images.command({"image": "operator:dev", "args": ["run"]}, {}) == ["/built/runbook-operator", "run"]
    assert images.command({"image": "operator:dev", "command": ["/usr/bin/runbook-operator"]}, {}) == ["/built/runbook-operator"]
    assert images.command({"image": "operator:dev", "command": ["/bin/sh"]}, {}) == ["/bin/sh"]
    with pytest.raises(ConfigError, match="has no entrypoint"):
        images.command({"image": "shell"}, {})
    with pytest.raises(ImageMissing, match=r"it has: operator:dev, shell"):
        images.command({"image": "other"}, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/etc/app/file", "/real/file"),
        ("--config=/etc/app", "--config=/real"),
        ("/etc/application", "/etc/application"),
        ("/other/etc/app", "/other/etc/app"),
        ("cat /etc/app/a '/etc/app/b'", "cat /real/a '/real/b'"),
    ],
)
def test_without_namespaces_paths_of_volumes_are_rewritten(text, expected):
    assert as_on_machine(text, [Mount(Path("/real"), "/etc/app", False)]) == expected
