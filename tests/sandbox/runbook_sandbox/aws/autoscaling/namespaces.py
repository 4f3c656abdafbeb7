"""Which resources can scale: service namespaces, their resource ids and dimensions, their service-linked roles.

Sources: Application Auto Scaling API Reference, RegisterScalableTarget (ResourceId, ScalableDimension); User Guide,
"Service-linked roles for Application Auto Scaling".
"""

from __future__ import annotations

import re

from moto.utilities.utils import get_partition

from runbook_sandbox.aws.autoscaling.errors import validation

_SEGMENT = r"[^/:\s]+"

#: Dimension -> form of its resource id.
DIMENSIONS: dict[str, re.Pattern[str]] = {
    dimension: re.compile(form)
    for dimension, form in {
        "ecs:service:DesiredCount": rf"service/{_SEGMENT}/{_SEGMENT}",
        "ec2:spot-fleet-request:TargetCapacity": r"spot-fleet-request/sfr-[0-9a-f-]+",
        "elasticmapreduce:instancegroup:InstanceCount": r"instancegroup/j-\w+/ig-\w+",
        "appstream:fleet:DesiredCapacity": rf"fleet/{_SEGMENT}",
        "dynamodb:table:ReadCapacityUnits": rf"table/{_SEGMENT}",
        "dynamodb:table:WriteCapacityUnits": rf"table/{_SEGMENT}",
        "dynamodb:index:ReadCapacityUnits": rf"table/{_SEGMENT}/index/{_SEGMENT}",
        "dynamodb:index:WriteCapacityUnits": rf"table/{_SEGMENT}/index/{_SEGMENT}",
        "rds:cluster:ReadReplicaCount": rf"cluster:{_SEGMENT}",
        "sagemaker:variant:DesiredInstanceCount": rf"endpoint/{_SEGMENT}/variant/{_SEGMENT}",
        "sagemaker:variant:DesiredProvisionedConcurrency": rf"endpoint/{_SEGMENT}/variant/{_SEGMENT}",
        "sagemaker:inference-component:DesiredCopyCount": rf"inference-component/{_SEGMENT}",
        "custom-resource:ResourceType:Property": r"https?://\S+|\S+",
        "comprehend:document-classifier-endpoint:DesiredInferenceUnits": r"arn:[\w-]+:comprehend:\S+:document-classifier-endpoint/\S+",
        "comprehend:entity-recognizer-endpoint:DesiredInferenceUnits": r"arn:[\w-]+:comprehend:\S+:entity-recognizer-endpoint/\S+",
        "lambda:function:ProvisionedConcurrency": rf"function:{_SEGMENT}:{_SEGMENT}",
        "cassandra:table:ReadCapacityUnits": rf"keyspace/{_SEGMENT}/table/{_SEGMENT}",
        "cassandra:table:WriteCapacityUnits": rf"keyspace/{_SEGMENT}/table/{_SEGMENT}",
        "kafka:broker-storage:VolumeSize": r"arn:[\w-]+:kafka:\S+:cluster/\S+",
        "elasticache:cache-cluster:Nodes": rf"cache-cluster/{_SEGMENT}",
        "elasticache:replication-group:NodeGroups": rf"replication-group/{_SEGMENT}",
        "elasticache:replication-group:Replicas": rf"replication-group/{_SEGMENT}",
        "neptune:cluster:ReadReplicaCount": rf"cluster:{_SEGMENT}",
        "workspaces:workspacespool:DesiredUserSessions": rf"workspacespool/{_SEGMENT}",
    }.items()
}

#: Namespace -> suffix of its service-linked role. EMR has none and needs a RoleARN.
_ROLES = {
    "appstream": "AppStreamFleet",
    "cassandra": "CassandraTable",
    "comprehend": "ComprehendEndpoint",
    "custom-resource": "CustomResource",
    "dynamodb": "DynamoDBTable",
    "ec2": "EC2SpotFleetRequest",
    "ecs": "ECSService",
    "elasticache": "ElastiCacheRG",
    "kafka": "KafkaCluster",
    "lambda": "LambdaConcurrency",
    "neptune": "NeptuneCluster",
    "rds": "RDSCluster",
    "sagemaker": "SageMakerEndpoint",
    "workspaces": "WorkSpacesPool",
}


def check(namespace: str, resource_id: str, dimension: str) -> None:
    """Namespace, resource id and dimension belong together."""
    form = DIMENSIONS.get(dimension)
    if form is None or dimension.split(":")[0] != namespace or not form.fullmatch(resource_id):
        raise validation("Unsupported service namespace, resource type or scalable dimension")


def check_dimension(namespace: str, dimension: str | None) -> None:
    """For filters, where the resource id may be missing."""
    if dimension is not None and (dimension not in DIMENSIONS or dimension.split(":")[0] != namespace):
        raise validation("Unsupported service namespace, resource type or scalable dimension")


def service_linked_role(namespace: str, account_id: str, region: str) -> str | None:
    """ARN of the role by which Application Auto Scaling acts in the namespace."""
    suffix = _ROLES.get(namespace)
    if suffix is None:
        return None
    path = f"aws-service-role/{service_principal(namespace)}/AWSServiceRoleForApplicationAutoScaling_{suffix}"
    return f"arn:{get_partition(region)}:iam::{account_id}:role/{path}"


def service_principal(namespace: str) -> str:
    """AWSServiceName of the role, as CreateServiceLinkedRole takes it."""
    return f"{namespace}.application-autoscaling.amazonaws.com"
