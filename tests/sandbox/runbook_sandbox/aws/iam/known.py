"""Resource ARNs of the services that moto answers, after the Service Authorization Reference.

Only operations with a required or usual resource type are here; every other one is evaluated against `*`.
"""

from __future__ import annotations

from typing import Any

from moto.iam.models import iam_backends
from moto.utilities.utils import get_partition

from runbook_sandbox.aws.iam.resources import register


def _arn(service: str, region: str, account_id: str, resource: str, partition_region: str = "") -> str:
    return f"arn:{get_partition(partition_region or region)}:{service}:{region}:{account_id}:{resource}"


def _queue(params: dict[str, Any], account_id: str, region: str) -> list[str]:
    if params.get("QueueUrl"):
        parts = str(params["QueueUrl"]).rstrip("/").split("/")
        owner = parts[-2] if len(parts) > 1 and parts[-2].isdigit() else account_id
        return [_arn("sqs", region, owner, parts[-1])]
    name = params.get("QueueName")
    return [_arn("sqs", region, params.get("QueueOwnerAWSAccountId") or account_id, name)] if name else []


def _queue_of_task(params: dict[str, Any], account_id: str, region: str) -> list[str]:
    return [params["SourceArn"]] if params.get("SourceArn") else []


def _topic(params: dict[str, Any], account_id: str, region: str) -> list[str]:
    arn = params.get("TopicArn") or params.get("TargetArn") or params.get("ResourceArn")
    if arn:
        return [arn]
    return [_arn("sns", region, account_id, params["Name"])] if params.get("Name") else []


def _rule(params: dict[str, Any], account_id: str, region: str) -> list[str]:
    name = params.get("Rule") or params.get("Name")
    if not name:
        return []
    bus = str(params.get("EventBusName") or "default").split("event-bus/")[-1]
    return [_arn("events", region, account_id, f"rule/{name}" if bus == "default" else f"rule/{bus}/{name}")]


def _buses(params: dict[str, Any], account_id: str, region: str) -> list[str]:
    names = {str(entry.get("EventBusName") or "default") for entry in params.get("Entries") or [{}] if isinstance(entry, dict)}
    return [name if name.startswith("arn:") else _arn("events", region, account_id, f"event-bus/{name}") for name in sorted(names)]


def _secret(params: dict[str, Any], account_id: str, region: str) -> list[str]:
    identifier = params.get("SecretId") or params.get("Name")
    if not identifier:
        return []
    if str(identifier).startswith("arn:"):
        return [identifier]
    from moto.secretsmanager.models import secretsmanager_backends

    secret = secretsmanager_backends[account_id][region].secrets.get(identifier)
    # A secret's ARN ends in six random characters, which one that does not exist has not got.
    return [secret.arn if secret else _arn("secretsmanager", region, account_id, f"secret:{identifier}")]


def _log_group(params: dict[str, Any], account_id: str, region: str) -> list[str]:
    name = params.get("logGroupName")
    if name:
        return [_arn("logs", region, account_id, f"log-group:{name}")]
    return [str(params["logGroupIdentifier"]).removesuffix(":*")] if params.get("logGroupIdentifier") else []


def _key(params: dict[str, Any], account_id: str, region: str) -> list[str]:
    key = str(params.get("KeyId") or "")
    if not key or key.startswith("arn:"):
        return [key] if key else []
    return [_arn("kms", region, account_id, key if key.startswith("alias/") else f"key/{key}")]


def _iam(kind: str, member: str) -> Any:
    def resolve(params: dict[str, Any], account_id: str, region: str) -> list[str]:
        name = params.get(member)
        if not name:
            return []
        backend = iam_backends[account_id][get_partition(region)]
        known = {"role": backend.roles.values(), "user": backend.users.values(), "group": backend.groups.values()}[kind]
        found = next((one for one in known if one.name == name), None)
        # The path is part of the ARN, also of one that is about to be created.
        path = found.path if found else str(params.get("Path") or "/")
        return [_arn("iam", "", account_id, f"{kind}{path}{name}", region)]

    return resolve


def _iam_policy(params: dict[str, Any], account_id: str, region: str) -> list[str]:
    if params.get("PolicyArn"):
        return [params["PolicyArn"]]
    name = params.get("PolicyName")
    return [_arn("iam", "", account_id, f"policy{params.get('Path') or '/'}{name}", region)] if name else []


def _iam_path(kind: str) -> Any:
    """What a list of roles, users, groups or policies is of: a path, `/` when none is said."""

    def resolve(params: dict[str, Any], account_id: str, region: str) -> list[str]:
        return [_arn("iam", "", account_id, f"{kind}{params.get('PathPrefix') or '/'}", region)]

    return resolve


def _linked_role(params: dict[str, Any], account_id: str, region: str) -> list[str]:
    return [_arn("iam", "", account_id, f"role/aws-service-role/{params.get('AWSServiceName', '*')}/*", region)]


def _bucket(params: dict[str, Any], account_id: str, region: str) -> list[str]:
    return [f"arn:{get_partition(region)}:s3:::{params['Bucket']}"] if params.get("Bucket") else []


