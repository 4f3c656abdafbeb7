"""ARNs of elsewhere: another Region's, another account's."""

from __future__ import annotations

import pytest

HOME = "arn:aws:ecs:eu-central-1:123456789012"


def test_an_arn_of_another_region_is_refused(ecs, refused):
    """ECS answers InvalidParameterException "Invalid Region in ARN", for whatever the ARN names (aws/aws-cli#3175,
    aws-samples/ecs-bg-external-controller#9: RunTask and DescribeServices asked in the wrong Region).

    Plain moto looks for the name in its own Region, so that a call meant for another one changes what is here.
    """
    ecs.create()
    away = "arn:aws:ecs:us-east-1:123456789012"
    calls = [
        (ecs.client.update_service, {"cluster": "app", "service": f"{away}:service/app/api", "desiredCount": 9}),
        (ecs.client.describe_services, {"cluster": f"{away}:cluster/app", "services": ["api"]}),
        (ecs.client.describe_services, {"cluster": "app", "services": ["api", f"{away}:service/app/api"]}),
        (ecs.client.run_task, {"cluster": "app", "taskDefinition": f"{away}:task-definition/web:1"}),
        (ecs.client.describe_task_definition, {"taskDefinition": f"{away}:task-definition/web:1"}),
        (ecs.client.stop_task, {"cluster": "app", "task": f"{away}:task/app/{'0' * 32}"}),
    ]
    for operation, parameters in calls:
        refusal = refused(operation, **parameters)
        assert (refusal.status, refusal.code, refusal.message) == (400, "InvalidParameterException", "Invalid Region in ARN")
    assert ecs.show()["desiredCount"] == 2


@pytest.mark.parametrize("what", ["service/app/api", "cluster/app", "task-definition/web:1"])
def test_an_arn_of_another_account_is_nobodys_to_use(ecs, refused, what):
    """ECS has no resource policies, and without one nobody may act on another account's resource, the administrator no
    more than others ("Cross-account policy evaluation logic", IAM User Guide). Plain moto looks in the caller's account."""
    ecs.create()
    arn = HOME.replace("123456789012", "999999999999") + f":{what}"
    operation, parameters = {
        "service": (ecs.client.update_service, {"cluster": "app", "service": arn, "desiredCount": 9}),
        "cluster": (ecs.client.list_services, {"cluster": arn}),
        "task-definition": (ecs.client.describe_task_definition, {"taskDefinition": arn}),
    }[what.split("/")[0]]
    refusal = refused(operation, **parameters)
    assert (refusal.status, refusal.code) == (400, "AccessDeniedException")
    assert f"on resource: {arn} because no resource-based policy allows the ecs:" in refusal.message
    assert ecs.show()["desiredCount"] == 2


def test_an_arn_of_here_is_as_good_as_a_name(ecs):
    ecs.create()
    found = ecs.client.describe_services(cluster=f"{HOME}:cluster/app", services=[f"{HOME}:service/app/api"])
    assert [item["serviceName"] for item in found["services"]] == ["api"]
    assert ecs.update(taskDefinition=f"{HOME}:task-definition/web:1")["taskDefinition"].endswith("/web:1")
