"""Least privilege in Kubernetes: the operator has the rules that it uses and no other, and people have what their role says."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from runbook_sandbox.clocked.account import ACCOUNT, OPERATOR_USER, REGION
from runbook_sandbox.clocked.installation import NAMESPACE, RELEASE, REPOSITORY, condition, until
from runbook_sandbox.harness import CommandError

OPERATOR = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"


class Right(NamedTuple):
    """A verb on a resource, with the one name it is limited to, if any."""

    group: str
    resource: str
    verb: str
    name: str = ""


def granted(role: dict[str, Any]) -> list[Right]:
    """The rights that a role gives, rule by rule."""
    return [
        Right(group, resource, verb, name)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    ]


def requests(sandbox, since: int = 0) -> Iterator[dict[str, Any]]:
    """What the operator asked of the API server, by the audit log from this byte on."""
    with sandbox.control_plane.audit_log.open("rb") as log:
        log.seek(since)
        for line in log:
            if not line.endswith(b"\n"):
                return  # being written
            event = json.loads(line)
            if event["user"]["username"] == OPERATOR and "objectRef" in event:
                yield event


def right(event: dict[str, Any], named: set[tuple[str, str]]) -> Right:
    """The right that a request used."""
    about = event["objectRef"]
    resource = "/".join(part for part in (about["resource"], about.get("subresource")) if part)
    name = about.get("name", "") if (resource, event["verb"]) in named else ""
    return Right(about.get("apiGroup", ""), resource, event["verb"], name)


def asked(sandbox, rights: list[Right]) -> set[Right]:
    named = {(given.resource, given.verb) for given in rights if given.name}
    return {right(event, named) for event in requests(sandbox)}


def provoke_everything(place, operator, loosen) -> None:
    """Has the operator do all that it can do in Kubernetes, and waits for each: one right too few, and this does not end well."""
    since = operator.control_plane.audit_log.stat().st_size
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=2))
    place.in_sync("web")
    until("the account is ready", account_condition(operator, place.name, "Ready"), lambda ready: ready.get("status") == "True")
    # The finalizer of a policy that is to remove what it creates, put on and taken off again.
    place.account.create_services("banded", cluster=place.cluster)
    band = {"minCapacity": 1, "maxCapacity": 2}
    place.apply(place.policy("banded", autoscaling=band, deletionPolicy="Delete"))
    place.in_sync("banded")
    assert place.get("banded")["metadata"]["finalizers"] == ["ops.clocked.app/cleanup"]
    place.apply(place.policy("banded", autoscaling=band, deletionPolicy="Retain"))
    place.wait("banded", lambda policy: not policy["metadata"].get("finalizers"), "may go at once again")
    # An adoption, and the removal of an override that ended years ago.
    place.account.set_desired("web", 4, place.cluster)
    until("the scale-out is adopted", place.overrides, lambda found: len(found) == 1)
    old = place.override("old", "web", seconds=-10 * 86400, atLeast=3)
    old["metadata"]["labels"] = {"ops.clocked.app/made-by": "cli"}
    place.apply(old)
    until("the old override is removed", place.overrides, lambda found: len(found) == 1)
    # A database that is not there is told of.
    place.apply(backup(place, {"deletionProtection": True}))
    until("the backup policy is told", policy_condition(place, "Stalled"), lambda stalled: stalled.get("status") == "True")
    runs = [run(place, kind, spec) for kind, spec in RUNS.items()]
    provoke_runs(place, runs)
    for kind in ("awsaccounts", "backuppolicies", "databasebackups", "databaserestores", "scalingoverrides", "scalingpolicies"):
        loosen(f"{kind}.ops.clocked.app")
    bad = place.policy("bad", autoscaling={"minCapacity": "two"})
    override = place.override("bad-override", "web", atLeast=3)
    override["spec"]["expiresAt"] = "at noon"
    account = {"apiVersion": bad["apiVersion"], "kind": "AwsAccount", "metadata": {"name": f"{place.name}-bad"}, "spec": {"regions": "all"}}

    def taken(*objects: dict[str, Any]) -> bool:
        try:
            place.apply(*objects)
        except CommandError:
            return False  # the API server takes a moment to follow a changed CRD
        return True

    malformed = [run(place, kind, {"source": "none"}, "bad") for kind in RUNS]
    wrong = (bad, override, account, backup(place, {"deletionProtection": "yes"}), *malformed)
    until("the API server takes anything", lambda: taken(*wrong), bool)
    for thing in malformed:
        stalled = run_condition(place, thing, "Stalled")
        until(f"the {thing['kind']} is told", stalled, lambda found: found.get("reason") == "InvalidSpec")
    until("the backup policy is told", policy_condition(place, "Stalled"), lambda stalled: stalled.get("reason") == "InvalidSpec")
    place.stalled("bad", "InvalidSpec")
    told = account_condition(operator, f"{place.name}-bad", "Stalled")
    until("the account is told", told, lambda stalled: stalled.get("reason") == "InvalidSpec")
    # The same again of another generation: an event that is counted rather than made.
    bad["spec"]["more"] = "of the same"
    place.apply(bad)
    written = Right("events.k8s.io", "events", "patch")
    until("the event is counted", lambda: {right(event, set()) for event in requests(operator, since)}, lambda seen: written in seen)


#: Of each kind that is done once, one that removes in AWS what it made there when it goes.
RUNS = {
    "DatabaseBackup": {"deletionPolicy": "Delete"},
    "DatabaseRestore": {
        "outcome": "Verify",
        "verification": {"checks": [{"name": "any", "sql": "SELECT 1", "expect": "value == 1"}]},
    },
}


#: An export of a policy, each minute.
EXPORT = {
    "name": "user-data",
    "schedule": "* * * * *",
    "source": "Primary",
    "connection": {"secretRef": {"name": "connection"}},
    "serviceAccountName": "exporter",
    "s3": {"bucket": "clocked-backups", "prefix": "database/"},
}


def run(place, kind: str, spec: dict[str, Any], name: str = "run") -> dict[str, Any]:
    """A backup of a database by hand, or a restore of it, not yet applied."""
    of = {"rdsInstance": place.name}
    named = {"accountRef": {"name": place.name}, "source": of if kind == "DatabaseBackup" else {"pointInTime": of}}
    metadata = {"name": name, "namespace": place.namespace}
    return {"apiVersion": "ops.clocked.app/v1alpha1", "kind": kind, "metadata": metadata, "spec": named | spec}


def run_condition(place, thing: dict[str, Any], kind: str) -> Callable[[], dict[str, Any]]:
    where = (thing["kind"].lower(), thing["metadata"]["name"], f"--namespace={place.namespace}")
    return lambda: condition(place.client.get(*where), kind)


def provoke_runs(place, runs: list[dict[str, Any]]) -> None:
    """Has both done and removed again, finalizer and all."""
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "rds:*", "Resource": "*"}]}
    iam, about = place.account.client("iam"), {"UserName": OPERATOR_USER, "PolicyName": place.name}
    iam.put_user_policy(**about, PolicyDocument=json.dumps(everything))
    resources = [f"arn:aws:rds:{REGION}:{ACCOUNT}:db:{name}" for name in (place.name, "rbv-*")]
    services = {"namespaces": [place.namespace], "verbs": ["scale"], "resources": [f"arn:aws:ecs:*:*:service/{place.cluster}/*"]}
    resources.append("arn:aws:s3:::clocked-backups/database/*")
    databases = {"namespaces": [place.namespace], "verbs": ["snapshot", "deleteSnapshot", "restore", "export"], "resources": resources}
    place.grant(grants=[services, databases])
    place.account.create_database(place.name)
    try:
        # The other policy holds the database.
        place.client.kubectl("delete", "backuppolicy", "backup", f"--namespace={place.namespace}", "--timeout=60s")
        # Two that the operator makes, and two that it removes because they ended days ago.
        each_minute = {"schedule": "* * * * *", "checks": [{"name": "any", "sql": "SELECT 1", "expect": "value == 1"}]}
        at_once = {"schedule": "0 0 29 2 *", "runOnCreate": True}
        place.apply(backup(place, {"snapshots": at_once, "verification": each_minute, "exports": [EXPORT]}, "verified"))
        for kind, spec in (("DatabaseRestore", RUNS["DatabaseRestore"]), ("DatabaseBackup", {})):
            old = run(place, kind, spec, "old")
            old["metadata"]["labels"] = {"ops.clocked.app/made-by": "operator"}
            end_long_ago(place, old)
        place.apply(*runs)
        for thing in runs:
            where = (thing["kind"].lower(), "run", f"--namespace={place.namespace}")
            until(f"{where[0]} is guarded", lambda where=where: place.client.get(*where)["metadata"].get("finalizers"), bool)
            until(f"{where[0]} was begun", lambda where=where: place.client.get(*where)["status"].get("startTime"), bool)
            place.client.kubectl("delete", *where, "--timeout=60s")
        of_policy = (f"--namespace={place.namespace}", "--selector=ops.clocked.app/policy=verified")
        for kind in ("databaserestore", "databasebackup"):
            until(f"a {kind} is made", lambda kind=kind: place.client.get(kind, *of_policy)["items"], bool, 150)
        place.client.kubectl("delete", "backuppolicy", "verified", f"--namespace={place.namespace}", "--timeout=60s")
        place.client.kubectl("delete", "databaserestore,databasebackup", "--all", f"--namespace={place.namespace}", "--timeout=60s")
    finally:
        iam.delete_user_policy(**about)


def end_long_ago(place, thing: dict[str, Any]) -> None:
    """Creates a run, tells it that it was Complete years ago, and waits until it is removed for that."""
    place.apply(thing)
    time = "2020-03-01T00:00:00Z"
    complete = {"type": "Complete", "status": "True", "reason": "Complete", "message": "", "lastTransitionTime": time}
    where = (thing["kind"].lower(), thing["metadata"]["name"], f"--namespace={place.namespace}")
    patch = json.dumps({"status": {"conditions": [complete], "completionTime": time}})

    def gone() -> bool:
        try:
            place.client.kubectl("patch", *where, "--subresource=status", "--type=merge", f"--patch={patch}")
        except CommandError as refused:
            return "NotFound" in str(refused)
        return False

    until(f"{where[1]} is removed", gone, bool)


def backup(place, spec: dict[str, Any], name: str = "backup") -> dict[str, Any]:
    """A BackupPolicy, not yet applied."""
    named = {"accountRef": {"name": place.name}, "source": {"rdsInstance": place.name}}
    metadata = {"name": name, "namespace": place.namespace}
    return {"apiVersion": "ops.clocked.app/v1alpha1", "kind": "BackupPolicy", "metadata": metadata, "spec": named | spec}


def policy_condition(place, kind: str) -> Callable[[], dict[str, Any]]:
    return lambda: condition(place.client.get("backuppolicy", "backup", f"--namespace={place.namespace}"), kind)


def account_condition(operator, name: str, kind: str) -> Callable[[], dict[str, Any]]:
    return lambda: condition(operator.get("awsaccount", name), kind)


def test_the_operator_uses_every_right_it_has_and_is_refused_nothing(place, operator, loosen):
    cluster_role, role = operator.get("clusterrole", RELEASE), operator.get("role", RELEASE, f"--namespace={NAMESPACE}")
    rights = granted(cluster_role) + granted(role)
    # Given once each: so every right is needed, if every right is used.
    assert [given for given, times in Counter(rights).items() if times > 1] == []
    # What another test took away for a while was refused, too.
    since = operator.control_plane.audit_log.stat().st_size
    provoke_everything(place, operator, loosen)
    try:
        until("every right is used", lambda: set(rights) - asked(operator, rights), lambda unused: not unused, 60)
    finally:
        place.client.kubectl("delete", "awsaccount", f"{place.name}-bad", "--wait=false")
    assert asked(operator, rights) == set(rights)
    refused = [event["requestURI"] for event in requests(operator, since) if event["responseStatus"]["code"] == 403]
    assert refused == []
    others = [event for event in requests(operator, since) if RELEASE not in event["annotations"]["authorization.k8s.io/reason"]]
    assert others == [], "no other role gives it anything"


def test_the_documented_rights_are_the_operators(operator):
    rights = granted(operator.get("clusterrole", RELEASE)) + granted(operator.get("role", RELEASE, f"--namespace={NAMESPACE}"))
    resources = {given.resource for given in rights}
    _, _, section = (REPOSITORY / "docs" / "operator.md").read_text().partition("## What it may do in Kubernetes")
    rows = re.findall(r"^\| (.*`.*) \| ([a-z, ]+) \|$", section, re.MULTILINE)
    named = [(name, verbs.split(", ")) for what, verbs in rows for name in re.findall(r"`([^`]+)`", what) if name in resources]
    assert {(name, verb) for name, verbs in named for verb in verbs} == {(given.resource, given.verb) for given in rights}


def test_without_its_claim_nothing_is_written(place, operator):
    """Taking one right away is noticed, and never makes the operator write to AWS without having said so."""
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=2))
    place.in_sync("web")
    whole = operator.get("clusterrole", RELEASE)
    since = operator.control_plane.audit_log.stat().st_size
    short = json.loads(json.dumps(whole))
    for rule in short["rules"]:
        rule["verbs"] = [verb for verb in rule["verbs"] if verb != "update"]
    operator.kubectl("replace", "--filename=-", stdin=json.dumps(short))
    try:
        writes = len(place.writes("web"))
        place.account.set_desired("web", 1, place.cluster)

        def refusals() -> int:
            return sum(event["responseStatus"]["code"] == 403 for event in requests(operator, since))

        until("the operator is refused its claim", refusals, lambda count: count >= 2)
        assert place.desired("web") == 1 and len(place.writes("web")) == writes
    finally:
        whole["metadata"].pop("resourceVersion")
        operator.kubectl("replace", "--filename=-", stdin=json.dumps(whole))
    place.wait_desired("web", 2)


READ = ("get", "list", "watch")
WRITE = ("create", "update", "patch", "delete")
# (role, resource, verbs that it has); of the other verbs it has none.
PEOPLE = [
    ("viewer", "backuppolicies", READ),
    ("viewer", "backuppolicies/status", ()),
    ("viewer", "databasebackups", READ),
    ("viewer", "databasebackups/status", ()),
    ("viewer", "databaserestores", READ),
    ("viewer", "databaserestores/status", ()),
    ("viewer", "scalingpolicies", READ),
    ("viewer", "scalingpolicies/status", ()),
    ("viewer", "scalingpolicies/scale", ("get",)),
    ("viewer", "scalingoverrides", READ),
    ("viewer", "scalingoverrides/status", ()),
    ("viewer", "awsaccounts", READ),
    ("editor", "backuppolicies", READ + WRITE),
    ("editor", "backuppolicies/status", ()),
    ("editor", "databasebackups", READ + WRITE),
    ("editor", "databasebackups/status", ()),
    ("editor", "databaserestores", ()),
    ("editor", "databaserestores/status", ()),
    ("restorer", "databasebackups", READ),
    ("restorer", "databasebackups/status", ()),
    ("restorer", "databaserestores", READ + WRITE),
    ("restorer", "databaserestores/status", ()),
    ("restorer", "backuppolicies", ()),
    ("restorer", "awsaccounts", ()),
    ("editor", "scalingpolicies", READ + WRITE),
    ("editor", "scalingpolicies/status", ()),
    ("editor", "scalingpolicies/scale", ("get", "update", "patch")),
    ("editor", "scalingoverrides", READ + WRITE),
    ("editor", "scalingoverrides/status", ()),
    ("editor", "awsaccounts", ()),
]


def allowed(sandbox, user: str, resource: str, namespace: str) -> set[str]:
    """The verbs that a user has on a resource, as the API server's authorizer says."""
    name, _, subresource = resource.partition("/")
    verbs = READ + WRITE + ("deletecollection",)
    reviews = [
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": user,
                "resourceAttributes": {
                    "group": "ops.clocked.app",
                    "resource": name,
                    "subresource": subresource,
                    "verb": verb,
                    "namespace": namespace,
                },
            },
        }
        for verb in verbs
    ]
    lines = "\n---\n".join(json.dumps(review) for review in reviews)
    answers = sandbox.kubectl("create", "--output=jsonpath={.status.allowed}{' '}", "--filename=-", stdin=lines).split()
    return {verb for verb, answer in zip(verbs, answers, strict=True) if answer == "true"}