def _object(params: dict[str, Any], account_id: str, region: str) -> list[str]:
    return [f"arn:{get_partition(region)}:s3:::{params['Bucket']}/{params.get('Key', '*')}"] if params.get("Bucket") else []


_QUEUE = """AddPermission ChangeMessageVisibility CreateQueue DeleteMessage DeleteQueue GetQueueAttributes GetQueueUrl
ListDeadLetterSourceQueues ListQueueTags PurgeQueue ReceiveMessage RemovePermission SendMessage SetQueueAttributes TagQueue UntagQueue"""
#: Batches need the permission of the single operation (Service Authorization Reference of Amazon SQS).
_QUEUE_BATCHES = {
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "DeleteMessageBatch": "DeleteMessage",
    "SendMessageBatch": "SendMessage",
}
_TOPIC = """AddPermission ConfirmSubscription CreateTopic DeleteTopic GetTopicAttributes ListSubscriptionsByTopic Publish
PublishBatch RemovePermission SetTopicAttributes Subscribe TagResource UntagResource ListTagsForResource"""
_RULE = "DeleteRule DescribeRule DisableRule EnableRule ListTargetsByRule PutRule PutTargets RemoveTargets"
_SECRET = """CreateSecret DeleteSecret DescribeSecret GetResourcePolicy GetSecretValue ListSecretVersionIds PutResourcePolicy
PutSecretValue RestoreSecret RotateSecret TagResource UntagResource UpdateSecret UpdateSecretVersionStage"""
_LOG_GROUP = """CreateLogGroup CreateLogStream DeleteLogGroup DeleteLogStream DescribeLogStreams FilterLogEvents GetLogEvents PutLogEvents
PutMetricFilter DeleteMetricFilter DescribeMetricFilters PutRetentionPolicy StartQuery"""
_KEY = "CreateGrant Decrypt DescribeKey Encrypt GenerateDataKey GetKeyPolicy PutKeyPolicy ReEncrypt ScheduleKeyDeletion"
_ROLE = """AttachRolePolicy CreateRole DeleteRole DeleteRolePolicy DetachRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies
ListRolePolicies PutRolePermissionsBoundary PutRolePolicy TagRole UntagRole UpdateAssumeRolePolicy UpdateRole"""
_USER = """AttachUserPolicy CreateAccessKey CreateUser DeleteAccessKey DeleteUser DeleteUserPolicy DetachUserPolicy GetUser GetUserPolicy
ListAccessKeys ListAttachedUserPolicies ListUserPolicies PutUserPermissionsBoundary PutUserPolicy TagUser UpdateAccessKey UpdateUser"""
_GROUP = "AddUserToGroup AttachGroupPolicy CreateGroup DeleteGroup GetGroup PutGroupPolicy RemoveUserFromGroup"
_POLICY = "CreatePolicy CreatePolicyVersion DeletePolicy DeletePolicyVersion GetPolicy GetPolicyVersion ListPolicyVersions TagPolicy"
_BUCKET = {
    "CreateBucket": "s3:CreateBucket",
    "DeleteBucket": "s3:DeleteBucket",
    "HeadBucket": "s3:ListBucket",
    "ListObjects": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "GetBucketLocation": "s3:GetBucketLocation",
}
#: S3's actions are not its operations ("Actions, resources, and condition keys for Amazon S3").
_OBJECT = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "CopyObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "ListParts": "s3:ListMultipartUploadParts",
}


def install() -> None:
    """Register all of them. Idempotent; what a service package registers afterwards replaces it."""
    tables: list[tuple[str, str, Any]] = [
        ("sqs", _QUEUE, _queue),
        ("sqs", "StartMessageMoveTask ListMessageMoveTasks", _queue_of_task),
        ("sns", _TOPIC, _topic),
        ("events", _RULE, _rule),
        ("events", "PutEvents", _buses),
        ("secretsmanager", _SECRET, _secret),
        ("logs", _LOG_GROUP, _log_group),
        ("kms", _KEY, _key),
        ("iam", _ROLE, _iam("role", "RoleName")),
        ("iam", _USER, _iam("user", "UserName")),
        ("iam", _GROUP, _iam("group", "GroupName")),
        ("iam", _POLICY, _iam_policy),
        ("iam", "CreateServiceLinkedRole", _linked_role),
        ("iam", "ListRoles", _iam_path("role")),
        ("iam", "ListUsers", _iam_path("user")),
        ("iam", "ListGroups", _iam_path("group")),
        ("iam", "ListPolicies", _iam_path("policy")),
    ]
    for service, operations, resolver in tables:
        for operation in operations.split():
            register(service, operation, resolver)
    for operation, single in _QUEUE_BATCHES.items():
        register("sqs", operation, _queue, actions=[f"sqs:{single}"])
    for operation, action in _BUCKET.items():
        register("s3", operation, _bucket, actions=[action])
    for operation, action in _OBJECT.items():
        register("s3", operation, _object, actions=[action])
    register("s3", "ListBuckets", lambda *_: [], actions=["s3:ListAllMyBuckets"])
    register("sns", "PublishBatch", _topic, actions=["sns:Publish"])
