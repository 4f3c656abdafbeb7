//! The life of a DatabaseBackup.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use runbook_api::database_backup::{DatabaseBackupSpec, DatabaseBackupStatus};
use runbook_core::database_backup::{self, Input, Memory, input, report};
use runbook_core::report::{Act, Hold, Outcome, Summary};
use runbook_core::run::Ended;
use runbook_core::{Facts, Plan};
use serde_json::json;

use super::cloud::{Cloud, access, at};

struct Life {
    cloud: Cloud,
    metadata: ObjectMeta,
    spec: DatabaseBackupSpec,
    status: DatabaseBackupStatus,
    now: Timestamp,
}

const NAME: &str = "clocked-db-manual-20260301-030000";

impl Life {
    fn new() -> Self {
        let metadata = ObjectMeta {
            name: Some("clocked-db-x7k2p".into()),
            namespace: Some(crate::world::NAMESPACE.into()),
            uid: Some("uid-1".into()),
            creation_timestamp: Some(Time(at("2026-03-01T03:00:00Z"))),
            ..ObjectMeta::default()
        };
        let spec = serde_json::from_value(json!({"source": {"rdsInstance": "clocked-db"}})).unwrap();
        let status = DatabaseBackupStatus::default();
        Self { cloud: Cloud::new(), metadata, spec, status, now: at("2026-03-01T03:00:10Z") }
    }

    fn plan(&self) -> Plan {
        let input = input::validate(&self.spec, &self.metadata, "production", &access(), self.now).unwrap();
        let input = Input { memory: Memory::of(&self.status), ..input };
        let mut facts = Facts::default();
        for _ in 0..5 {
            let plan = database_backup::plan(&input, &facts, self.now);
            if plan.needs.is_empty() {
                access().grants.allow_steps(&plan.steps).unwrap();
                return plan;
            }
            plan.needs.iter().for_each(|query| self.cloud.answer(query, &mut facts));
        }
        panic!("the plan asks without end");
    }

    /// One turn; `told` says whether its steps are reported.
    fn turn(&mut self, told: bool) -> Plan {
        self.cloud.move_on(self.now);
        let plan = self.plan();
        self.say(&Outcome::of_plan(&plan, None), &plan, &[]);
        for step in &plan.steps {
            self.cloud.make(step, self.now);
            if told {
                let act = Act { step: step.clone(), time: self.now, reason: "Run".into(), result: Ok(None) };
                self.say(&Outcome::Working { reason: "Applied".into(), message: String::new() }, &plan, &[act]);
            }
        }
        plan
    }

    fn say(&mut self, outcome: &Outcome, plan: &Plan, acts: &[Act]) {
        let summary = Summary {
            outcome,
            findings: &plan.findings,
            generation: Some(1),
            pending: if acts.is_empty() { &plan.steps } else { &[] },
            acts,
            requested: None,
            facts: &Facts::default(),
            now: self.now,
            intent: None,
            outlook: None,
            progress: plan.progress.as_deref(),
            queues: &[],
            untold: false,
        };
        self.status = report::status(&self.status, &summary);
    }

    fn ended(&self) -> Option<Ended> {
        Ended::of(&self.status.conditions)
    }
}

#[test]
fn a_snapshot_is_taken_once_also_where_its_report_is_lost() {
    for told in [true, false] {
        let mut life = Life::new();
        assert_eq!(life.turn(told).steps.len(), 1);
        assert_eq!(life.turn(true).findings[0].reason, "SnapshotInProgress");
        assert_eq!(life.ended(), None);
        life.now = at("2026-03-01T03:10:00Z");
        assert!(life.turn(true).steps.is_empty());
        assert_eq!(
            life.ended(),
            Some(Ended::complete(format!("snapshot {NAME} of DB instance clocked-db is available")))
        );
        let status = &life.status;
        assert_eq!(status.snapshot_identifier.as_deref(), Some(NAME));
        assert_eq!(status.start_time.as_ref().unwrap().0, at("2026-03-01T03:00:10Z"));
        assert!(status.completion_time.is_some() && status.snapshot_create_time.is_some());
        // It is not looked at again.
        life.cloud.snapshots.clear();
        assert_eq!(life.plan(), Plan::default());
    }
}

#[test]
fn a_name_that_is_taken_fails_the_run_and_nothing_is_deleted_with_it() {
    let mut life = Life::new();
    life.cloud.snapshot(NAME, "available", [].into());
    life.turn(true);
    assert!(matches!(life.ended(), Some(Ended::Failed { reason, .. }) if reason == "NameTaken"));
    life.metadata.deletion_timestamp = Some(Time(life.now));
    let plan = life.plan();
    assert!(plan.steps.is_empty());
    assert_eq!(plan.findings[0].reason, "LeftBehind");
}

#[test]
fn one_that_fails_or_is_lost_is_not_taken_again() {
    for (status, reason) in [("failed", "SnapshotFailed"), ("", "SnapshotLost")] {
        let mut life = Life::new();
        life.turn(true);
        life.turn(true);
        match status {
            "" => life.cloud.snapshots.clear(),
            status => life.cloud.snapshots.get_mut(NAME).unwrap().1.status = status.into(),
        }
        assert!(life.turn(true).steps.is_empty());
        assert!(
            matches!(life.ended(), Some(Ended::Failed { reason: said, .. }) if said == reason),
            "{:?}",
            life.ended()
        );
    }
}

#[test]
fn its_deletion_takes_the_snapshot_when_it_is_available_and_no_freeze_holds() {
    let mut life = Life::new();
    life.turn(true);
    life.metadata.deletion_timestamp = Some(Time(life.now));
    assert_eq!(life.plan().findings[0].reason, "SnapshotInProgress");
    life.now = at("2026-03-01T03:10:00Z");
    life.cloud.move_on(life.now);
    let plan = life.plan();
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(
        Outcome::of_plan(&plan, Some(Hold::AccountObserve)),
        Outcome::Held { hold: Hold::AccountObserve, pending: 1 }
    );
    life.cloud.make(&plan.steps[0], life.now);
    assert_eq!(life.plan(), Plan::default());
}

#[test]
fn it_waits_for_its_database_and_for_room() {
    let mut life = Life::new();
    life.cloud.databases.get_mut("clocked-db").unwrap().status = "modifying".into();
    assert_eq!(life.plan().findings[0].reason, "DatabaseNotAvailable");
    life.cloud.databases.clear();
    assert_eq!(life.plan().findings[0].reason, "TargetNotFound");
}