@pytest.fixture
def bind(operator):
    """Binds a ClusterRole to a user, in a namespace or everywhere."""
    made: list[tuple[str, ...]] = []

    def give(role: str, user: str, namespace: str = "") -> None:
        kind, where = ("rolebinding", (f"--namespace={namespace}",)) if namespace else ("clusterrolebinding", ())
        operator.kubectl("create", kind, user, f"--clusterrole={role}", f"--user={user}", *where)
        made.append((kind, user, *where))

    yield give
    for kind, name, *where in made:
        operator.kubectl("delete", kind, name, *where)


@pytest.mark.parametrize(("role", "resource", "verbs"), PEOPLE)
def test_people_may_do_what_their_role_says(operator, bind, role, resource, verbs):
    user = f"{role}-{resource.replace('/', '-')}"
    # AwsAccounts are the cluster's: only a binding for the whole cluster can give them.
    bind(f"{RELEASE}-{role}", user, "" if resource == "awsaccounts" else "default")
    assert allowed(operator, user, resource, "" if resource == "awsaccounts" else "default") == set(verbs)
    if resource != "awsaccounts":
        assert allowed(operator, user, resource, "kube-system") == set(), "nothing in another namespace"


@pytest.mark.parametrize(("role", "verbs"), [("view", READ), ("edit", READ), ("admin", READ)])
def test_kubernetes_own_roles_read_and_never_write(operator, bind, role, verbs):
    bind(role, f"own-{role}", "default")
    user = f"own-{role}"
    until("roles are aggregated", lambda: allowed(operator, user, "scalingpolicies", "default"), lambda found: found == set(verbs))


