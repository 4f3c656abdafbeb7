//! The benchmark's AWS, asked through the SDKs as the operator asks it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use runbook_aws::{Call, Cloud, Connection, Connections, RdsCall, Reply, SdkCloud};
use runbook_core::observed::{AppliedPolicyKind, Capacity, Suspended, TargetTrackingConfiguration, TrackedMetric};
use runbook_core::ownership::{SLOT_TAG, is_own};
use runbook_core::step::SettingsChange;
use runbook_core::{CloudError, DatabaseKind, ErrorClass, Scope};
use runbook_tests::wire::databases::Databases;
use runbook_tests::wire::server::{Options, serve};
use runbook_tests::wire::{ACCOUNT, CLUSTER, REGION};
use tokio::net::TcpListener;

struct Client {
    cloud: SdkCloud,
    scope: Scope,
}

impl Client {
    async fn of(services: u32, scale: f64) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let databases = Databases { count: 3, snapshots: 40, slot_hour: 2 };
        tokio::spawn(serve(listener, Options { services, databases, scale, latency: Duration::ZERO }));
        let cloud = SdkCloud::with_credentials("runbook-operator", "AKIDEXAMPLE", "secret");
        cloud.set_connection(Connection {
            name: "default".into(),
            account_id: ACCOUNT.into(),
            assume_role: None,
            use_fips: false,
            use_dual_stack: false,
            endpoint_url: Some(endpoint),
        });
        let scope = Scope { connection: "default".into(), account_id: ACCOUNT.into(), region: REGION.into() };
        Self { cloud, scope }
    }

    async fn call(&self, call: Call) -> Result<Reply, CloudError> {
        self.cloud.call(&self.scope, &call).await.map(|answered| answered.reply)
    }

    async fn describe(&self, services: &[&str]) -> BTreeMap<String, i32> {
        let services = services.iter().map(ToString::to_string).collect();
        match self.call(Call::DescribeServices { cluster: CLUSTER.into(), services }).await.unwrap() {
            Reply::Services(found) => found.into_iter().map(|(name, service)| (name, service.desired_count)).collect(),
            other => panic!("{other:?}"),
        }
    }
}

fn tracking() -> TargetTrackingConfiguration {
    TargetTrackingConfiguration {
        metric: TrackedMetric::Predefined {
            metric_type: "ECSServiceAverageCPUUtilization".into(),
            resource_label: None,
        },
        target_value: 60.0,
        scale_out_cooldown: None,
        scale_in_cooldown: Some(300),
        disable_scale_in: false,
    }
}

#[tokio::test]
async fn what_the_sdk_writes_it_reads_again() {
    let client = Client::of(12, 10.0).await;
    let Reply::CallerIdentity(identity) = client.call(Call::GetCallerIdentity).await.unwrap() else { panic!() };
    assert_eq!(identity.account_id, ACCOUNT);
    let update = Call::UpdateService { cluster: CLUSTER.into(), service: "service-00000".into(), desired_count: 3 };
    client.call(update).await.unwrap();
    let found = client.describe(&["service-00000", "service-00001", "missing"]).await;
    assert_eq!(found, BTreeMap::from([("service-00000".into(), 3), ("service-00001".into(), 1)]));
    let capacity =
        Capacity { min: 2, max: 6, suspended: Suspended { scheduled_scaling: true, ..Suspended::default() } };
    for number in 0..12 {
        let resource_id = format!("service/{CLUSTER}/service-{number:05}");
        let tags = vec![("owner".into(), "bench".into())];
        client.call(Call::RegisterScalableTarget { resource_id: resource_id.clone(), capacity, tags }).await.unwrap();
        let put = Call::PutTargetTrackingPolicy { resource_id, name: "cpu".into(), configuration: tracking() };
        client.call(put).await.unwrap();
    }
    assert_eq!(client.describe(&["service-00000", "service-00001"]).await.into_values().collect::<Vec<_>>(), [3, 2]);
    let ids = vec![format!("service/{CLUSTER}/service-00001"), format!("service/{CLUSTER}/missing")];
    let targets = client
        .call(Call::DescribeScalableTargets {
            namespace: runbook_core::Namespace::Ecs,
            resource_ids: ids,
            next_token: None,
        })
        .await
        .unwrap();
    let Reply::ScalableTargets { targets, next_token: None } = targets else { panic!("{targets:?}") };
    assert!(matches!(&targets[..], [(_, target)] if target.capacity == capacity), "{targets:?}");
    let mut token = None;
    let mut seen = Vec::new();
    loop {
        let page = Call::DescribeScalingPolicies {
            namespace: runbook_core::Namespace::Ecs,
            resource_id: None,
            next_token: token,
        };
        let Reply::ScalingPolicies { policies, next_token } = client.call(page).await.unwrap() else { panic!() };
        seen.push(policies.len());
        let expected = AppliedPolicyKind::TargetTracking(tracking());
        assert!(policies.iter().all(|(_, policy)| policy.name == "cpu" && policy.kind == expected), "{policies:?}");
        token = next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, [10, 2]);
}

