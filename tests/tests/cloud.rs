//! The fake AWS refuses and answers as AWS does in what the operator relies on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use runbook_aws::{Call, Cloud, Connection, Connections, RdsCall, Reply};
use runbook_core::observed::{
    AppliedPolicy, AppliedPolicyKind, BackupSettings, Capacity, Suspended, TargetTrackingConfiguration, TrackedMetric,
};
use runbook_core::step::SettingsChange;
use runbook_core::{DatabaseKind, ErrorClass, Scope};
use runbook_tests::cloud::door::Door as AwsDoor;
use runbook_tests::cloud::ecs::Service;
use runbook_tests::cloud::{FakeAws, rds, resource_id};
use runbook_tests::dice::Dice;
use runbook_tests::fault::{At, Calm, Door, Fault, Schedule};
use runbook_tests::journal::What;
use runbook_tests::process::Process;
use runbook_tests::stage::Stage;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-central-1";

struct Setup {
    aws: FakeAws,
    door: Arc<AwsDoor>,
    process: Arc<Process>,
}

fn set_up(schedule: impl Schedule + 'static) -> Setup {
    let epoch = Timestamp::from_second(1_800_000_000).unwrap();
    let stage = Arc::new(Stage::new(epoch, Dice::new(1), Box::new(schedule)));
    let aws = FakeAws::new(Arc::clone(&stage), Arc::new(Vec::new));
    aws.set_up(ACCOUNT, REGION, |region| {
        let services = ["s", "t"].map(|name| (name.to_owned(), Service::new(ACCOUNT, REGION, "c", name, 2)));
        region.clusters.insert("c".into(), services.into());
    });
    let process = Process::start(0, stage);
    let door = aws.door(&process);
    door.set_connection(Connection {
        name: "default".into(),
        account_id: ACCOUNT.into(),
        assume_role: None,
        use_fips: false,
        use_dual_stack: false,
        endpoint_url: None,
    });
    Setup { aws, door, process }
}

fn scope() -> Scope {
    Scope { connection: "default".into(), account_id: ACCOUNT.into(), region: REGION.into() }
}

fn capacity(min: i32, max: i32) -> Capacity {
    Capacity { min, max, suspended: Suspended::default() }
}

fn register(min: i32, max: i32) -> Call {
    Call::RegisterScalableTarget { resource_id: resource_id("c", "s"), capacity: capacity(min, max), tags: Vec::new() }
}

fn update(service: &str, desired_count: i32) -> Call {
    Call::UpdateService { cluster: "c".into(), service: service.into(), desired_count }
}

fn put(name: &str, metric: &str) -> Call {
    let metric = TrackedMetric::Predefined { metric_type: metric.into(), resource_label: None };
    let configuration = TargetTrackingConfiguration {
        metric,
        target_value: 60.0,
        scale_out_cooldown: None,
        scale_in_cooldown: None,
        disable_scale_in: false,
    };
    Call::PutTargetTrackingPolicy { resource_id: resource_id("c", "s"), name: name.into(), configuration }
}

impl Setup {
    async fn call(&self, call: Call) -> Result<Reply, (ErrorClass, String)> {
        self.door.call(&scope(), &call).await.map(|answered| answered.reply).map_err(|error| (error.class, error.code))
    }

    async fn refused(&self, call: Call) -> (ErrorClass, String) {
        self.call(call).await.unwrap_err()
    }

    fn desired(&self) -> i32 {
        self.aws.held(ACCOUNT, REGION, &resource_id("c", "s")).unwrap().desired
    }
}

