"""Deployments of a service: what starts one, how one ends, and the records ECS keeps of them.

Sources: Amazon ECS Developer Guide, "Deploy Amazon ECS services by replacing tasks", "How the Amazon ECS deployment
circuit breaker detects failures", "Amazon ECS blue/green deployments"; API Reference, Deployment and ServiceDeployment.
"""

from __future__ import annotations

import math
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.ecs import arns, notifications
from runbook_sandbox.aws.ecs.state import Deployment, Revision, Rollout, Service, TaskDefinition


def new_revision(service_path: str, account_id: str, region: str, definition: TaskDefinition | None, settings: dict[str, Any]) -> Revision:
    """`service_path` is `cluster/service`."""
    resource = f"service-revision/{service_path}/{arns.new_number()}"
    return Revision(arns.arn(account_id, region, resource), definition, settings, clock.now())


def begin(service: Service, revision: Revision) -> Deployment:
    """Make `revision` the service's PRIMARY deployment; the one before becomes ACTIVE and drains."""
    now = clock.now()
    before = service.primary
    sources = [item.revision for item in service.deployments]
    cluster = service.cluster
    resource = f"service-deployment/{cluster.name}/{service.name}/{arns.new_short_id()}"
    rollout = Rollout(
        arn=arns.arn(cluster.account_id, cluster.region, resource),
        source=sources,
        target=revision,
        configuration=service.configuration,
        created_at=now,
        status="IN_PROGRESS",
        started_at=now,
        updated_at=now,
        stage="SCALE_UP" if strategy(service) != "ROLLING" else None,
        threshold=threshold(service),
    )
    deployment = Deployment(f"ecs-svc/{arns.new_number()}", service, revision, rollout, now, now)
    deployment.rollout_reason = f"ECS deployment {deployment.id} in progress."
    if before is not None:
        before.status = "ACTIVE"
        before.updated_at = now
        if before.rollout is not None and before.rollout.status == "IN_PROGRESS":
            _close(before.rollout, "STOPPED", "A newer service deployment replaced this one.")
            before.rollout.stopped_at = now
    service.deployments.insert(0, deployment)
    service.revision = revision
    service.revisions[revision.arn] = revision
    service.steady = False
    if service.is_task_set_based:
        # Service deployments are the ECS deployment controller's.
        deployment.rollout = None
    else:
        service.rollouts.appendleft(rollout)
    notifications.deployment_changed(deployment)
    return deployment


def strategy(service: Service) -> str:
    """ROLLING, BLUE_GREEN, LINEAR or CANARY."""
    return service.configuration.get("strategy", "ROLLING")


def threshold(service: Service) -> int:
    """Failed tasks that trip the circuit breaker: half the desired count, not below 3 nor above 200."""
    return min(200, max(3, math.ceil(service.desired * 0.5)))


def bake_seconds(service: Service) -> float:
    """How long the old tasks stay after all traffic could be on the new ones; 0 for rolling deployments."""
    kind = strategy(service)
    minutes = float(service.configuration.get("bakeTimeInMinutes") or 0)
    if kind == "ROLLING":
        return 0
    if kind == "CANARY":
        minutes += float((service.configuration.get("canaryConfiguration") or {}).get("canaryBakeTimeInMinutes") or 10)
    if kind == "LINEAR":
        linear = service.configuration.get("linearConfiguration") or {}
        steps = math.ceil(100 / float(linear.get("stepPercent") or 10))
        minutes += (steps - 1) * float(linear.get("stepBakeTimeInMinutes") or 6)
    return minutes * 60


def complete(deployment: Deployment) -> None:
    """The rollout is over: only these tasks run, as many as wanted."""
    service, now = deployment.service, clock.now()
    deployment.rollout_state = "COMPLETED"
    deployment.rollout_reason = f"ECS deployment {deployment.id} completed."
    deployment.updated_at = now
    service.last_completed = deployment
    if deployment.rollout is not None:
        rolled_back = deployment.rollout.rollback is not None
        _close(deployment.rollout, "ROLLBACK_SUCCESSFUL" if rolled_back else "SUCCESSFUL", deployment.rollout.reason)
    notifications.say(service, f"(deployment {deployment.id}) deployment completed.")
    notifications.deployment_changed(deployment)


