"""IAM enforced on calls: by action and resource ARN, with each service's own refusal."""

import json

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from runbook_sandbox.aws.iam import resources

ADMINISTRATOR = {"AccessKeyId": "123456789012", "SecretAccessKey": "x"}
TRUST_ACCOUNT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"}],
}


def _policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


def _deny(action, resource="*", **more):
    return {"Effect": "Deny", "Action": action, "Resource": resource} | more


def _user(aws, *statements, name="ann"):
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=_policy(*statements))
    return iam.create_access_key(UserName=name)["AccessKey"]


def _enforce(aws):
    aws.control("PUT", "/iam", {"enforce": True})


def _refused(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture
def register(monkeypatch):
    monkeypatch.setattr(resources, "_resolvers", dict(resources._resolvers))
    monkeypatch.setattr(resources, "_conditions", dict(resources._conditions))
    monkeypatch.setattr(resources, "_actions", dict(resources._actions))
    return resources.register


def test_nothing_is_evaluated_until_it_is_enforced(aws):
    keys = _user(aws)
    aws.client_of("sqs", keys).list_queues()
    _enforce(aws)
    code, _, _ = _refused(aws.client_of("sqs", keys).list_queues)
    assert code == "AccessDenied"
    aws.client_of("sqs", ADMINISTRATOR).list_queues()


@pytest.mark.parametrize(
    ("service", "call", "action", "code", "status"),
    [
        ("ecs", "list_clusters", "ecs:ListClusters", "AccessDeniedException", 400),
        ("application-autoscaling", "list_tags_for_resource", "application-autoscaling:ListTagsForResource", "AccessDeniedException", 400),
        ("rds", "describe_db_engine_versions", "rds:DescribeDBEngineVersions", "AccessDenied", 403),
        ("cloudwatch", "describe_alarms", "cloudwatch:DescribeAlarms", "AccessDenied", 403),
        ("elbv2", "describe_load_balancers", "elasticloadbalancing:DescribeLoadBalancers", "AccessDenied", 403),
        ("ec2", "describe_vpcs", "ec2:DescribeVpcs", "UnauthorizedOperation", 403),
    ],
)
def test_a_refusal_says_who_may_not_do_what_to_what_and_why(aws, service, call, action, code, status):
    """ "Troubleshoot access denied error messages" (IAM User Guide)."""
    keys = _user(aws)
    _enforce(aws)
    params = {"ResourceARN": "arn:aws:x:y:123456789012:z"} if call == "list_tags_for_resource" else {}
    found = _refused(getattr(aws.client_of(service, keys), call), **params)
    assert found[0] == code
    assert found[1].startswith(f"User: arn:aws:iam::123456789012:user/ann is not authorized to perform: {action} on resource: ")
    assert found[1].endswith(f" because no identity-based policy allows the {action} action")
    assert found[2] == status


def test_permission_is_by_resource(aws):
    aws.client("sqs").create_queue(QueueName="mine")
    aws.client("sqs").create_queue(QueueName="other")
    keys = _user(aws, _allow("sqs:*", "arn:aws:sqs:eu-central-1:123456789012:mine"))
    _enforce(aws)
    aws.client_of("sqs", keys).get_queue_url(QueueName="mine")
    _, message, _ = _refused(aws.client_of("sqs", keys).get_queue_url, QueueName="other")
    assert "on resource: arn:aws:sqs:eu-central-1:123456789012:other because" in message
    _refused(aws.client_of("sqs", keys, region="eu-west-1").get_queue_url, QueueName="mine")


def test_every_resource_and_every_action_of_a_request_must_be_allowed(aws, register):
    register("sns", "ListTopics", lambda *_: ["arn:aws:sns:r:1:a", "arn:aws:sns:r:1:b"], actions=["sns:ListTopics", "iam:PassRole"])
    keys = _user(aws, _allow("sns:ListTopics", ["arn:aws:sns:r:1:a", "arn:aws:sns:r:1:b"]), _allow("iam:PassRole", "arn:aws:sns:r:1:a"))
    _enforce(aws)
    _, message, _ = _refused(aws.client_of("sns", keys).list_topics)
    assert "iam:PassRole on resource: arn:aws:sns:r:1:b" in message


def test_an_explicit_deny_is_said(aws):
    keys = _user(aws, _allow("*"), _deny("sns:ListTopics"))
    _enforce(aws)
    _, message, _ = _refused(aws.client_of("sns", keys).list_topics)
    assert message.endswith("with an explicit deny in an identity-based policy")
    aws.client_of("sns", keys).list_subscriptions()


def test_groups_managed_policies_and_aws_managed_policies_speak_for_a_user(aws):
    """moto has AWS's managed policies only when it loads all of them into every account."""
    iam = aws.client("iam")
    keys = _user(aws)
    iam.create_group(GroupName="readers")
    iam.add_user_to_group(GroupName="readers", UserName="ann")
    arn = iam.create_policy(PolicyName="topics", PolicyDocument=_policy(_allow("sns:ListTopics")))["Policy"]["Arn"]
    _enforce(aws)
    sns = aws.client_of("sns", keys)
    _refused(sns.list_topics)
    admin = aws.client_of("iam", ADMINISTRATOR)
    admin.attach_group_policy(GroupName="readers", PolicyArn=arn)
    sns.list_topics()
    _refused(aws.client_of("ecs", keys).list_clusters)
    admin.attach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::aws:policy/AmazonECS_FullAccess")
    aws.client_of("ecs", keys).list_clusters()
    attached = admin.list_attached_user_policies(UserName="ann")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AmazonECS_FullAccess"]
    admin.create_policy_version(PolicyArn=arn, PolicyDocument=_policy(_deny("sns:*")), SetAsDefault=True)
    _refused(sns.list_topics)


def test_a_permissions_boundary_limits_what_a_policy_allows(aws):
    """ "Permissions boundaries for IAM entities". moto has none for users."""
    iam = aws.client("iam")
    keys = _user(aws, _allow("*"))
    arn = iam.create_policy(PolicyName="edge", PolicyDocument=_policy(_allow("sns:*")))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=arn)
    _enforce(aws)
    aws.client_of("sns", keys).list_topics()
    _, message, _ = _refused(aws.client_of("sqs", keys).list_queues)
    assert message.endswith("because no permissions boundary allows the sqs:ListQueues action")
    aws.client_of("iam", ADMINISTRATOR).delete_user_permissions_boundary(UserName="ann")
    aws.client_of("sqs", keys).list_queues()