#[tokio::test(start_paused = true)]
async fn describe_services_takes_ten_and_leaves_out_what_is_missing() {
    let setup = set_up(Calm);
    let describe = |services: Vec<String>| Call::DescribeServices { cluster: "c".into(), services };
    let Reply::Services(found) = setup.call(describe(vec!["s".into(), "none".into()])).await.unwrap() else { panic!() };
    assert_eq!(
        found.iter().map(|(name, service)| (name.as_str(), service.desired_count)).collect::<Vec<_>>(),
        [("s", 2)]
    );
    let many = (0..11).map(|n| n.to_string()).collect();
    assert_eq!(setup.refused(describe(many)).await, (ErrorClass::Invalid, "InvalidParameterException".into()));
    let elsewhere = Call::DescribeServices { cluster: "other".into(), services: vec!["s".into()] };
    assert_eq!(setup.refused(elsewhere).await, (ErrorClass::NotFound, "ClusterNotFoundException".into()));
}

#[tokio::test(start_paused = true)]
async fn tasks_start_one_after_another() {
    let setup = set_up(Calm);
    setup.call(update("s", 5)).await.unwrap();
    let running =
        async || match setup.call(Call::DescribeServices { cluster: "c".into(), services: vec!["s".into()] }).await {
            Ok(Reply::Services(found)) => found[0].1.running_count,
            other => panic!("{other:?}"),
        };
    assert_eq!(running().await, 2);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(running().await, 3);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(running().await, 5);
}

#[tokio::test(start_paused = true)]
async fn registering_moves_the_service_into_the_band() {
    let setup = set_up(Calm);
    setup.call(register(4, 8)).await.unwrap();
    assert_eq!(setup.desired(), 4);
    setup.call(register(1, 3)).await.unwrap();
    assert_eq!(setup.desired(), 3);
    assert_eq!(setup.refused(register(5, 4)).await, (ErrorClass::Invalid, "ValidationException".into()));
    assert_eq!(setup.desired(), 3);
}

#[tokio::test(start_paused = true)]
async fn policies_need_a_target_and_a_metric_of_their_own() {
    let setup = set_up(Calm);
    let cpu = "ECSServiceAverageCPUUtilization";
    assert_eq!(setup.refused(put("cpu", cpu)).await, (ErrorClass::NotFound, "ObjectNotFoundException".into()));
    setup.call(register(1, 3)).await.unwrap();
    setup.call(put("cpu", cpu)).await.unwrap();
    setup.call(put("cpu", cpu)).await.unwrap();
    assert_eq!(setup.refused(put("second", cpu)).await.1, "ValidationException");
    setup.aws.set_up(ACCOUNT, REGION, |region| {
        let kind = AppliedPolicyKind::Other("StepScaling".into());
        assert!(region.put_policy(&resource_id("c", "s"), AppliedPolicy { name: "step".into(), kind }));
    });
    assert_eq!(setup.refused(put("step", "ECSServiceAverageMemoryUtilization")).await.1, "ValidationException");
}