def failed_to_start(deployment: Deployment) -> None:
    """Count a task that never ran, and trip the circuit breaker when it is enough.

    "Once a service deployment has one or more successfully running tasks, the failed task count resets to zero and
    stops being evaluated" (API Reference, Deployment.failedTasks).
    """
    deployment.failures_in_a_row += 1
    if deployment.proven or deployment.rollout_state != "IN_PROGRESS":
        return
    deployment.failed_tasks += 1
    if deployment.rollout is not None:
        deployment.rollout.failures = deployment.failed_tasks
    breaker = deployment.service.configuration.get("deploymentCircuitBreaker") or {}
    if breaker.get("enable") and deployment.status == "PRIMARY" and deployment.failed_tasks >= threshold(deployment.service):
        _trip(deployment, bool(breaker.get("rollback")))


def _trip(deployment: Deployment, may_roll_back: bool) -> None:
    service, now = deployment.service, clock.now()
    notifications.say(service, f"(deployment {deployment.id}) deployment failed: tasks failed to start.")
    previous = service.last_completed
    if may_roll_back and previous is not None and previous is not deployment:
        reason = f"ECS deployment circuit breaker: rolling back to deploymentId {previous.id}."
        fail(deployment, reason)
        roll_back(deployment, previous, "Service deployment rolled back because the circuit breaker threshold was exceeded.")
    else:
        fail(deployment, "ECS deployment circuit breaker: tasks failed to start.")
        if deployment.rollout is not None:
            _close(deployment.rollout, "STOPPED", "Service deployment failed: circuit breaker threshold exceeded.")
            deployment.rollout.stopped_at = now


def fail(deployment: Deployment, reason: str) -> None:
    """rolloutState FAILED; no further task is started for it."""
    deployment.rollout_state, deployment.rollout_reason = "FAILED", reason
    deployment.updated_at = clock.now()
    notifications.deployment_changed(deployment)


def roll_back(deployment: Deployment, previous: Deployment, reason: str) -> None:
    """Make an earlier deployment PRIMARY again, under its own id, even when its tasks are gone."""
    service, now = deployment.service, clock.now()
    deployment.status = "ACTIVE"
    if previous in service.deployments:
        service.deployments.remove(previous)
    service.deployments.insert(0, previous)
    previous.status = "PRIMARY"
    previous.rollout_state, previous.rollout_reason = "IN_PROGRESS", f"ECS deployment {previous.id} in progress."
    previous.updated_at = now
    previous.failed_tasks = previous.failures_in_a_row = 0
    previous.proven = False
    previous.bake_until = None
    previous.rollout = deployment.rollout
    if deployment.rollout is not None:
        deployment.rollout.status = "ROLLBACK_IN_PROGRESS"
        deployment.rollout.reason = reason
        deployment.rollout.updated_at = now
        deployment.rollout.rollback = {"reason": reason, "startedAt": now, "serviceRevisionArn": previous.revision.arn}
        deployment.rollout = None
    service.revision = previous.revision
    service.steady = False
    notifications.say(service, f"rolling back to deployment {previous.id}.")
    notifications.deployment_changed(previous)


def _close(rollout: Rollout, status: str, reason: str | None) -> None:
    now = clock.now()
    rollout.status, rollout.reason, rollout.stage = status, reason, None
    rollout.finished_at = rollout.updated_at = now


def stop_rollout(service: Service, rollout: Rollout, reason: str) -> None:
    """Close a record because somebody asked to."""
    _close(rollout, "STOPPED", reason)
    rollout.stopped_at = clock.now()
