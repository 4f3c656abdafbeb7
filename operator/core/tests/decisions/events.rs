//! What an event outdates, and which are ignored.

use proptest::prelude::*;
use runbook_core::events::{Event, Ignored, Kind, LONGEST, Verdict, decode};
use runbook_core::{ClusterId, DatabaseId, DatabaseKind, Query, Scope, ServiceId};
use serde_json::{Value, json};

use crate::world;

const REQUEST: &str = "4f8e8c7d-0000-4000-8000-000000000001";

fn scope() -> Scope {
    Scope { connection: "default".into(), account_id: world::ACCOUNT.into(), region: "eu-central-1".into() }
}

fn web() -> ServiceId {
    ServiceId { scope: scope(), cluster: "app".into(), service: "web".into() }
}

fn event(source: &str, detail_type: &str, resources: Value, detail: Value) -> Value {
    json!({
        "version": "0", "id": "11111111-2222-3333-4444-555555555555", "detail-type": detail_type, "source": source,
        "account": world::ACCOUNT, "time": "2026-03-01T12:00:00Z", "region": "eu-central-1", "resources": resources, "detail": detail,
    })
}

fn call(source: &str, name: &str, parameters: Value) -> Value {
    let detail = json!({
        "eventSource": format!("{source}.amazonaws.com"), "eventName": name, "requestID": REQUEST, "requestParameters": parameters,
        "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/runbook-operator/runbook-operator-test"},
    });
    event(&format!("aws.{source}"), "AWS API Call via CloudTrail", json!([]), detail)
}

fn scaling(name: &str) -> Value {
    let parameters = json!({
        "serviceNamespace": "ecs", "resourceId": "service/app/web", "scalableDimension": "ecs:service:DesiredCount",
    });
    call("autoscaling", name, parameters)
}

fn decoded(event: &Value) -> Event {
    decode(event.to_string().as_bytes(), &scope(), |_| false)
}

fn outdated(event: &Value) -> Vec<Query> {
    match decoded(event).verdict {
        Verdict::Outdated(queries) => queries,
        Verdict::Ignored(why) => panic!("{why:?}: {event}"),
    }
}

fn ignored(event: &Value) -> Ignored {
    match decoded(event).verdict {
        Verdict::Ignored(why) => why,
        Verdict::Outdated(queries) => panic!("{queries:?}: {event}"),
    }
}

#[test]
fn events_of_ecs_outdate_the_service() {
    let long = json!(["arn:aws:ecs:eu-central-1:123456789012:service/app/web"]);
    let old = json!(["arn:aws:ecs:eu-central-1:123456789012:service/web"]);
    let detail =
        json!({"eventName": "SERVICE_STEADY_STATE", "clusterArn": "arn:aws:ecs:eu-central-1:123456789012:cluster/app"});
    for (kind, name) in
        [(Kind::ServiceAction, "ECS Service Action"), (Kind::DeploymentStateChange, "ECS Deployment State Change")]
    {
        for resources in [&long, &old] {
            let event = event("aws.ecs", name, resources.clone(), detail.clone());
            assert_eq!(decoded(&event).kind, kind);
            assert_eq!(outdated(&event), [Query::EcsService(web())]);
        }
    }
}

#[test]
fn a_call_of_ecs_names_the_service_as_its_caller_did() {
    let arn = "arn:aws:ecs:eu-central-1:123456789012:service/app/web";
    let cluster = "arn:aws:ecs:eu-central-1:123456789012:cluster/app";
    for parameters in [
        json!({"cluster": "app", "service": "web", "desiredCount": 9}),
        json!({"cluster": cluster, "service": arn, "desiredCount": 9}),
        json!({"cluster": cluster, "service": "web"}),
        json!({"cluster": "app", "service": "arn:aws:ecs:eu-central-1:123456789012:service/web"}),
    ] {
        assert_eq!(outdated(&call("ecs", "UpdateService", parameters)), [Query::EcsService(web())]);
    }
    let unnamed = ServiceId { cluster: "default".into(), ..web() };
    assert_eq!(outdated(&call("ecs", "DeleteService", json!({"service": "web"}))), [Query::EcsService(unnamed)]);
    let created = call("ecs", "CreateService", json!({"cluster": "app", "serviceName": "web"}));
    assert_eq!(outdated(&created), [Query::EcsService(web())]);
    let tagged = call("ecs", "TagResource", json!({"resourceArn": arn, "tags": []}));
    assert_eq!(outdated(&tagged), [Query::EcsService(web())], "a tag may hold every change back");
}