@pytest.mark.parametrize(("call", "of"), [("list_users", "user/"), ("list_roles", "role/"), ("list_groups", "group/")])
def test_a_list_of_identities_is_of_their_path(aws, call, of):
    """IAM evaluates its lists against a path, as its refusals show; moto against `*`, so that a policy on paths is never met."""
    keys = _user(aws, _allow(f"iam:{call.title().replace('_', '')}", f"arn:aws:iam::123456789012:{of}team/*"))
    _enforce(aws)
    listing = getattr(aws.client_of("iam", keys), call)
    listing(PathPrefix="/team/")
    assert f"on resource: arn:aws:iam::123456789012:{of} because" in _refused(listing)[1]


def test_a_user_is_created_within_a_boundary(aws):
    """CreateUser, PermissionsBoundary; the policy must exist (NoSuchEntity). moto drops it, and the user may do anything."""
    iam = aws.client("iam")
    with pytest.raises(ClientError) as caught:
        iam.create_user(UserName="bob", PermissionsBoundary="arn:aws:iam::123456789012:policy/edge")
    assert caught.value.response["Error"]["Code"] == "NoSuchEntity"
    arn = iam.create_policy(PolicyName="edge", PolicyDocument=_policy(_allow("sns:*")))["Policy"]["Arn"]
    iam.create_user(UserName="bob", PermissionsBoundary=arn)
    iam.put_user_policy(UserName="bob", PolicyName="all", PolicyDocument=_policy(_allow("*")))
    keys = iam.create_access_key(UserName="bob")["AccessKey"]
    _enforce(aws)
    aws.client_of("sns", keys).list_topics()
    _, message, _ = _refused(aws.client_of("sqs", keys).list_queues)
    assert message.endswith("because no permissions boundary allows the sqs:ListQueues action")


