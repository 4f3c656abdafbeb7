"""Environment, arguments and volumes arrive in the program as the kubelet would bring them."""

from __future__ import annotations

import base64
from pathlib import Path


def secret(name: str, **data: str):
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}


def test_environment_from_all_sources_and_arguments_that_refer_to_it(cluster):
    cluster.apply(cluster.config_map("settings", region="eu-central-1"), secret("login", password="s3cret"))
    env = [
        {"name": "PLAIN", "value": "plain"},
        {"name": "COMPOSED", "value": "$(PLAIN)-$(CM_region)-$(UNKNOWN)-$$(PLAIN)"},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "password"}}},
        {"name": "REGION", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "region"}}},
        {"name": "ABSENT", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "none", "optional": True}}},
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
        {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
    ]
    script = 'echo "$0 $COMPOSED $PASSWORD $REGION ${ABSENT-unset} $NAME $APP $LIMIT $(hostname)"'
    container = {
        "command": ["/bin/sh", "-c", script],
        "args": ["$(PLAIN)"],
        "env": env,
        "envFrom": [{"configMapRef": {"name": "settings"}, "prefix": "CM_"}],
        "resources": {"limits": {"memory": "64Mi"}},
    }
    printed = cluster.output(cluster.pod(**container))
    assert printed == "plain plain-eu-central-1-$(UNKNOWN)-$(PLAIN) s3cret eu-central-1 unset pod pod 64 pod\n"


def test_nothing_of_the_machine_leaks_into_the_environment(cluster):
    names = {line.partition("=")[0] for line in cluster.output(cluster.pod("env")).splitlines()}
    assert names <= {"PATH", "HOME", "HOSTNAME", "PWD", "SHLVL", "_", "OLDPWD"} | {name for name in names if name.startswith("KUBERNETES_")}


def test_a_pod_has_no_home_in_which_it_could_find_credentials_of_real_systems(cluster):
    printed = cluster.output(cluster.pod("echo $HOME; ls -d ~/.kube ~/.aws; true"))
    assert printed.splitlines()[0] == "/"
    assert printed.count("No such file or directory") == 2


def test_volumes_are_at_their_true_paths(cluster):
    cluster.apply(cluster.config_map("settings", **{"app.conf": "level=info", "other": "x"}), secret("login", password="s3cret"))
    sources = [
        {"configMap": {"name": "settings", "items": [{"key": "other", "path": "deep/renamed"}]}},
        {"secret": {"name": "login"}},
        {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    ]
    volumes = [
        {"name": "config", "configMap": {"name": "settings"}},
        {"name": "all", "projected": {"sources": sources}},
        {"name": "scratch", "emptyDir": {}},
    ]
    mounts = [
        {"name": "config", "mountPath": "/etc/runbook"},
        {"name": "config", "mountPath": "/etc/one-file.conf", "subPath": "app.conf"},
        {"name": "all", "mountPath": "/var/run/all"},
        {"name": "scratch", "mountPath": "/scratch"},
    ]
    script = """
      cat /etc/runbook/app.conf; echo; cat /etc/one-file.conf; echo; cat /var/run/all/deep/renamed; echo
      cat /var/run/all/password; echo; cat /var/run/all/labels; echo
      echo kept > /scratch/file && cat /scratch/file
      touch /etc/runbook/new 2>/dev/null || echo read-only
    """
    printed = cluster.output(cluster.pod(script, volumeMounts=mounts, spec={"volumes": volumes}))
    assert printed.splitlines() == ["level=info", "level=info", "x", "s3cret", 'app="pod"', "kept", "read-only"]


def test_a_changed_config_map_reaches_the_running_program(cluster, until):
    cluster.apply(cluster.config_map("settings", level="old"))
    script = "until grep -q new /config/level; do sleep 0.05; done; ls /config"
    mounts = [{"name": "config", "mountPath": "/config"}]
    pod = cluster.pod(script, volumeMounts=mounts, spec={"volumes": [{"name": "config", "configMap": {"name": "settings"}}]})
    cluster.apply(pod)
    until(lambda: cluster.container().get("state", {}).get("running"), "the container to run")
    cluster.apply(cluster.config_map("settings", level="new", added="yes"))
    until(lambda: cluster.phase() == "Succeeded", "the program to see the change")
    assert cluster.kubectl("logs", "pod") == "added\nlevel\n"


def test_a_pod_waits_for_a_config_map_that_comes_later(cluster, until):
    cluster.apply(cluster.pod("echo $LEVEL", env=[{"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "level"}}}]))
    until(lambda: cluster.container().get("state", {}).get("waiting", {}).get("reason") == "CreateContainerConfigError", "the error")
    assert '"late" not found' in cluster.container()["state"]["waiting"]["message"]
    cluster.apply(cluster.config_map("late", level="info"))
    until(lambda: cluster.phase() == "Succeeded", "the pod to run")
    assert cluster.kubectl("logs", "pod") == "info\n"


def test_a_volume_of_an_unsupported_type_is_said_not_ignored(cluster, until):
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    cluster.apply(cluster.pod("true", spec={"volumes": volumes}, volumeMounts=[{"name": "data", "mountPath": "/data"}]))
    until(lambda: "persistentVolumeClaim are not supported" in cluster.kubectl("get", "events"), "the event")
    assert cluster.phase() == "Pending"


def test_the_machine_keeps_its_file_system(cluster):
    cluster.output(cluster.pod("true", volumeMounts=[{"name": "s", "mountPath": "/srv/sandbox-only"}], spec={"volumes": [{"name": "s"}]}))
    assert not Path("/srv/sandbox-only").exists()
