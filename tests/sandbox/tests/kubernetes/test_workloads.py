"""Deployments, Jobs and bare pods live and end as their kinds promise."""

from __future__ import annotations

import os
import signal


def test_a_deployment_becomes_available_with_an_address_for_each_pod(cluster, until):
    labels = {"app": "web"}
    # Both replicas bind the same port, which works because each pod has a loopback address of its own.
    container = {
        "name": "main",
        "image": "shell",
        "command": ["python3", "-m", "http.server", "8080", "--bind", "$(POD_IP)"],
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
        "workingDir": "/usr/share/doc",
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 1}
    template = {"metadata": {"labels": labels}, "spec": spec}
    deployment = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    cluster.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": deployment})
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert cluster.condition("Available", "deployment/web") == "True"
    addresses = {pod["status"]["podIP"] for pod in cluster.get("pods", "--selector=app=web")["items"]}
    assert len(addresses) == 2 and all(address.startswith("127.") for address in addresses)

    cluster.kubectl("scale", "deployment/web", "--replicas=1")
    until(lambda: len(cluster.get("pods", "--selector=app=web")["items"]) == 1, "the second pod to go")


def job(name: str, script: str, **spec):
    container = {"name": "main", "image": "shell", "command": ["/bin/sh", "-c", script]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": template, **spec}}


def test_a_job_completes(cluster):
    cluster.apply(job("good", "echo exported"))
    cluster.kubectl("wait", "--for=condition=Complete", "job/good", "--timeout=60s")
    assert cluster.kubectl("logs", "job/good") == "exported\n"
    terminated = cluster.get("pods", "--selector=job-name=good")["items"][0]["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (terminated["exitCode"], terminated["reason"]) == (0, "Completed")


def test_a_job_fails_with_the_exit_code_of_its_program(cluster):
    cluster.apply(job("bad", "exit 42", backoffLimit=0))
    cluster.kubectl("wait", "--for=condition=Failed", "job/bad", "--timeout=60s")
    terminated = cluster.get("pods", "--selector=job-name=bad")["items"][0]["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (terminated["exitCode"], terminated["reason"]) == (42, "Error")


def test_a_job_tries_again_up_to_its_limit(cluster):
    cluster.apply(job("stubborn", "exit 1", backoffLimit=1))
    cluster.kubectl("wait", "--for=condition=Failed", "job/stubborn", "--timeout=60s")
    assert cluster.get("job", "stubborn")["status"]["failed"] == 2


def test_a_signal_is_reported_as_the_kubelet_reports_it(cluster, until):
    cluster.apply(cluster.pod("sleep 1000"))
    until(lambda: cluster.container().get("state", {}).get("running"), "the container to run")
    os.kill(cluster.process().pid, signal.SIGKILL)
    until(lambda: cluster.phase() == "Failed", "the pod to fail")
    assert cluster.container()["state"]["terminated"]["exitCode"] == 128 + signal.SIGKILL


def test_init_containers_run_one_after_the_other_before_the_rest(cluster, shared):
    _, volume = shared
    mounts = volume["volumeMounts"]
    init = [
        {"name": name, "image": "shell", "command": ["/bin/sh", "-c", f"echo {name} >> /shared/order"], "volumeMounts": mounts}
        for name in ("first", "second")
    ]
    pod = cluster.pod("cat /shared/order", volumeMounts=mounts, spec={**volume["spec"], "initContainers": init})
    assert cluster.output(pod) == "first\nsecond\n"
    assert cluster.condition("Initialized") == "True"


def test_a_failing_init_container_fails_a_pod_that_is_never_restarted(cluster, until):
    init = [{"name": "init", "image": "shell", "command": ["/bin/false"]}]
    cluster.apply(cluster.pod("echo unreachable", spec={"initContainers": init}))
    until(lambda: cluster.phase() == "Failed", "the pod to fail")
    assert "waiting" in cluster.container()["state"]
    assert cluster.condition("Initialized") == "False"


def test_a_crashing_container_backs_off_and_is_started_again(cluster, until):
    cluster.apply(cluster.pod("exit 3", spec={"restartPolicy": "Always"}))

    def backing_off() -> bool:
        status = cluster.container()
        reason = status.get("state", {}).get("waiting", {}).get("reason")
        return reason == "CrashLoopBackOff" and status["restartCount"] >= 2 and status["lastState"]["terminated"]["exitCode"] == 3

    until(backing_off, "CrashLoopBackOff")
    assert cluster.phase() == "Running" and cluster.condition("Ready") == "False"
    until(lambda: "BackOff" in cluster.kubectl("get", "events"), "the event")


def test_on_failure_restarts_until_the_program_succeeds(cluster, shared, until):
    _, volume = shared
    script = "test -e /shared/tried || { touch /shared/tried; exit 1; }"
    pod = cluster.pod(script, volumeMounts=volume["volumeMounts"], spec={**volume["spec"], "restartPolicy": "OnFailure"})
    cluster.apply(pod)
    until(lambda: cluster.phase() == "Succeeded", "the pod to succeed")
    assert cluster.container()["restartCount"] == 1


def test_a_program_that_does_not_exist_is_a_start_error(cluster, until):
    cluster.apply(cluster.pod(command=["/no/such/program"]))
    until(lambda: cluster.phase() == "Failed", "the pod to fail")
    terminated = cluster.container()["state"]["terminated"]
    assert (terminated["exitCode"], terminated["reason"]) == (128, "StartError")
    assert "/no/such/program" in terminated["message"]


def test_an_unknown_image_says_what_to_do(cluster, until):
    cluster.apply(cluster.pod(image="unknown:1", command=["/bin/true"]))
    until(lambda: cluster.container().get("state", {}).get("waiting", {}).get("reason") == "ErrImagePull", "ErrImagePull")
    assert "--image unknown:1=PATH" in cluster.container()["state"]["waiting"]["message"]


def test_a_bad_pod_does_not_stop_the_others(cluster, until):
    cluster.apply(cluster.pod("true", "bad", image="unknown:1"), cluster.pod("true", "good"))
    until(lambda: cluster.phase("good") == "Succeeded", "the good pod to end")
    assert cluster.phase("bad") == "Pending"
    cluster.kubectl("delete", "pod", "bad", "--timeout=60s")


def test_what_the_node_runner_cannot_do_is_said_and_the_pod_can_be_deleted(cluster, until):
    sidecar = [{"name": "sidecar", "image": "shell", "command": ["/bin/true"], "restartPolicy": "Always"}]
    cluster.apply(cluster.pod("true", spec={"initContainers": sidecar}))

    def refused() -> bool:
        init = cluster.status().get("initContainerStatuses") or [{}]
        return "not supported by the node-runner" in str(init[0].get("state"))

    until(refused, "the refusal")
    cluster.kubectl("delete", "pod", "pod", "--timeout=60s")


def test_a_pod_for_another_node_stays_pending_with_a_reason(cluster, until):
    cluster.apply(cluster.pod("true", spec={"nodeSelector": {"disk": "none"}}))
    until(lambda: cluster.condition("PodScheduled") == "False", "the pod to be found unschedulable")
    assert cluster.phase() == "Pending"