#[tokio::test]
async fn databases_and_their_snapshots_speak_xml() {
    let client = Client::of(0, 10.0).await;
    let kind = DatabaseKind::Instance;
    let identifiers = vec!["database-00001".to_owned(), "missing".to_owned()];
    let describe = Call::Rds(RdsCall::DescribeDatabases { kind, identifiers, marker: None });
    let Reply::Databases { databases, marker: None } = client.call(describe.clone()).await.unwrap() else { panic!() };
    let [(name, database)] = &databases[..] else { panic!("{databases:?}") };
    assert_eq!((name.as_str(), database.status.as_str()), ("database-00001", "available"));
    assert_eq!((database.settings.retention_days, database.settings.deletion_protection), (1, true));
    assert!(database.latest_restorable_time.is_some());
    let (mut marker, mut pages, mut seen) = (None, Vec::new(), Vec::new());
    loop {
        let page = RdsCall::DescribeSnapshots { kind, source: None, snapshot: None, marker };
        let Reply::Snapshots { snapshots, marker: next } = client.call(Call::Rds(page)).await.unwrap() else {
            panic!()
        };
        pages.push(snapshots.len());
        seen.extend(snapshots);
        marker = next;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(pages, [100, 20]);
    let own = seen.iter().filter(|(source, one)| {
        let owner = format!("bench/bench/{source}");
        is_own(&one.tags, &one.arn, &owner) && one.tags.contains_key(SLOT_TAG) && one.created_at.is_some()
    });
    assert_eq!(own.count(), 120);
    let changes = SettingsChange { retention_days: Some(7), ..SettingsChange::default() };
    let modify = |identifier: &str| {
        let (identifier, changes) = (identifier.to_owned(), changes.clone());
        Call::Rds(RdsCall::Modify { kind, identifier, changes, apply_immediately: false })
    };
    client.call(modify("database-00001")).await.unwrap();
    let Reply::Databases { databases, .. } = client.call(describe).await.unwrap() else { panic!() };
    assert_eq!(databases[0].1.pending.get("BackupRetentionPeriod").map(String::as_str), Some("7"));
    let refused = client.call(modify("missing")).await.unwrap_err();
    assert_eq!((refused.class, refused.code.as_str()), (ErrorClass::NotFound, "DBInstanceNotFound"));
    let Reply::Quotas(quotas) = client.call(Call::Rds(RdsCall::DescribeAccountAttributes)).await.unwrap() else {
        panic!()
    };
    assert_eq!(quotas["ManualSnapshots"].used, 120);
}

#[tokio::test]
async fn who_asks_too_fast_is_throttled_and_what_is_wrong_is_refused() {
    let client = Client::of(1, 1.0).await;
    let update =
        |service: &str| Call::UpdateService { cluster: CLUSTER.into(), service: service.into(), desired_count: 1 };
    let refused = client.call(update("missing")).await.unwrap_err();
    assert_eq!((refused.class, refused.code.as_str()), (ErrorClass::NotFound, "ServiceNotFoundException"));
    let mut throttled = 0;
    for _ in 0..200 {
        let result = client.call(update("service-00000")).await;
        throttled += usize::from(result.is_err_and(|error| error.class == ErrorClass::Throttled));
    }
    assert!(throttled > 0, "200 at once are more than the burst of 50");
}
