"""The AWS account of the application: its cluster and services, and hands to change them behind the operator's back."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config

REGION = "eu-central-1"
ACCOUNT = "123456789012"
CLUSTER = "clocked-cluster"
APP = "clocked-app-service"
WORKER = "clocked-worker-service"
DATABASE = "clocked-db"
OPERATOR_USER = "runbook-operator"
#: What the operator calls its cluster in tags.
CLUSTER_ID = "sandbox"
#: An access key that may do everything, also when IAM is enforced: the one that `make sandbox` prints.
ADMINISTRATOR = "test"


class Account:
    """The account as its administrator sees it, and the sandbox's own controls."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.ecs = self.client("ecs")
        self.autoscaling = self.client("application-autoscaling")
        self.rds = self.client("rds")

    def client(self, service: str, region: str = REGION, key: str = ADMINISTRATOR, **options: Any) -> Any:
        """A boto3 client. Retries are on: the sandbox throttles as AWS does. Twelve digits: that account's administrator."""
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=key,
            config=Config(retries={"mode": "standard", "max_attempts": 8}),
            **options,
        )

    def control(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        """The sandbox's control API (docs/sandbox/frame.md)."""
        answer = requests.request(method, f"{self.endpoint}/_sandbox{path}", json=body, params=params, timeout=30)
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def create_services(self, *services: str, cluster: str = CLUSTER, desired: int = 1) -> None:
        """Creates the cluster, one task definition and services of it."""
        self.ecs.create_cluster(clusterName=cluster)
        self.ecs.register_task_definition(
            family="clocked-server",
            containerDefinitions=[{"name": "clocked-server", "image": "clocked/server:1.0.0", "memory": 512, "essential": True}],
        )
        for service in services:
            self.ecs.create_service(cluster=cluster, serviceName=service, taskDefinition="clocked-server", desiredCount=desired)

    def create_database(self, identifier: str = DATABASE, **settings: Any) -> None:
        """Creates a DB instance as people do who think of backups later; `settings` are CreateDBInstance's."""
        usual = {
            "Engine": "postgres",
            "DBInstanceClass": "db.t4g.micro",
            "AllocatedStorage": 20,
            "MasterUsername": "clocked",
            "MasterUserPassword": "secret-word",
            "PreferredMaintenanceWindow": "sun:20:00-sun:21:00",
        }
        self.rds.create_db_instance(DBInstanceIdentifier=identifier, **(usual | settings))

    def database(self, identifier: str = DATABASE) -> dict[str, Any]:
        """The DB instance as DescribeDBInstances shows it."""
        return self.rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]

    def snapshots(self, identifier: str = DATABASE) -> dict[str, dict[str, str]]:
        """The tags of the DB instance's manual snapshots, by identifier."""
        pages = self.rds.get_paginator("describe_db_snapshots").paginate(DBInstanceIdentifier=identifier, SnapshotType="manual")
        found = [item for page in pages for item in page["DBSnapshots"]]
        return {item["DBSnapshotIdentifier"]: {tag["Key"]: tag["Value"] for tag in item["TagList"]} for item in found}

    def service(self, service: str, cluster: str = CLUSTER) -> dict[str, Any]:
        """The service as DescribeServices shows it."""
        return self.ecs.describe_services(cluster=cluster, services=[service], include=["TAGS"])["services"][0]

    def set_desired(self, service: str, count: int, cluster: str = CLUSTER) -> None:
        """What a colleague does by hand: `aws ecs update-service --desired-count`."""
        self.ecs.update_service(cluster=cluster, service=service, desiredCount=count)

    def scalable_target(self, service: str, cluster: str = CLUSTER) -> dict[str, Any] | None:
        """The scalable target of a service, if any."""
        answer = self.autoscaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[f"service/{cluster}/{service}"])
        return next(iter(answer["ScalableTargets"]), None)

    def scaling_policies(self, service: str, cluster: str = CLUSTER) -> list[dict[str, Any]]:
        """The scaling policies of a service."""
        pages = self.autoscaling.get_paginator("describe_scaling_policies")
        found = pages.paginate(ServiceNamespace="ecs", ResourceId=f"service/{cluster}/{service}")
        return [policy for page in found for policy in page["ScalingPolicies"]]

    def calls_of(self, user: str, operation: str | None = None) -> list[dict[str, Any]]:
        """The calls that a user, or a role session of its name, made, oldest first."""
        answer = self.control("GET", "/calls", limit="10000", **({"operation": operation} if operation else {}))
        return [call for call in answer["calls"] if user in (call["caller"] or "")]

    def operator_calls(self, operation: str | None = None) -> list[dict[str, Any]]:
        """The calls that the operator made, oldest first."""
        return self.calls_of(OPERATOR_USER, operation)

    def create_operator_user(self, policy: dict[str, Any]) -> tuple[str, str]:
        """An IAM user with this policy and nothing else, and IAM enforced from now on. Its access key and secret."""
        key = self.create_user(OPERATOR_USER, policy)
        self.control("PUT", "/iam", {"enforce": True, "administrators": [ADMINISTRATOR]})
        return key

    def create_user(self, name: str, policy: dict[str, Any]) -> tuple[str, str]:
        """An IAM user with this policy and nothing else. Its access key and secret."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]


def documented_policy(repository: Path, cluster: str = CLUSTER) -> dict[str, Any]:
    """The IAM policy that docs/iam.md tells users to give to the operator, for a cluster of their own."""
    text = (repository / "docs" / "iam.md").read_text()
    found = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    if found is None:
        raise ValueError("docs/iam.md has no JSON block")
    return json.loads(found.group(1).replace(f"service/{CLUSTER}/", f"service/{cluster}/"))