def test_the_roles_of_people_name_kinds_that_exist(operator):
    crds = {crd["spec"]["names"]["plural"] for crd in operator.get("crd")["items"] if crd["spec"]["group"] == "ops.clocked.app"}
    rules = [given for role in ("viewer", "editor") for given in granted(operator.get("clusterrole", f"{RELEASE}-{role}"))]
    assert {given.resource.partition("/")[0] for given in rules} <= crds
    readable = {given.resource for given in granted(operator.get("clusterrole", f"{RELEASE}-viewer"))}
    assert crds <= readable, "whoever may look may look at every kind"


def test_who_may_not_restore_declares_no_verification(place, operator, bind):
    user, where = f"{place.name}-editor", place.namespace
    bind(f"{RELEASE}-editor", user, where)
    plain = {"suspend": True, "snapshots": {"schedule": "0 2 * * *"}}
    verified = plain | {"verification": {"schedule": "0 5 * * 0", "checks": [{"name": "any", "sql": "SELECT 1", "expect": "value == 1"}]}}
    by_editor = ("apply", "--filename=-", f"--as={user}")

    def refused(spec: dict[str, Any]) -> str:
        with pytest.raises(CommandError) as error:
            operator.kubectl(*by_editor, stdin=json.dumps(backup(place, spec, "whole")))
        return str(error.value)

    operator.kubectl(*by_editor, stdin=json.dumps(backup(place, plain, "whole")))
    assert f"create databaserestores in namespace {where} (the role {RELEASE}-restorer)" in refused(verified)
    # Who may restore declares it, and whoever may write the policy goes on with the rest.
    place.apply(backup(place, verified, "whole"))
    operator.kubectl(*by_editor, stdin=json.dumps(backup(place, verified | {"deletionProtection": True}, "whole")))
    other = verified["verification"] | {"checks": [{"name": "any", "sql": "SELECT 2", "expect": "value == 2"}]}
    assert "you may not do here" in refused(verified | {"verification": other})
    operator.kubectl(*by_editor, stdin=json.dumps(backup(place, plain | {"verification": None}, "whole")))
    restorer = f"{place.name}-restorer"
    bind(f"{RELEASE}-editor", restorer, where)
    bind(f"{RELEASE}-restorer", f"{restorer}-too", where)
    operator.kubectl("patch", "rolebinding", f"{restorer}-too", f"--namespace={where}", "--type=json", f"--patch={subject(restorer)}")
    both = ("apply", "--filename=-", f"--as={restorer}")
    until("the right is known", lambda: taken(operator, both, backup(place, verified, "whole")), bool)