#[test]
fn a_call_of_application_auto_scaling_outdates_what_it_changes() {
    let (service, target) = (Query::EcsService(web()), Query::ScalableTarget(web().into()));
    let (policies, actions) = (Query::ScalingPolicies(web().into()), Query::ScheduledActions(web().into()));
    for (name, queries) in [
        ("RegisterScalableTarget", vec![target.clone(), service]),
        ("DeregisterScalableTarget", vec![target, policies.clone(), actions.clone()]),
        ("PutScalingPolicy", vec![policies.clone()]),
        ("DeleteScalingPolicy", vec![policies]),
        ("PutScheduledAction", vec![actions.clone()]),
        ("DeleteScheduledAction", vec![actions]),
    ] {
        assert_eq!(outdated(&scaling(name)), queries, "{name}");
    }
}

#[test]
fn a_call_about_aurora_replicas_outdates_the_cluster() {
    let of_db = |name: &str, resource_id: &str| {
        let dimension = "rds:cluster:ReadReplicaCount";
        let parameters = json!({"serviceNamespace": "rds", "resourceId": resource_id, "scalableDimension": dimension});
        call("autoscaling", name, parameters)
    };
    let db = ClusterId { scope: scope(), cluster: "clocked-db".into() };
    let target = Query::ScalableTarget(db.clone().into());
    let actions = Query::ScheduledActions(db.clone().into());
    assert_eq!(outdated(&of_db("RegisterScalableTarget", "cluster:clocked-db")), [target, Query::DbCluster(db)]);
    assert_eq!(outdated(&of_db("PutScheduledAction", "cluster:Clocked-DB")), [actions]);
    assert!(matches!(ignored(&of_db("PutScheduledAction", "cluster:")), Ignored::Malformed(_)));
}

#[test]
fn what_is_told_of_a_database_outdates_it_and_its_snapshots() {
    let whole = |kind, identifier: &str| {
        let database = DatabaseId { scope: scope(), kind, identifier: identifier.into() };
        [Query::Database(database.clone()), Query::DatabaseSnapshots(database)]
    };
    let told = event("aws.rds", "RDS DB Instance Event", json!([]), json!({"SourceIdentifier": "clocked-db"}));
    assert_eq!(decoded(&told).kind, Kind::DatabaseEvent);
    let instance = whole(DatabaseKind::Instance, "clocked-db");
    assert_eq!(outdated(&told), instance);
    assert_eq!(outdated(&call("rds", "ModifyDBInstance", json!({"dBInstanceIdentifier": "Clocked-DB"}))), instance);
    // Whoever deletes a snapshot does not name the database.
    let mut deleted = call("rds", "DeleteDBSnapshot", json!({"dBSnapshotIdentifier": "clocked-manual-1"}));
    assert!(matches!(ignored(&deleted), Ignored::Malformed(_)));
    deleted["detail"]["responseElements"] = json!({"dBInstanceIdentifier": "clocked-db"});
    assert_eq!(outdated(&deleted), instance);
    let of_cluster = event("aws.rds", "RDS DB Cluster Event", json!([]), json!({"SourceIdentifier": "clocked-aurora"}));
    let cluster = Query::DbCluster(ClusterId { scope: scope(), cluster: "clocked-aurora".into() });
    let expected: Vec<Query> = whole(DatabaseKind::Cluster, "clocked-aurora").into_iter().chain([cluster]).collect();
    assert_eq!(outdated(&of_cluster), expected);
    let nameless = event("aws.rds", "RDS DB Instance Event", json!([]), json!({}));
    assert!(matches!(ignored(&nameless), Ignored::Malformed(_)));
}

