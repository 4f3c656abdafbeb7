"""Health of load balancer targets ("Check the health of your Application Load Balancer targets"). moto's are always healthy."""

import pytest
import requests
from botocore.exceptions import ClientError


@pytest.fixture
def group(aws):
    return aws.client("elbv2").create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=_vpc(aws), TargetType="ip")["TargetGroups"][
        0
    ]["TargetGroupArn"]


def _vpc(aws):
    return aws.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]


def _balance(aws, group):
    elb = aws.client("elbv2")
    subnets = [subnet["SubnetId"] for subnet in aws.client("ec2").describe_subnets()["Subnets"]][:2]
    balancer = elb.create_load_balancer(Name="front", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    actions = [{"Type": "forward", "TargetGroupArn": group}]
    elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=actions)


def _health(aws, group, **params):
    found = aws.client("elbv2").describe_target_health(TargetGroupArn=group, **params)["TargetHealthDescriptions"]
    return [(one["Target"]["Id"], one["TargetHealth"]["State"], one["TargetHealth"].get("Reason")) for one in found]


def test_targets_become_healthy_and_drain_when_they_leave(aws, group):
    elb = aws.client("elbv2")
    _balance(aws, group)
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.0.1"}])
    assert _health(aws, group) == [("10.0.0.1", "initial", "Elb.RegistrationInProgress")]
    aws.clock.advance(2)
    assert _health(aws, group) == [("10.0.0.1", "healthy", None)]
    elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.0.1"}])
    assert _health(aws, group) == [("10.0.0.1", "draining", "Target.DeregistrationInProgress")]
    aws.clock.advance(300)
    assert _health(aws, group) == []
    assert _health(aws, group, Targets=[{"Id": "10.0.0.1"}]) == [("10.0.0.1", "unused", "Target.NotRegistered")]


def test_targets_of_a_group_without_load_balancer_are_unused(aws, group):
    aws.client("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.0.1"}])
    assert _health(aws, group) == [("10.0.0.1", "unused", "Target.NotInUse")]


def test_health_is_set_through_the_control_api(aws, group):
    _balance(aws, group)
    aws.client("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.0.1"}, {"Id": "10.0.0.2"}])
    aws.clock.advance(2)
    aws.control("PUT", "/elbv2/target-health", {"targetGroupArn": group, "target": "10.0.0.1", "state": "unhealthy"})
    assert _health(aws, group) == [("10.0.0.1", "unhealthy", "Target.ResponseCodeMismatch"), ("10.0.0.2", "healthy", None)]
    aws.control("PUT", "/elbv2/target-health", {"targetGroupArn": group, "state": "unhealthy", "reason": "Target.Timeout"})
    assert {state for _, state, _ in _health(aws, group)} == {"unhealthy"}
    aws.control("DELETE", "/elbv2/target-health")
    assert {state for _, state, _ in _health(aws, group)} == {"healthy"}


def test_what_is_not_there_cannot_be_set(aws, group):
    session = requests.Session()
    session.trust_env = False
    url = aws.endpoint + "/_sandbox/elbv2/target-health"
    assert session.put(url, json={"targetGroupArn": group, "target": "10.0.0.9", "state": "healthy"}, timeout=10).status_code == 404
    assert session.put(url, json={"targetGroupArn": "arn:x", "state": "healthy"}, timeout=10).status_code == 404
    assert session.put(url, json={"targetGroupArn": group, "state": "well"}, timeout=10).status_code == 400
    with pytest.raises(ClientError) as caught:
        _health(aws, group.replace("web", "other"))
    assert caught.value.response["Error"]["Code"] == "TargetGroupNotFound"
