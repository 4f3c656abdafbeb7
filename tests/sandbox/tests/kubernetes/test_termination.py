"""Pods end as asked: a signal, time to act on it, then no process left."""

from __future__ import annotations


def running(cluster, until, pod):
    cluster.apply(pod)
    until(lambda: cluster.container().get("state", {}).get("running"), "the container to run")
    return cluster.process()


def test_a_program_may_finish_its_work_within_the_grace_period(cluster, shared, until):
    folder, volume = shared
    script = "trap 'echo finished > /shared/end; exit 0' TERM; touch /shared/begun; while :; do sleep 0.05; done"
    process = running(cluster, until, cluster.pod(script, **{**volume, "spec": {**volume["spec"], "terminationGracePeriodSeconds": 60}}))
    until(lambda: (folder / "begun").exists(), "the program to begin")
    cluster.kubectl("delete", "pod", "pod", "--timeout=60s")
    assert (folder / "end").read_text() == "finished\n"
    assert not process.alive()


def test_a_program_that_ignores_the_signal_is_killed_with_all_its_children(cluster, until):
    script = "trap '' TERM; sleep 1000 & while :; do wait; done"
    process = running(cluster, until, cluster.pod(script))
    cluster.kubectl("delete", "pod", "pod", "--timeout=60s")
    assert not process.alive()


def test_a_forced_deletion_leaves_no_process(cluster, until):
    process = running(cluster, until, cluster.pod("sleep 1000", spec={"terminationGracePeriodSeconds": 300}))
    cluster.kubectl("delete", "pod", "pod", "--force", "--grace-period=0")
    until(lambda: not process.alive(), "the process to end")


def test_a_pre_stop_hook_runs_first(cluster, shared, until):
    folder, volume = shared
    hook = {"preStop": {"exec": {"command": ["/bin/sh", "-c", "echo hook >> /shared/order"]}}}
    script = "trap 'echo term >> /shared/order; exit 0' TERM; touch /shared/begun; while :; do sleep 0.05; done"
    spec = {**volume["spec"], "terminationGracePeriodSeconds": 60}
    running(cluster, until, cluster.pod(script, lifecycle=hook, volumeMounts=volume["volumeMounts"], spec=spec))
    until(lambda: (folder / "begun").exists(), "the program to begin")
    cluster.kubectl("delete", "pod", "pod", "--timeout=60s")
    assert (folder / "order").read_text() == "hook\nterm\n"


def test_a_program_leaves_a_message(cluster, until):
    spec = {"restartPolicy": "Never"}
    log = [{"name": "LOG", "value": "/dev/termination-log"}]
    script = "echo beside it; printf '%s' 'there is no table' > $LOG; head -c 5000 /dev/zero | tr '\\0' x >> $LOG; exit 3"
    cluster.apply(cluster.pod(script, env=log, spec=spec))
    until(lambda: cluster.container().get("state", {}).get("terminated"), "the container to end")
    ended = cluster.container()["state"]["terminated"]
    assert ended["exitCode"] == 3
    assert ended["message"].startswith("there is no table") and len(ended["message"]) == 4096


def test_deleting_a_namespace_finishes(client, cluster, make_cluster, until):
    doomed = make_cluster(client)
    running(doomed, until, doomed.pod("sleep 1000"))
    client.kubectl("delete", "namespace", doomed.namespace, "--timeout=60s")
    assert doomed.namespace not in client.kubectl("get", "namespaces", "--output=name")
