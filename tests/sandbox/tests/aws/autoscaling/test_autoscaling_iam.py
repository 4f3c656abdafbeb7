"""Who may scale: resource ARNs, condition keys, and the role that is made at first use."""

from __future__ import annotations

import json

import pytest

ROLE = (
    "arn:aws:iam::123456789012:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_ECSService"
)


ECS = (["ecs:DescribeServices", "ecs:UpdateService"], "arn:aws:ecs:*:*:service/app/*")
ALARMS = (
    ["cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"],
    "arn:aws:cloudwatch:*:*:alarm:TargetTracking-service/*",
)
pytestmark = pytest.mark.filterwarnings("ignore:.*AccessDeniedException does not match")


@pytest.fixture
def user(scaling):
    """`user(*(action, resource[, condition]))`: a client of a user who may do that only, with IAM enforced."""

    def make(*statements):
        iam = scaling.aws.client("iam")
        iam.create_user(UserName="ann")
        allowed = [
            {"Effect": "Allow", "Action": action, "Resource": resource} | ({"Condition": more[0]} if more else {})
            for action, resource, *more in statements
        ]
        document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        iam.put_user_policy(UserName="ann", PolicyName="inline", PolicyDocument=document)
        keys = iam.create_access_key(UserName="ann")["AccessKey"]
        scaling.aws.control("PUT", "/iam", {"enforce": True})
        scaling.client = scaling.aws.client_of("application-autoscaling", keys)
        scaling.ecs = scaling.aws.client_of("ecs", keys)
        return scaling

    return make


def test_the_first_target_needs_the_right_to_make_the_role(user, refused):
    """`iam:CreateServiceLinkedRole` for the service's role, once ("Service-linked roles for Application Auto Scaling")."""
    mine = user(("application-autoscaling:*", "*"), ECS)
    refusal = refused(mine.register)
    assert refusal.code == "AccessDeniedException"
    assert f"iam:CreateServiceLinkedRole on resource: {ROLE}" in refusal.message


def test_with_that_right_the_role_is_made_once(user, scaling):
    """The condition key is iam:AWSServiceName; the role is the account's afterwards."""
    condition = {"StringEquals": {"iam:AWSServiceName": "ecs.application-autoscaling.amazonaws.com"}}
    mine = user(("application-autoscaling:RegisterScalableTarget", "*"), ("iam:CreateServiceLinkedRole", ROLE, condition), ECS)
    mine.register()
    name = ROLE.rsplit("/", 1)[1]
    administrator = scaling.aws.client_of("iam", {"AccessKeyId": "123456789012", "SecretAccessKey": "x"})
    assert administrator.get_role(RoleName=name)["Role"]["Arn"] == ROLE


def test_a_role_that_is_there_needs_no_further_right(user, scaling):
    """Once the role exists, registering is enough."""
    scaling.register()
    user(("application-autoscaling:RegisterScalableTarget", "*"), ECS).register(2, 3)


def test_tags_on_a_new_target_need_the_right_to_tag(user, scaling, refused):
    """`application-autoscaling:TagResource`, besides the right to register (User Guide, "Tagging support")."""
    scaling.register()
    target = {"ServiceNamespace": "ecs", "ResourceId": "service/app/api", "ScalableDimension": "ecs:service:DesiredCount"}
    scaling.client.deregister_scalable_target(**target)
    register = ("application-autoscaling:RegisterScalableTarget", "*")
    mine = user(register, ECS)
    refusal = refused(lambda: mine.register(Tags={"team": "shop"}))
    assert (refusal.code, "application-autoscaling:TagResource" in refusal.message) == ("AccessDeniedException", True)
    mine.register()