#[test]
fn what_changes_nothing_here_is_ignored() {
    for other in [
        event("aws.rds", "RDS DB Parameter Group Event", json!([]), json!({"SourceIdentifier": "x"})),
        call("rds", "DescribeDBInstances", json!({"dBInstanceIdentifier": "x"})),
        event("aws.ec2", "EC2 Instance State-change Notification", json!([]), json!({})),
        call("ecs", "RunTask", json!({"cluster": "app"})),
        call("ecs", "TagResource", json!({"resourceArn": "arn:aws:ecs:eu-central-1:123456789012:cluster/app"})),
        call("autoscaling", "PutScalingPolicy", json!({"autoScalingGroupName": "group"})),
        call("autoscaling", "PutScalingPolicy", json!({"serviceNamespace": "dynamodb", "resourceId": "table/x"})),
    ] {
        assert_eq!(ignored(&other), Ignored::Irrelevant, "{other}");
    }
    let mut refused = call("ecs", "UpdateService", json!({"cluster": "app", "service": "web"}));
    refused["detail"]["errorCode"] = json!("ServiceNotFoundException");
    assert_eq!(ignored(&refused), Ignored::Refused);
}

#[test]
fn another_place_is_ignored_wherever_it_is_named() {
    let mut elsewhere = scaling("PutScalingPolicy");
    elsewhere["account"] = json!("999999999999");
    assert_eq!(ignored(&elsewhere), Ignored::OtherAccount("999999999999".into()));
    elsewhere = scaling("PutScalingPolicy");
    elsewhere["region"] = json!("eu-west-1");
    assert_eq!(ignored(&elsewhere), Ignored::OtherRegion("eu-west-1".into()));
    let arn = |place: &str| json!({"cluster": "app", "service": format!("arn:aws:ecs:{place}:service/app/web")});
    let forged = call("ecs", "UpdateService", arn("eu-central-1:999999999999"));
    assert_eq!(ignored(&forged), Ignored::OtherAccount("999999999999".into()));
    let forged = call("ecs", "UpdateService", arn("eu-west-1:123456789012"));
    assert_eq!(ignored(&forged), Ignored::OtherRegion("eu-west-1".into()));
}

#[test]
fn an_own_write_is_known_by_its_request_and_not_by_its_role() {
    let update = call("ecs", "UpdateService", json!({"cluster": "app", "service": "web"}));
    let own = decode(update.to_string().as_bytes(), &scope(), |id| id == REQUEST);
    assert_eq!(own.verdict, Verdict::Ignored(Ignored::OwnWrite));
    assert_eq!(outdated(&update), [Query::EcsService(web())], "somebody else with the same role");
}

#[test]
fn poison_says_what_it_is_and_repeats_nothing() {
    let long = decode(&vec![b' '; LONGEST + 1], &scope(), |_| false);
    assert_eq!(long.verdict, Verdict::Ignored(Ignored::Oversized(LONGEST + 1)));
    for body in ["", "null", "[]", "{}", "hunter2", r#"{"account": 7}"#, &"[".repeat(5000)] {
        let Verdict::Ignored(why @ Ignored::Malformed(_)) = decode(body.as_bytes(), &scope(), |_| false).verdict else {
            panic!("{body}")
        };
        assert!(why.is_poison() && !format!("{why:?}").contains("hunter2"));
    }
    for parameters in [json!({}), json!({"cluster": "app", "service": ""}), json!({"service": "a/b/c"}), Value::Null] {
        let event = call("ecs", "UpdateService", parameters);
        assert!(matches!(ignored(&event), Ignored::Malformed(_)), "{event}");
    }
}

/// Events as AWS writes them, to be broken.
fn genuine() -> impl Strategy<Value = String> {
    let arn = "arn:aws:ecs:eu-central-1:123456789012:service/app/web";
    prop::sample::select(vec![
        event("aws.ecs", "ECS Service Action", json!([arn]), json!({"clusterArn": arn})).to_string(),
        call("ecs", "UpdateService", json!({"cluster": "app", "service": arn})).to_string(),
        scaling("RegisterScalableTarget").to_string(),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let Event { verdict, .. } = decode(&body, &scope(), |_| true);
        prop_assert!(matches!(verdict, Verdict::Ignored(_)));
    }

    #[test]
    fn a_broken_event_is_survived_and_speaks_of_no_other_place(
        text in genuine(), at in any::<prop::sample::Index>(), with in prop::collection::vec(any::<u8>(), 0..6), cut in 0_usize..6,
    ) {
        let mut body = text.into_bytes();
        let at = at.index(body.len());
        let end = (at + cut).min(body.len());
        body.splice(at..end, with);
        if let Verdict::Outdated(queries) = decode(&body, &scope(), |_| false).verdict {
            prop_assert!(queries.iter().all(|query| *query.scope() == scope()));
        }
    }
}
