"""Sandboxes start, stand beside each other, tell what is wrong with them, and leave nothing behind."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import pytest

from runbook_sandbox import background, cli
from runbook_sandbox.harness import Sandbox
from runbook_sandbox.state import State


def test_two_sandboxes_side_by_side_the_second_without_namespaces(client, cluster, make_cluster, options, until):
    with Sandbox.start(options=replace(options, isolation=False)) as second:
        other = make_cluster(second)
        cluster.apply(cluster.config_map("only-in-the-first"))
        other.apply(other.config_map("settings", level="info"))
        assert second.kubeconfig != client.kubeconfig
        assert "only-in-the-first" not in second.kubectl("get", "configmaps", "--all-namespaces")

        # Without namespaces a pod still finds its volumes, through rewritten paths, and the API, through KUBECONFIG.
        mounts = [{"name": "settings", "mountPath": "/etc/runbook"}]
        volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
        pod = other.pod(command=["/bin/cat"], args=["/etc/runbook/level"], volumeMounts=mounts, spec={"volumes": volumes})
        assert other.output(pod) == "info"
        probe = {"exec": {"command": ["test", "-e", "/etc/runbook/level"]}, "periodSeconds": 1}
        other.apply(other.pod("sleep 1000", "probed", readinessProbe=probe, volumeMounts=mounts, spec={"volumes": volumes}))
        until(lambda: other.condition("Ready", "pod/probed") == "True", "the pod to be ready")
        account = f"system:serviceaccount:{other.namespace}:default"
        assert account in other.output(other.pod(name="whoami", image="kubectl:dev", args=["auth", "whoami"]))
        processes = second.processes()
    assert not [name for name, process in processes.items() if process.alive()]
    assert client.kubectl("get", "--raw=/readyz") == "ok"


def test_pods_and_their_node_survive_a_restart_of_the_api_server_and_of_the_node_runner(options, make_cluster, until):
    with Sandbox.start(options=options) as sandbox:
        cluster = make_cluster(sandbox)
        cluster.apply(cluster.pod("sleep 1000", spec={"restartPolicy": "Always"}))
        until(lambda: cluster.phase() == "Running", "the pod to run")
        process = cluster.process()

        sandbox.control_plane.restart_apiserver()
        assert process.alive()
        assert cluster.output(cluster.pod("echo again", "after")) == "again\n"
        assert cluster.condition("Ready", "node/sandbox") == "True"
        assert cluster.container()["restartCount"] == 0

        sandbox.restart_node()
        assert not process.alive()
        until(lambda: cluster.container()["restartCount"] and "running" in cluster.container()["state"], "the pod to run again")
        assert cluster.container()["restartCount"] == 1
        assert cluster.container()["lastState"]["terminated"]["reason"] == "ContainerStatusUnknown"
        until(lambda: cluster.condition("Ready") == "True", "the pod to be ready")


def test_up_status_and_down(tmp_path, capsys, options):
    state = ["--state", str(tmp_path / "sandbox")]
    assert cli.main(["status", *state]) == 3
    assert cli.main(["up", *state, "--no-aws", "--image", "shell="]) == 0
    printed = capsys.readouterr().out
    kubeconfig = tmp_path / "sandbox" / "kubernetes" / "kubeconfig"
    assert f"export KUBECONFIG={kubeconfig}" in printed and kubeconfig.stat().st_mode & 0o077 == 0
    processes = State.read(tmp_path / "sandbox").processes
    assert cli.main(["status", *state]) == 0
    assert cli.main(["up", *state]) == 0  # the one that runs is found, not started twice
    assert State.read(tmp_path / "sandbox").processes == processes
    assert cli.main(["down", *state]) == 0
    assert not [name for name, process in processes.items() if process.alive()]
    assert not (tmp_path / "sandbox").exists()
    assert cli.main(["down", *state]) == 0


def test_a_crash_is_reported_with_the_end_of_the_log_and_ends_the_rest(tmp_path, options, capsys, until):
    folder = tmp_path / "sandbox"
    background.up(folder, options, owner=background.me())
    state = State.read(folder)
    os.kill(state.processes["etcd"].pid, signal.SIGKILL)
    until(lambda: State.read(folder).phase == "failed", "the crash to be noticed")
    assert cli.main(["status", "--state", str(folder)]) == 1
    assert "etcd ended with exit code -9; the end of" in capsys.readouterr().out
    until(lambda: not state.alive(), "the other programs to end")
    background.down(folder)


def test_everything_ends_with_the_supervisor_even_by_force(tmp_path, options, make_cluster, until):
    folder = tmp_path / "sandbox"
    client, _ = background.up(folder, options, owner=background.me())
    cluster = make_cluster(client)
    cluster.apply(cluster.pod("sleep 1000"))
    until(lambda: cluster.phase() == "Running", "the pod to run")
    process, state = cluster.process(), State.read(folder)
    os.kill(state.processes["supervisor"].pid, signal.SIGKILL)
    until(lambda: not state.alive() and not process.alive(), "all processes to end")
    assert cli.main(["status", "--state", str(folder)]) == 3
    background.down(folder)


@pytest.mark.parametrize(
    ("image", "complaint"),
    [("no-separator", "write NAME=PATH"), ("name=/no/such/file", "there is no file /no/such/file")],
)
def test_a_wrong_image_is_refused_before_anything_starts(tmp_path, capsys, image, complaint):
    with pytest.raises(SystemExit) as exit:
        cli.main(["up", "--state", str(tmp_path / "sandbox"), "--image", image])
    assert exit.value.code == 2
    assert complaint in capsys.readouterr().err
    assert not (tmp_path / "sandbox").exists()
