"""Event subscriptions, and lists of what is the same everywhere or nowhere."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def topic(aws) -> str:
    return aws.client("sns").create_topic(Name="alerts")["TopicArn"]


@pytest.fixture
def messages(aws, topic):
    """What has come out of the topic."""
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def read() -> list[dict]:
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(json.loads(one["Body"])["Message"]) for one in received]

    return read


def test_a_subscription_sends_what_it_asks_for(aws, rds, instance, topic, messages):
    """User Guide, "Amazon RDS event notification". moto: keeps subscriptions and sends nothing."""
    instance()
    instance("other")
    created = rds.create_event_subscription(
        SubscriptionName="Deaths", SnsTopicArn=topic, SourceType="db-instance", SourceIds=["app"], EventCategories=["deletion"]
    )["EventSubscription"]
    assert (created["CustSubscriptionId"], created["Status"], created["Enabled"]) == ("deaths", "creating", True)
    aws.clock.advance(2)
    assert rds.describe_event_subscriptions(SubscriptionName="deaths")["EventSubscriptionsList"][0]["Status"] == "active"
    for name in ("app", "other"):
        rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    aws.clock.advance(60)
    (message,) = messages()
    assert (message["Event Source"], message["Source ID"], message["Event Message"]) == ("db-instance", "app", "DB instance deleted")
    assert message["Event ID"].endswith("#RDS-EVENT-0003")


def test_a_subscription_that_is_off_sends_nothing(aws, rds, instance, topic, messages):
    rds.create_event_subscription(SubscriptionName="all", SnsTopicArn=topic)
    rds.modify_event_subscription(SubscriptionName="all", Enabled=False)
    aws.clock.advance(2)
    instance()
    assert messages() == []


def test_what_subscriptions_refuse(aws, rds, instance, topic, refused):
    """API Reference, CreateEventSubscription, "Errors"."""

    def create(**more):
        rds.create_event_subscription(**({"SubscriptionName": "all", "SnsTopicArn": topic} | more))

    with refused("SNSTopicArnNotFound"):
        create(SnsTopicArn=topic + "x")
    with refused("SourceNotFound"):
        create(SourceType="db-instance", SourceIds=["ghost"])
    with refused("SubscriptionCategoryNotFound"):
        create(SourceType="db-snapshot", EventCategories=["failover"])
    with refused("InvalidParameterCombination"):
        create(SourceIds=["app"])
    create()
    with refused("SubscriptionAlreadyExist"):
        create()
    aws.control("PUT", "/rds/quotas", {"EventSubscriptions": 1})
    with refused("EventSubscriptionQuotaExceeded"):
        create(SubscriptionName="second")
    rds.delete_event_subscription(SubscriptionName="all")
    with refused("SubscriptionNotFound"):
        rds.delete_event_subscription(SubscriptionName="all")


def test_sources_come_and_go(rds, instance, topic, refused):
    instance()
    rds.create_event_subscription(SubscriptionName="some", SnsTopicArn=topic, SourceType="db-instance")
    added = rds.add_source_identifier_to_subscription(SubscriptionName="some", SourceIdentifier="app")
    assert added["EventSubscription"]["SourceIdsList"] == ["app"]
    removed = rds.remove_source_identifier_from_subscription(SubscriptionName="some", SourceIdentifier="app")
    assert removed["EventSubscription"]["SourceIdsList"] == []
    with refused("SourceNotFound"):
        rds.add_source_identifier_to_subscription(SubscriptionName="some", SourceIdentifier="ghost")


@pytest.mark.parametrize(
    ("operation", "parameter", "code"),
    [
        ("describe_global_clusters", "GlobalClusterIdentifier", "GlobalClusterNotFoundFault"),
        ("describe_blue_green_deployments", "BlueGreenDeploymentIdentifier", "BlueGreenDeploymentNotFoundFault"),
        ("describe_db_proxies", "DBProxyName", "DBProxyNotFoundFault"),
        ("describe_db_security_groups", "DBSecurityGroupName", "DBSecurityGroupNotFound"),
        ("describe_certificates", "CertificateIdentifier", "CertificateNotFound"),
    ],
)
def test_what_is_not_there_is_listed_as_nothing_and_not_found_by_name(aws, rds, refused, operation, parameter, code):
    getattr(rds, operation)()
    with refused(code):
        getattr(rds, operation)(**{parameter: "ghost-of-a-name"})
    with refused("InvalidParameterValue"):
        getattr(aws.unchecked("rds"), operation)(MaxRecords=19)


def test_endpoints_and_backups_of_clusters(aws, rds, refused):
    """API Reference, DescribeDBClusterEndpoints, DescribeDBClusterAutomatedBackups."""
    rds.create_db_cluster(DBClusterIdentifier="c", Engine="aurora-postgresql", MasterUsername="clocked", MasterUserPassword="long-enough")
    aws.clock.advance(60)
    cluster = rds.describe_db_clusters()["DBClusters"][0]
    endpoints = rds.describe_db_cluster_endpoints(DBClusterIdentifier="c")["DBClusterEndpoints"]
    shown = {one["EndpointType"]: one["Endpoint"] for one in endpoints}
    assert shown == {"WRITER": cluster["Endpoint"], "READER": cluster["ReaderEndpoint"]}
    backup = rds.describe_db_cluster_automated_backups(DBClusterIdentifier="c")["DBClusterAutomatedBackups"][0]
    assert (backup["Status"], backup["DbClusterResourceId"]) == ("active", cluster["DbClusterResourceId"])
    assert backup["RestoreWindow"]["LatestTime"] == cluster["LatestRestorableTime"]
    with refused("DBClusterAutomatedBackupNotFoundFault"):
        rds.describe_db_cluster_automated_backups(DBClusterIdentifier="ghost")


def test_valid_modifications_begin_at_the_present_size(rds, instance, refused):
    instance(AllocatedStorage=50)
    answer = rds.describe_valid_db_instance_modifications(DBInstanceIdentifier="app")["ValidDBInstanceModificationsMessage"]
    sizes = {one["StorageType"]: one["StorageSize"][0]["From"] for one in answer["Storage"]}
    assert (sizes["gp3"], sizes["io1"]) == (50, 100)
    with refused("DBInstanceNotFound"):
        rds.describe_valid_db_instance_modifications(DBInstanceIdentifier="ghost")


def test_a_cluster_that_is_stopped_again_has_seven_days_again(aws, rds):
    """Aurora User Guide, "Stopping and starting an Amazon Aurora DB cluster": started by itself after seven days."""
    rds.create_db_cluster(DBClusterIdentifier="c", Engine="aurora-postgresql", MasterUsername="clocked", MasterUserPassword="long-enough")
    aws.clock.advance(60)

    def status() -> str:
        aws.clock.advance(60)
        return rds.describe_db_clusters()["DBClusters"][0]["Status"]

    rds.stop_db_cluster(DBClusterIdentifier="c")
    aws.clock.advance(5 * 86400)
    rds.start_db_cluster(DBClusterIdentifier="c")
    assert status() == "available"
    rds.stop_db_cluster(DBClusterIdentifier="c")
    aws.clock.advance(3 * 86400)
    assert status() == "stopped"
    aws.clock.advance(4 * 86400)
    assert status() == "available"
