"""Whatever is asked of services, in whatever order: the counts are right at every step, and in the end all is as wanted."""

from __future__ import annotations

import random

import pytest

from runbook_sandbox.aws.ecs.state import STARTING, region_of

# None that leaves a single task no room.
CONFIGURATIONS = [
    {"minimumHealthyPercent": 100, "maximumPercent": 200},
    {"minimumHealthyPercent": 0, "maximumPercent": 150},
    {"minimumHealthyPercent": 0, "maximumPercent": 100},
    {"minimumHealthyPercent": 50, "maximumPercent": 200},
]


def _check(cluster):
    """Counters equal what is there; one PRIMARY; nothing above the ceiling."""
    running = pending = 0
    for service in cluster.services.values():
        primaries = [item for item in service.deployments if item.status == "PRIMARY"]
        assert len(primaries) == (0 if service.status == "INACTIVE" else 1)
        for deployment in service.deployments:
            tasks = list(deployment.tasks.values())
            assert deployment.running == sum(task.last_status == "RUNNING" for task in tasks)
            assert deployment.pending == sum(task.last_status in STARTING for task in tasks)
            assert all(task.last_status != "STOPPED" for task in tasks)
            running, pending = running + deployment.running, pending + deployment.pending
    assert (cluster.count("running"), cluster.count("pending")) == (running, pending)
    assert set(cluster.task_ids.after(None)) == set(cluster.tasks)


@pytest.mark.parametrize("seed", range(8))
def test_any_sequence_converges(ecs, seed):
    """Scale, deploy, crash, stop, delete at random moments of the way."""
    luck = random.Random(seed)
    cluster = region_of("123456789012", "eu-central-1").clusters["app"]
    wanted = {}
    for index in range(4):
        wanted[f"s{index}"] = luck.randrange(6)
        ecs.create(f"s{index}", wanted[f"s{index}"], deploymentConfiguration=luck.choice(CONFIGURATIONS))
    for _ in range(40):
        name = luck.choice(list(wanted))
        match luck.randrange(6):
            case 0 | 1:
                wanted[name] = luck.randrange(25)
                ecs.update(name, desiredCount=wanted[name])
            case 2:
                ecs.update(name, forceNewDeployment=True)
            case 3:
                ecs.aws.control("POST", f"/ecs/services/app/{name}/crash", {"count": luck.randrange(1, 4)})
            case 4:
                for task in ecs.tasks(name)[:2]:
                    ecs.client.stop_task(cluster="app", task=task["taskArn"])
            case 5:
                ecs.aws.control("PUT", f"/ecs/services/app/{name}/start-failure", {"count": luck.randrange(1, 3)})
        for _ in range(luck.randrange(4)):
            ecs.aws.clock.advance(luck.choice([0.1, 0.5, 1, 3]))
            _check(cluster)
    ecs.settle(4000)
    _check(cluster)
    for name, count in wanted.items():
        service = ecs.show(name)
        assert (service["runningCount"], service["pendingCount"], service["desiredCount"]) == (count, 0, count)
        assert [item["rolloutState"] for item in service["deployments"]] == ["COMPLETED"]
        assert service["events"][0]["message"] == f"(service {name}) has reached a steady state."
        ecs.client.delete_service(cluster="app", service=name, force=True)
    ecs.settle(60)
    _check(cluster)
    assert cluster.count("running") == cluster.count("pending") == 0
    ecs.settle(7200)
    assert cluster.tasks == {}
    assert all(service.round is None for service in cluster.services.values()), "nothing is left on the agenda"


def test_without_pace_everything_happens_at_once(ecs):
    """All durations 0: a service is steady with the next call, and one that cannot start does not hang the clock."""
    ecs.aws.control("PUT", "/pace", dict.fromkeys(("ecs_task_start", "ecs_task_stop", "ecs_placement_interval", "ecs_stabilize"), 0))
    ecs.create("good", 25)
    assert (ecs.show("good")["runningCount"], ecs.show("good")["deployments"][0]["rolloutState"]) == (25, "COMPLETED")
    ecs.update("good", desiredCount=3, forceNewDeployment=True)
    assert [(item["status"], item["runningCount"]) for item in ecs.show("good")["deployments"]] == [("PRIMARY", 3)]
    ecs.create("bad", 0)
    ecs.aws.control("PUT", "/ecs/services/app/bad/start-failure", {"reason": "no"})
    ecs.update("bad", desiredCount=2)
    ecs.settle(60)
    assert ecs.show("bad")["runningCount"] == 0


def test_tasks_that_never_ran_are_stopped_first_and_told_of_otherwise(ecs):
    """Scale-in takes pending tasks first: "(service api) stopped 3 pending tasks." Plain moto has neither tasks nor events."""
    ecs.create(desired=1)
    ecs.settle()
    before = ecs.tasks()[0]["taskArn"]
    ecs.aws.control("PUT", "/pace", {"ecs_task_start": 100})
    ecs.update(desiredCount=4)
    ecs.settle(5)
    ecs.update(desiredCount=1)
    ecs.settle(20)
    assert [task["taskArn"] for task in ecs.tasks()] == [before]
    assert "(service api) stopped 3 pending tasks." in ecs.messages()
    assert not any("running tasks" in message for message in ecs.messages())