#[tokio::test(start_paused = true)]
async fn policies_come_in_pages_of_ten() {
    let setup = set_up(Calm);
    setup.call(register(1, 3)).await.unwrap();
    for n in 0..23 {
        setup.call(put(&format!("policy-{n:02}"), &format!("Metric{n}"))).await.unwrap();
    }
    let (mut token, mut names, mut pages) = (None, Vec::new(), 0);
    loop {
        let call = Call::DescribeScalingPolicies {
            namespace: runbook_core::Namespace::Ecs,
            resource_id: Some(resource_id("c", "s")),
            next_token: token,
        };
        let Reply::ScalingPolicies { policies, next_token } = setup.call(call).await.unwrap() else { panic!() };
        assert!(policies.len() <= 10);
        names.extend(policies.into_iter().map(|(_, policy)| policy.name));
        pages += 1;
        token = next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!((pages, names.len()), (3, 23));
    let bad = Call::DescribeScalingPolicies {
        namespace: runbook_core::Namespace::Ecs,
        resource_id: None,
        next_token: Some("nonsense".into()),
    };
    assert_eq!(setup.refused(bad).await.1, "InvalidNextTokenException");
}

#[tokio::test(start_paused = true)]
async fn what_aws_is_told_to_refuse_it_refuses() {
    let setup = set_up(Calm);
    setup.aws.set(|state| state.denied.insert("UpdateService".into()).then_some(()).unwrap());
    assert_eq!(setup.refused(update("s", 3)).await.0, ErrorClass::Denied);
    setup.aws.set(|state| {
        state.denied.clear();
        state.rate = Some((0.1, 2.0));
    });
    setup.call(update("s", 3)).await.unwrap();
    setup.call(update("s", 3)).await.unwrap();
    assert_eq!(setup.refused(update("s", 4)).await, (ErrorClass::Throttled, "ThrottlingException".into()));
    tokio::time::sleep(Duration::from_secs(11)).await;
    setup.call(update("s", 4)).await.unwrap();
    let unknown = Scope { connection: "other".into(), ..scope() };
    assert_eq!(setup.door.call(&unknown, &Call::GetCallerIdentity).await.unwrap_err().code, "UnknownConnection");
}

#[tokio::test(start_paused = true)]
async fn faults_are_what_they_say_and_are_written_down() {
    let run = async |fault| {
        let setup = set_up(At { door: Door::Aws, index: 0, fault });
        let answer = tokio::time::timeout(Duration::from_secs(600), setup.call(update("s", 7))).await;
        let code = answer.ok().map(|result| result.err().map(|(_, code)| code));
        let recorded =
            setup.process.stage.journal.entries().into_iter().any(|entry| matches!(entry.what, What::Aws(_)));
        (code, setup.desired() == 7, recorded)
    };
    let error = |code: &str| Some(Some(code.to_owned()));
    assert_eq!(run(Fault::ErrorBefore).await, (error("InternalFailure"), false, true));
    assert_eq!(run(Fault::ErrorAfter).await, (error("ConnectionReset"), true, true));
    assert_eq!(run(Fault::Throttle).await, (error("ThrottlingException"), false, true));
    assert_eq!(run(Fault::Conflict).await, (error("ConcurrentUpdateException"), false, true));
    assert_eq!(run(Fault::HangBefore).await, (error("Timeout"), false, false));
    assert_eq!(run(Fault::HangThenEffect(Duration::from_secs(3))).await, (error("Timeout"), true, true));
    assert_eq!(run(Fault::CrashBefore).await, (None, false, false));
    assert_eq!(run(Fault::CrashAfter).await, (None, true, true));
    assert_eq!(run(Fault::Slow(Duration::from_secs(9))).await, (Some(None), true, true));
}

#[tokio::test(start_paused = true)]
async fn an_effect_may_come_after_its_caller_has_given_up() {
    let setup = set_up(At { door: Door::Aws, index: 0, fault: Fault::HangThenEffect(Duration::from_secs(3)) });
    let answer = tokio::time::timeout(Duration::from_secs(1), setup.call(update("s", 7))).await;
    assert!(answer.is_err());
    assert_eq!(setup.desired(), 2);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(setup.desired(), 7);
}

fn databases(setup: &Setup) -> rds::Key {
    let key: rds::Key = (DatabaseKind::Instance, "d".into());
    let settings =
        BackupSettings { retention_days: 7, window: None, copy_tags_to_snapshot: false, deletion_protection: false };
    setup.aws.set_up(ACCOUNT, REGION, |region| {
        region.rds.databases.insert(key.clone(), rds::Stored::new(ACCOUNT, REGION, &key, settings));
        for number in 0..7 {
            let at = Timestamp::from_second(number).unwrap();
            region.rds.there(&key, &format!("there-{number}"), at, "manual", BTreeMap::new());
        }
        region.rds.automated(&key, "rds:d-1", Timestamp::UNIX_EPOCH);
    });
    key
}

fn snapshot(name: &str) -> Call {
    let (source, snapshot) = ("d".into(), name.into());
    Call::Rds(RdsCall::CreateSnapshot { kind: DatabaseKind::Instance, source, snapshot, tags: Vec::new() })
}

fn delete(name: &str) -> Call {
    Call::Rds(RdsCall::DeleteSnapshot { kind: DatabaseKind::Instance, snapshot: name.into() })
}

fn retention(days: i32, apply_immediately: bool) -> Call {
    let changes = SettingsChange { retention_days: Some(days), ..SettingsChange::default() };
    Call::Rds(RdsCall::Modify { kind: DatabaseKind::Instance, identifier: "d".into(), changes, apply_immediately })
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_takes_its_time_and_keeps_the_database_busy() {
    let setup = set_up(Calm);
    let key = databases(&setup);
    let held = || setup.aws.held_database((ACCOUNT, REGION), &key).unwrap();
    let status = |name: &str| held().snapshots.iter().find(|one| one.identifier == name).map(|one| one.status.clone());
    setup.call(snapshot("new")).await.unwrap();
    assert_eq!((held().database.status.as_str(), status("new").as_deref()), ("backing-up", Some("creating")));
    assert_eq!(setup.refused(snapshot("other")).await, (ErrorClass::Conflict, "InvalidDBInstanceState".into()));
    assert_eq!(setup.refused(snapshot("new")).await.1, "DBSnapshotAlreadyExists");
    assert_eq!(setup.refused(delete("new")).await, (ErrorClass::Conflict, "InvalidDBSnapshotState".into()));
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!((held().database.status.as_str(), status("new").as_deref()), ("available", Some("available")));
    setup.call(delete("new")).await.unwrap();
    assert_eq!(status("new").as_deref(), Some("deleting"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(status("new"), None);
    assert!(setup.call(delete("new")).await.is_ok(), "what is gone is deleted");
    assert_eq!(setup.refused(delete("rds:d-1")).await.1, "InvalidDBSnapshotState");
    setup.aws.set_up(ACCOUNT, REGION, |region| region.rds.quota = 7);
    assert_eq!(setup.refused(snapshot("one-too-many")).await, (ErrorClass::Invalid, "SnapshotQuotaExceeded".into()));
}

#[tokio::test(start_paused = true)]
async fn snapshots_are_listed_in_pages() {
    let setup = set_up(Calm);
    databases(&setup);
    let (mut names, mut marker, mut pages) = (Vec::new(), None, 0);
    loop {
        let describe = RdsCall::DescribeSnapshots {
            kind: DatabaseKind::Instance,
            source: Some("d".into()),
            snapshot: None,
            marker,
        };
        let Reply::Snapshots { snapshots, marker: next } = setup.call(Call::Rds(describe)).await.unwrap() else {
            panic!()
        };
        names.extend(snapshots.into_iter().map(|(_, one)| one.identifier));
        pages += 1;
        match next {
            Some(next) => marker = Some(next),
            None => break,
        }
    }
    assert_eq!((pages, names.len()), (2, 8));
    assert!(names.contains(&"rds:d-1".to_owned()), "automated ones too");
}

#[tokio::test(start_paused = true)]
async fn what_takes_a_database_down_waits_for_the_maintenance_window() {
    let setup = set_up(Calm);
    let key = databases(&setup);
    let held = || setup.aws.held_database((ACCOUNT, REGION), &key).unwrap().database;
    setup.call(retention(3, false)).await.unwrap();
    assert_eq!((held().status.as_str(), held().pending["BackupRetentionPeriod"].as_str()), ("modifying", "3"));
    assert_eq!(setup.refused(retention(4, false)).await.1, "InvalidDBInstanceState");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((held().settings.retention_days, held().pending.is_empty()), (3, true));
    setup.call(retention(0, false)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((held().settings.retention_days, held().pending["BackupRetentionPeriod"].as_str()), (3, "0"));
    setup.call(retention(0, true)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((held().settings.retention_days, held().pending.is_empty()), (0, true));
    assert_eq!(setup.refused(retention(36, true)).await, (ErrorClass::Invalid, "InvalidParameterValue".into()));
}