def test_conditions_on_region_tags_and_service_keys(aws, register):
    register("sqs", "CreateQueue", lambda *_: ["*"], conditions=lambda params, *_: {"sqs:name": params["QueueName"]})
    keys = _user(
        aws,
        _allow("sqs:ListQueues", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}),
        _allow(
            "sns:CreateTopic",
            Condition={"StringEquals": {"aws:RequestTag/team": "web"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}},
        ),
        _allow("sqs:CreateQueue", Condition={"StringLike": {"sqs:name": "app-*"}}),
    )
    _enforce(aws)
    _refused(aws.client_of("sqs", keys).list_queues)
    aws.client_of("sqs", keys, region="eu-west-1").list_queues()
    sns = aws.client_of("sns", keys)
    _refused(sns.create_topic, Name="a")
    _refused(sns.create_topic, Name="a", Tags=[{"Key": "team", "Value": "db"}])
    _refused(sns.create_topic, Name="a", Tags=[{"Key": "team", "Value": "web"}, {"Key": "more", "Value": "x"}])
    sns.create_topic(Name="a", Tags=[{"Key": "team", "Value": "web"}])
    _refused(aws.client_of("sqs", keys).create_queue, QueueName="other")
    aws.client_of("sqs", keys).create_queue(QueueName="app-1")


@pytest.mark.parametrize(
    ("service", "call", "code", "status"),
    [
        ("ecs", "list_clusters", "UnrecognizedClientException", 400),
        ("rds", "describe_db_instances", "InvalidClientTokenId", 403),
        ("sts", "get_caller_identity", "InvalidClientTokenId", 403),
    ],
)
def test_an_unknown_key_is_refused_once_enforced(aws, service, call, code, status):
    _enforce(aws)
    found, message, http = _refused(getattr(aws.client(service), call))
    assert (found, http) == (code, status)
    assert message == "The security token included in the request is invalid."


def test_keys_may_be_named_administrators(aws):
    aws.control("PUT", "/iam", {"enforce": True, "administrators": ["AKIATESTTESTTESTTEST"]})
    aws.client("sqs").list_queues()


def test_an_inactive_key_is_refused_even_when_nothing_is_enforced(aws):
    keys = _user(aws, _allow("*"))
    aws.client("iam").update_access_key(UserName="ann", AccessKeyId=keys["AccessKeyId"], Status="Inactive")
    assert _refused(aws.client_of("sns", keys).list_topics)[0] == "InvalidClientTokenId"


def test_refused_calls_are_recorded_as_denied_and_change_nothing(aws):
    keys = _user(aws)
    _enforce(aws)
    _refused(aws.client_of("sqs", keys).create_queue, QueueName="q")
    (call,) = aws.control("GET", "/calls", operation="CreateQueue")["calls"]
    assert (call["outcome"], call["effect"], call["caller"]) == ("denied", False, "arn:aws:iam::123456789012:user/ann")
    assert "QueueUrls" not in aws.client_of("sqs", ADMINISTRATOR).list_queues()


