"""Probes decide about readiness and restarts."""

from __future__ import annotations

SERVE = "cd /shared; exec python3 -m http.server 8080 --bind $POD_IP"
POD_IP = [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]


def test_readiness_flips_the_conditions_both_ways(cluster, shared, until):
    folder, volume = shared
    probe = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
    cluster.apply(cluster.pod(SERVE, env=POD_IP, readinessProbe=probe, **volume))
    until(lambda: cluster.container().get("state", {}).get("running"), "the container to run")
    assert cluster.condition("Ready") == "False"
    (folder / "ready").touch()
    until(lambda: cluster.condition("Ready") == "True", "the pod to be ready")
    assert cluster.container()["ready"] and cluster.condition("ContainersReady") == "True"
    (folder / "ready").unlink()
    until(lambda: cluster.condition("Ready") == "False", "the pod to be unready")
    assert cluster.container()["restartCount"] == 0


def test_liveness_restarts_a_hung_program(cluster, shared, until):
    folder, volume = shared
    probe = {"exec": {"command": ["test", "-e", "/shared/alive"]}, "periodSeconds": 1, "failureThreshold": 1}
    (folder / "alive").touch()
    spec = {**volume["spec"], "restartPolicy": "Always"}
    cluster.apply(cluster.pod("sleep 1000", livenessProbe=probe, volumeMounts=volume["volumeMounts"], spec=spec))
    until(lambda: cluster.container().get("state", {}).get("running"), "the container to run")
    first = cluster.process()
    (folder / "alive").unlink()
    until(lambda: cluster.container()["restartCount"] >= 1, "a restart")
    (folder / "alive").touch()
    assert not first.alive()
    assert cluster.container()["lastState"]["terminated"]["exitCode"] == 137  # PID 1 ignores a SIGTERM that it does not handle
    assert "Liveness probe failed" in cluster.kubectl("get", "events")


def test_a_startup_probe_holds_the_others_back(cluster, shared, until):
    folder, volume = shared
    startup = {"exec": {"command": ["test", "-e", "/shared/started"]}, "periodSeconds": 1, "failureThreshold": 1000}
    never = {"exec": {"command": ["/bin/false"]}, "periodSeconds": 1, "failureThreshold": 1}
    spec = {**volume["spec"], "restartPolicy": "Always"}
    cluster.apply(cluster.pod("sleep 1000", startupProbe=startup, livenessProbe=never, volumeMounts=volume["volumeMounts"], spec=spec))
    until(lambda: cluster.container().get("state", {}).get("running"), "the container to run")
    assert cluster.container()["started"] is False and cluster.container()["restartCount"] == 0
    (folder / "started").touch()
    until(lambda: cluster.container()["restartCount"] >= 1, "the liveness probe to begin")


def test_a_tcp_probe_needs_a_listener(cluster, shared, until):
    _, volume = shared
    probe = {"tcpSocket": {"port": "http"}, "periodSeconds": 1}
    ports = [{"name": "http", "containerPort": 8080}]
    cluster.apply(cluster.pod(SERVE, env=POD_IP, readinessProbe=probe, ports=ports, **volume))
    until(lambda: cluster.condition("Ready") == "True", "the pod to be ready")


def test_a_grpc_probe_is_refused_in_words(cluster, until):
    cluster.apply(cluster.pod("sleep 1000", readinessProbe={"grpc": {"port": 9000}}))
    until(lambda: "are supported by the node-runner" in str(cluster.container().get("state")), "the refusal")
