"""The steps of the demo, in order. Each ends only when what it says has been seen to be so."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runbook_sandbox.clocked.account import APP, CLUSTER, WORKER, Account
from runbook_sandbox.clocked.installation import EXAMPLES, NAMESPACE, condition, install, is_in_sync
from runbook_sandbox.demo.backups import Backups
from runbook_sandbox.demo.stage import Stage
from runbook_sandbox.harness import Client

GET = "kubectl get runbook --namespace=clocked"


class Story:
    """One run on one sandbox."""

    def __init__(self, stage: Stage, client: Client, account: Account, cli: Path) -> None:
        self.stage, self.client, self.account, self.cli = stage, client, account, cli
        self.backups = Backups(stage, client, account)

    def tell(self) -> None:
        """All steps."""
        self.set_the_scene()
        self.install()
        self.look_before_anything_is_written()
        self.converge()
        self.correct_a_manual_change()
        self.backups.correct_a_manual_change()
        self.backups.ask_for_a_snapshot()
        self.adopt_a_manual_scale_out()
        self.change_for_a_while()
        self.plan_a_change()
        self.leave_the_autoscaler_alone()
        self.correct_what_leaves_the_band()
        self.let_a_schedule_move_the_band()
        self.backups.look_at_the_snapshot()
        self.backups.verify_the_snapshot(self.cli)
        self.backups.let_old_ones_go()
        self.backups.notice_what_is_missing()
        self.refuse_a_missing_grant()
        self.backups.look_at_the_verdict()
        self.stop_everything()
        self.look_back()

    def policy(self, name: str) -> dict[str, Any]:
        """A ScalingPolicy as the API server shows it."""
        return self.client.get("scalingpolicy", name, "--namespace=clocked")

    def in_sync(self, *names: str) -> None:
        """Waits until policies are in line with AWS."""
        for name in names:
            self.stage.expect(f"ScalingPolicy {name} is in sync", lambda name=name: self.policy(name), is_in_sync)

    def desired(self, service: str) -> int:
        """desiredCount of a service."""
        return self.account.service(service)["desiredCount"]

    def set_the_scene(self) -> None:
        stage = self.stage
        stage.title("An AWS account as it is found: services of one task each, scaled by hand, and a database")
        self.backups.set_the_scene()
        self.account.create_services(APP, WORKER, "clocked-reports-service", "billing-service")
        for service in (APP, WORKER):
            stage.expect(f"{CLUSTER}/{service} runs 1 task", lambda s=service: self.account.service(s)["runningCount"], lambda n: n == 1)

    def install(self) -> None:
        stage = self.stage
        stage.title("The operator, installed from its chart, with the IAM permissions of docs/iam.md and no others")
        install(self.client, self.account, *self.backups.settings_of_the_chart())
        stage.run(self.client, f"kubectl get deployment,lease --namespace={NAMESPACE}")

    def look_before_anything_is_written(self) -> None:
        stage = self.stage
        stage.title("Look first: the account is in mode Observe, so nothing is written")
        self.client.kubectl("apply", f"--filename={EXAMPLES / 'namespace.yaml'}")
        self.client.kubectl("apply", f"--filename={EXAMPLES / 'account.yaml'}")
        self.client.kubectl("patch", "awsaccount", "default", "--type=merge", '--patch={"spec":{"mode":"Observe"}}')
        stage.run(self.client, f"kubectl apply --filename={EXAMPLES / 'scaling.yaml'}")
        for name in ("clocked-app", "clocked-worker"):
            found = stage.expect(f"{name} has a plan", lambda n=name: self.policy(n), lambda p: "plan" in p.get("status", {}))
            for step in found["status"]["plan"]["steps"]:
                stage.say(f"    would {step['description']}")
        self.backups.look_first()
        writes = [call for call in self.account.operator_calls() if not call["operation"].startswith(("Describe", "Get", "List"))]
        stage.check("the operator has written nothing to AWS", not writes, writes)

    def converge(self) -> None:
        stage = self.stage
        stage.title("Convergence: the account is set to Enforce")
        stage.run(self.client, f"kubectl apply --filename={EXAMPLES / 'account.yaml'}")
        self.in_sync("clocked-app", "clocked-worker")
        stage.expect("the worker runs 3 tasks", lambda: self.account.service(WORKER)["runningCount"], lambda n: n == 3)
        target = self.account.scalable_target(APP) or {}
        band = (target.get("MinCapacity"), target.get("MaxCapacity"))
        stage.check("the app has a scalable target of 2 to 10", band == (2, 10), band)
        names = sorted(policy["PolicyName"] for policy in self.account.scaling_policies(APP))
        stage.check("and its two target tracking policies", names == ["clocked-app-cpu", "clocked-app-memory"], names)
        self.backups.converge()
        stage.run(self.client, GET)

    def correct_a_manual_change(self) -> None:
        stage = self.stage
        stage.title("Drift: somebody runs aws ecs update-service --desired-count 1 on the worker")
        self.account.set_desired(WORKER, 1)
        stage.expect("it is corrected to 3", lambda: self.desired(WORKER), lambda n: n == 3)
        latest = stage.expect(
            "and the policy's history says so",
            lambda: next(iter(self.policy("clocked-worker")["status"].get("history", [])), {}),
            lambda entry: entry.get("reason") == "Drift" and "from 1 to 3" in entry.get("description", ""),
        )
        stage.say(f"    {latest['time']}  {latest['description']}  ({latest['reason']}, AWS request {latest['requestId']})")

    def adopt_a_manual_scale_out(self) -> None:
        stage = self.stage
        stage.title("Help by hand: in an emergency somebody sets the worker to 6")
        self.account.set_desired(WORKER, 6)
        adopted = stage.expect("it is adopted as a ScalingOverride, for an hour", self.overrides, lambda found: len(found) == 1)
        stage.run(self.client, "kubectl get svcoverride --namespace=clocked")
        self.in_sync("clocked-worker")
        stage.check("the worker is still at 6", self.desired(WORKER) == 6, self.desired(WORKER))
        stage.run(self.client, f"kubectl delete svcoverride {adopted[0]['metadata']['name']} --namespace=clocked")
        stage.expect("without the override it goes back to 3", lambda: self.desired(WORKER), lambda n: n == 3)
        self.in_sync("clocked-worker")

    def change_for_a_while(self) -> None:
        stage = self.stage
        stage.title("A sale for a while: at least 5 workers, until a time")
        self.client.apply(
            {
                "apiVersion": "ops.clocked.app/v1alpha1",
                "kind": "ScalingOverride",
                "metadata": {"name": "sale", "namespace": "clocked"},
                "spec": {
                    "policyRef": {"name": "clocked-worker"},
                    "atLeast": 5,
                    "expiresAt": (datetime.now(UTC) + timedelta(seconds=12)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "reason": "the sale begins",
                },
            }
        )
        stage.expect("the worker has 5", lambda: self.desired(WORKER), lambda n: n == 5)
        stage.run(self.client, "kubectl get svcoverride sale --namespace=clocked")
        stage.expect("and 3 again when the time is over", lambda: self.desired(WORKER), lambda n: n == 3)
        self.in_sync("clocked-worker")

    def plan_a_change(self) -> None:
        stage = self.stage
        stage.title("A pull request sets the worker to 4: what would that write?")
        body = self.policy("clocked-worker")
        proposed = {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": {"name": "clocked-worker", "namespace": "clocked"}}
        proposed["spec"] = body["spec"] | {"replicas": 4}
        command = ("plan", "--cluster", "--filename=-", "--allow-custom-endpoints")
        code = stage.run_cli(self.client, self.cli, *command, stdin=json.dumps(proposed))
        stage.check("exit code 2: there are changes", code == 2, code)
        stage.check("and nothing was written", self.desired(WORKER) == 3, self.desired(WORKER))

    def overrides(self) -> list[dict[str, Any]]:
        """The ScalingOverrides there are."""
        return self.client.get("scalingoverrides", "--namespace=clocked")["items"]

    def leave_the_autoscaler_alone(self) -> None:
        stage = self.stage
        stage.title("The autoscaler moves the app to 6, inside its band of 2 to 10: that is its business")
        self.account.control("POST", "/autoscaling/scale", {"resourceId": f"service/{CLUSTER}/{APP}", "desired": 6})
        self.look_again("clocked-app")
        stage.check("the app is still at 6", self.desired(APP) == 6, self.desired(APP))

    def correct_what_leaves_the_band(self) -> None:
        stage = self.stage
        stage.title("Somebody sets the app to 25, outside the band")
        self.account.set_desired(APP, 25)
        stage.expect("it is brought back to the band's edge, 10", lambda: self.desired(APP), lambda n: n == 10)
        self.in_sync("clocked-app")

    def let_a_schedule_move_the_band(self) -> None:
        stage = self.stage
        opens = datetime.now(UTC) + timedelta(seconds=15)
        stage.title(f"A schedule: from {opens:%H:%M:%S} on at least 5 tasks of the app, by Application Auto Scaling itself")
        self.account.set_desired(APP, 2)
        action = {"name": "opening", "schedule": f"at({opens:%Y-%m-%dT%H:%M:%S})", "minCapacity": 5}
        patch = json.dumps({"spec": {"autoscaling": {"scheduledActions": [action]}}})
        self.client.kubectl("patch", "scalingpolicy", "clocked-app", "--namespace=clocked", "--type=merge", f"--patch={patch}")
        stage.expect("AWS has the scheduled action", self.scheduled_actions, lambda found: found == ["opening"])
        stage.expect("it fires, and moves the band and the app", lambda: self.desired(APP), lambda n: n == 5)
        self.in_sync("clocked-app")
        self.look_again("clocked-app")
        target = self.account.scalable_target(APP) or {}
        stage.check("the operator takes the new band for right", target.get("MinCapacity") == 5 and self.desired(APP) == 5, target)

    def scheduled_actions(self) -> list[str]:
        """The names of the app's scheduled actions in AWS."""
        found = self.account.autoscaling.describe_scheduled_actions(ServiceNamespace="ecs", ResourceId=f"service/{CLUSTER}/{APP}")
        return [action["ScheduledActionName"] for action in found["ScheduledActions"]]

    def refuse_a_missing_grant(self) -> None:
        stage = self.stage
        stage.title("A policy of namespace clocked on a service that no grant covers")
        body = {
            "apiVersion": "ops.clocked.app/v1alpha1",
            "kind": "ScalingPolicy",
            "metadata": {"name": "billing", "namespace": "clocked"},
            "spec": {"target": {"ecsService": {"cluster": CLUSTER, "service": "billing-service"}}, "replicas": 5},
        }
        self.client.apply(body)
        found = stage.expect(
            "it is refused", lambda: self.policy("billing"), lambda p: condition(p, "Stalled").get("reason") == "NotGranted"
        )
        stage.say(f"    {condition(found, 'Stalled')['message']}")
        asked = [call for call in self.account.operator_calls() if "billing-service" in json.dumps(call)]
        stage.check("and AWS was not even asked about it", not asked, asked)

    def stop_everything(self) -> None:
        stage = self.stage
        stage.title("The stop button: the account back to Observe, then a change by hand")
        self.client.kubectl("patch", "awsaccount", "default", "--type=merge", '--patch={"spec":{"mode":"Observe"}}')
        self.account.set_desired(WORKER, 1)
        stage.expect(
            "the policy says what it would do",
            lambda: self.policy("clocked-worker"),
            lambda p: any("from 1 to 3" in step["description"] for step in p["status"].get("plan", {}).get("steps", [])),
        )
        stage.check("and does not do it", self.desired(WORKER) == 1, self.desired(WORKER))
        self.client.kubectl("apply", f"--filename={EXAMPLES / 'account.yaml'}")
        stage.expect("back in Enforce it does", lambda: self.desired(WORKER), lambda n: n == 3)

    def look_back(self) -> None:
        stage = self.stage
        stage.title("What there is")
        self.in_sync("clocked-app", "clocked-worker")
        stage.run(self.client, GET)
        stage.run(self.client, "kubectl get events --namespace=clocked --sort-by=.metadata.creationTimestamp")
        problems = self.account.control("GET", "/internal-errors")
        stage.check("the sandbox met no call that it could not answer", not problems["errors"], problems)

    def look_again(self, name: str) -> None:
        """Asks for a reconcile now and waits until it was handled."""
        asked = datetime.now(UTC).isoformat()
        annotation = f"ops.clocked.app/reconcile-requested-at={asked}"
        self.client.kubectl("annotate", "scalingpolicy", name, "--namespace=clocked", "--overwrite", annotation)
        self.stage.expect(
            "the operator was asked to look, and has looked",
            lambda: self.policy(name)["status"].get("lastHandledReconcileAt"),
            lambda handled: handled == asked,
        )