def test_known_services_are_evaluated_by_the_arns_of_their_resources(aws):
    """Service Authorization Reference. moto evaluates most services against `*` only."""
    keys = _user(
        aws,
        _allow(["sqs:SendMessage", "sqs:CreateQueue"], "arn:aws:sqs:*:*:a"),
        _allow("sns:Publish", "arn:aws:sns:*:*:a"),
        _allow("events:PutRule", "arn:aws:events:*:*:rule/a"),
        _allow("secretsmanager:*", "arn:aws:secretsmanager:*:*:secret:a-??????"),
        _allow("iam:GetRole", "arn:aws:iam::*:role/path/a"),
        _allow(["s3:CreateBucket", "s3:ListBucket"], "arn:aws:s3:::exports-a"),
        _allow("s3:PutObject", "arn:aws:s3:::exports-a/in/*"),
    )
    admin = {"aws_access_key_id": "123456789012"}
    trust = _policy({"Effect": "Allow", "Principal": {"Service": "rds.amazonaws.com"}, "Action": "sts:AssumeRole"})
    for name in ("a", "b"):
        aws.client("sqs", **admin).create_queue(QueueName=name)
        aws.client("sns", **admin).create_topic(Name=name)
        aws.client("secretsmanager", **admin).create_secret(Name=name, SecretString="x")
        aws.client("iam", **admin).create_role(RoleName=name, Path="/path/", AssumeRolePolicyDocument=trust)
    _enforce(aws)
    sqs, sns, bridge = (aws.client_of(service, keys) for service in ("sqs", "sns", "events"))
    secrets, iam, s3 = (aws.client_of(service, keys) for service in ("secretsmanager", "iam", "s3"))
    url = aws.endpoint + "/123456789012/"
    sqs.send_message(QueueUrl=url + "a", MessageBody="x")
    sqs.send_message_batch(QueueUrl=url + "a", Entries=[{"Id": "1", "MessageBody": "x"}])
    _refused(sqs.send_message, QueueUrl=url + "b", MessageBody="x")
    sns.publish(TopicArn="arn:aws:sns:eu-central-1:123456789012:a", Message="x")
    _refused(sns.publish, TopicArn="arn:aws:sns:eu-central-1:123456789012:b", Message="x")
    bridge.put_rule(Name="a", EventPattern='{"source": ["x"]}')
    _refused(bridge.put_rule, Name="b", EventPattern='{"source": ["x"]}')
    secrets.get_secret_value(SecretId="a")
    _refused(secrets.get_secret_value, SecretId="b")
    iam.get_role(RoleName="a")
    _refused(iam.get_role, RoleName="b")
    s3.create_bucket(Bucket="exports-a", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="exports-a", Key="in/x", Body=b"1")
    assert s3.list_objects_v2(Bucket="exports-a")["KeyCount"] == 1
    _refused(s3.put_object, Bucket="exports-a", Key="out/x", Body=b"1")
    _refused(s3.list_buckets)


def test_policies_are_simulated_by_the_same_evaluator(aws):
    """SimulatePrincipalPolicy, which moto does not have."""
    _user(aws, _allow("ecs:UpdateService", "arn:aws:ecs:*:*:service/app/*"), _deny("ecs:DeleteService"))
    answer = aws.client("iam").simulate_principal_policy(
        PolicySourceArn="arn:aws:iam::123456789012:user/ann",
        ActionNames=["ecs:UpdateService", "ecs:DeleteService"],
        ResourceArns=["arn:aws:ecs:eu-central-1:123456789012:service/app/web", "arn:aws:ecs:eu-central-1:123456789012:service/x/web"],
    )
    assert [result["EvalDecision"] for result in answer["EvaluationResults"]] == ["allowed", "implicitDeny", "explicitDeny", "explicitDeny"]
    code, _, status = _refused(
        aws.client("iam").simulate_principal_policy, PolicySourceArn="arn:aws:iam::123456789012:user/bob", ActionNames=["ecs:X"]
    )
    assert (code, status) == ("NoSuchEntity", 404)


@pytest.mark.parametrize(("service", "code"), [("ecs", "InvalidSignatureException"), ("rds", "SignatureDoesNotMatch")])
def test_a_region_that_there_is_not_is_refused(aws, service, code):
    call = {"ecs": "list_clusters", "rds": "describe_db_instances"}[service]
    found, message, _ = _refused(getattr(aws.client(service, region="mars-north-1"), call))
    assert found == code
    assert message == "Credential should be scoped to a valid region."