def test_targets_are_evaluated_by_arn_and_namespace(user, scaling, refused):
    """Changes of a target are evaluated against its ARN, reads against "*" (Service Authorization Reference)."""
    arn = scaling.register()
    scaling.service("other", 1)
    scaling.register(ResourceId="service/app/other")
    condition = {"StringEquals": {"application-autoscaling:service-namespace": "ecs"}}
    mine = user(("application-autoscaling:Put*", arn, condition), ("application-autoscaling:Describe*", "*"), ALARMS)
    mine.policy()
    assert mine.client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    put = {"PolicyName": "p", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": mine.cpu}
    other = mine.target | {"ResourceId": "service/app/other"}
    assert refused(mine.client.put_scaling_policy, **other, **put).code == "AccessDeniedException"


def test_ecs_is_evaluated_by_service_cluster_and_tag(user, scaling, refused):
    """`ecs:UpdateService` on a service's ARN, `ecs:cluster`, `aws:ResourceTag/…`."""
    scaling.service("other", 1)
    scaling.ecs.tag_resource(resourceArn="arn:aws:ecs:eu-central-1:123456789012:service/app/other", tags=[{"key": "team", "value": "a"}])
    cluster = "arn:aws:ecs:eu-central-1:123456789012:cluster/app"
    mine = user(
        ("ecs:UpdateService", "arn:aws:ecs:*:*:service/app/api"),
        ("ecs:DeleteService", "*", {"StringEquals": {"aws:ResourceTag/team": "a"}}),
        ("ecs:ListServices", "*", {"ArnEquals": {"ecs:cluster": cluster}}),
        ("ecs:DescribeServices", "arn:aws:ecs:*:*:service/app/*"),
    )
    mine.ecs.update_service(cluster="app", service="api", desiredCount=1)
    mine.ecs.update_service(cluster=cluster, service="arn:aws:ecs:eu-central-1:123456789012:service/app/api", desiredCount=1)
    refusal = refused(mine.ecs.update_service, cluster="app", service="other", desiredCount=1)
    assert refusal.code == "AccessDeniedException"
    assert "ecs:UpdateService on resource: arn:aws:ecs:eu-central-1:123456789012:service/app/other" in refusal.message
    mine.ecs.describe_services(cluster="app", services=["api", "other"])
    assert refused(mine.ecs.describe_services, cluster="default", services=["api"]).code == "AccessDeniedException"
    mine.ecs.list_services(cluster="app")
    assert refused(mine.ecs.list_services, cluster="default").code == "AccessDeniedException"
    assert refused(mine.ecs.delete_service, cluster="app", service="api", force=True).code == "AccessDeniedException"
    mine.ecs.delete_service(cluster="app", service="other", force=True)


def test_running_tasks_is_allowed_by_task_definition(user, scaling, refused):
    """`ecs:RunTask` is evaluated against the task definition, by revision."""
    mine = user(("ecs:RunTask", "arn:aws:ecs:*:*:task-definition/web:*"))
    mine.ecs.run_task(cluster="app", taskDefinition="web")
    refusal = refused(mine.ecs.run_task, cluster="app", taskDefinition="other:1")
    assert refusal.code == "AccessDeniedException"


@pytest.mark.parametrize("missing", ["ecs:DescribeServices", "ecs:UpdateService"])
def test_registering_needs_the_callers_rights_in_ecs(user, scaling, refused, missing):
    """ "validates permissions for requests associated with both the target service and CloudWatch before proceeding"."""
    scaling.register()
    kept = [action for action in ECS[0] if action != missing]
    mine = user(("application-autoscaling:*", "*"), (kept, ECS[1]))
    refusal = refused(mine.register, 5, 6)
    assert refusal.code == "AccessDeniedException"
    assert f"{missing} on resource: arn:aws:ecs:eu-central-1:123456789012:service/app/api" in refusal.message


@pytest.mark.parametrize("missing", ["cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"])
def test_target_tracking_needs_the_callers_rights_in_cloudwatch(user, scaling, refused, missing):
    """Its alarms are made in the caller's name; step scaling makes none."""
    scaling.register()
    kept = [action for action in ALARMS[0] if action != missing]
    mine = user(("application-autoscaling:*", "*"), (kept, ALARMS[1]))
    refusal = refused(mine.policy)
    assert refusal.code == "AccessDeniedException"
    assert missing in refusal.message
    mine.step((0, None, 1))


def test_deleting_target_tracking_needs_the_right_to_delete_its_alarms(user, scaling, refused):
    """DeleteScalingPolicy and DeregisterScalableTarget delete alarms too; refused, they leave everything as it was."""
    scaling.register()
    scaling.policy()
    mine = user(("application-autoscaling:*", "*"))
    assert "cloudwatch:DeleteAlarms" in refused(mine.client.delete_scaling_policy, PolicyName="cpu", **mine.target).message
    assert "cloudwatch:DeleteAlarms" in refused(mine.client.deregister_scalable_target, **mine.target).message
    assert len(mine.client.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]) == 1


def test_tags_on_creation_need_their_own_right(user, scaling, refused):
    """`ecs:TagResource` with `ecs:CreateAction`, besides `ecs:CreateService`, when tags are given."""
    condition = {"StringEquals": {"ecs:CreateAction": "RunTask"}}
    mine = user((["ecs:CreateService", "ecs:RunTask"], "*"), ("ecs:TagResource", "*", condition))
    wanted = {"cluster": "app", "serviceName": "new", "taskDefinition": "web", "desiredCount": 0}
    tags = [{"key": "a", "value": "b"}]
    refusal = refused(mine.ecs.create_service, **wanted, tags=tags)
    assert (refusal.code, "ecs:TagResource" in refusal.message) == ("AccessDeniedException", True)
    mine.ecs.create_service(**wanted)
    mine.ecs.run_task(cluster="app", taskDefinition="web", tags=tags)