def test_who_may_not_create_backups_declares_no_export(place, operator):
    user, where = f"{place.name}-writer", place.namespace
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "policies", "namespace": where}}
    rule = {"apiGroups": ["ops.clocked.app"], "resources": ["backuppolicies"], "verbs": ["get", "create", "update", "patch"]}
    place.apply(role | {"rules": [rule]})
    operator.kubectl("create", "rolebinding", user, "--role=policies", f"--user={user}", f"--namespace={where}")
    plain = {"suspend": True, "snapshots": {"schedule": "0 2 * * *"}}
    by_writer = ("apply", "--filename=-", f"--as={user}")
    until("the right is known", lambda: taken(operator, by_writer, backup(place, plain, "whole")), bool)

    def refused(spec: dict[str, Any]) -> str:
        with pytest.raises(CommandError) as error:
            operator.kubectl(*by_writer, stdin=json.dumps(backup(place, spec, "whole")))
        return str(error.value)

    exported = plain | {"exports": [EXPORT]}
    assert f"create databasebackups in namespace {where} (the role {RELEASE}-editor)" in refused(exported)
    place.apply(backup(place, exported, "whole"))
    operator.kubectl(*by_writer, stdin=json.dumps(backup(place, exported | {"deletionProtection": True}, "whole")))
    assert "you may not do here" in refused(plain | {"exports": [EXPORT | {"tables": ["secrets"]}]})
    operator.kubectl(*by_writer, stdin=json.dumps(backup(place, plain | {"exports": None}, "whole")))


def subject(user: str) -> str:
    """The patch that has a binding be of another user."""
    return json.dumps([{"op": "replace", "path": "/subjects/0/name", "value": user}])


def taken(operator, command: tuple[str, ...], thing: dict[str, Any]) -> bool:
    try:
        operator.kubectl(*command, stdin=json.dumps(thing))
    except CommandError:
        return False
    return True