def test_a_role_is_passed_only_by_who_may_pass_it(aws):
    """ "Granting a user permissions to pass a role to an AWS service"; iam:PassedToService says to whom."""
    role, other = "arn:aws:iam::123456789012:role/task", "arn:aws:iam::123456789012:role/admin"
    keys = _user(
        aws,
        _allow(["ecs:RegisterTaskDefinition", "ecs:RunTask"]),
        _allow("iam:PassRole", role, Condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}),
    )
    task = {"family": "app", "cpu": "256", "memory": "512", "containerDefinitions": [{"name": "a", "image": "x", "memory": 128}]}
    aws.client("ecs").register_task_definition(**task | {"family": "admins"}, taskRoleArn=other)
    _enforce(aws)
    ecs = aws.client_of("ecs", keys)
    ecs.register_task_definition(**task, executionRoleArn=role)
    code, message, _ = _refused(ecs.register_task_definition, **task, taskRoleArn=other)
    assert code == "AccessDeniedException"
    assert message.endswith(f"iam:PassRole on resource: {other} because no identity-based policy allows the iam:PassRole action")
    assert "iam:PassRole" in _refused(ecs.run_task, taskDefinition="app", overrides={"taskRoleArn": other})[1]
    assert "iam:PassRole" in _refused(ecs.run_task, taskDefinition="admins")[1]


def test_nobody_reads_a_bucket_unsigned_once_enforced(aws):
    s3 = aws.client("s3", config=Config(signature_version=UNSIGNED))
    s3.list_buckets()
    _enforce(aws)
    assert _refused(s3.list_buckets)[0] == "AccessDenied"


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("ecs.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_ECSService"),
        ("rds.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_RDSCluster"),
        ("ecs.amazonaws.com", "AWSServiceRoleForECS"),
        ("rds.amazonaws.com", "AWSServiceRoleForRDS"),
    ],
)
def test_linked_roles_have_the_names_of_aws(aws, service, name):
    """ "Using service-linked roles" of each service. moto calls the first one AWSServiceRoleForApplicationAutoScaling_Ecs."""
    role = aws.client("iam").create_service_linked_role(AWSServiceName=service)["Role"]
    assert role["Arn"] == f"arn:aws:iam::123456789012:role/aws-service-role/{service}/{name}"
    code, message, _ = _refused(aws.client("iam").create_service_linked_role, AWSServiceName=service)
    assert code == "InvalidInput"
    assert "has been taken" in message


def test_a_malformed_trust_policy_makes_no_role(aws):
    """API Reference, CreateRole: MalformedPolicyDocument. moto: takes any text."""
    iam = aws.client("iam")
    for document in (
        "{",
        "{}",
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}',
    ):
        with pytest.raises(ClientError) as caught:
            iam.create_role(RoleName="broken", AssumeRolePolicyDocument=document)
        assert caught.value.response["Error"]["Code"] == "MalformedPolicyDocument"
    assert iam.list_roles()["Roles"] == []
    old = {"Version": "2008-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:*"}}
    iam.create_role(RoleName="old", AssumeRolePolicyDocument=json.dumps(old))
    iam.update_assume_role_policy(RoleName="old", PolicyDocument=json.dumps(old))


def test_what_is_not_there_is_named_in_iams_words(aws):
    """moto: "Role ghost not found"."""
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "rds.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="real", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    for call, words in (
        (lambda: iam.get_role(RoleName="ghost"), "The role with name ghost cannot be found."),
        (lambda: iam.get_group(GroupName="ghost"), "The group with name ghost cannot be found."),
        (lambda: iam.get_role_policy(RoleName="real", PolicyName="ghost"), "The role policy with name ghost cannot be found."),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert (caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]) == ("NoSuchEntity", words)
