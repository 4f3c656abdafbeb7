//! The life of a DatabaseRestore, from its creation to its end, whatever fails on the way.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use runbook_api::database_restore::{DatabaseRestoreSpec, DatabaseRestoreStatus, RestorePhase};
use runbook_api::verification::VerificationResult;
use runbook_core::database_restore::{self, Input, Memory, input, report};
use runbook_core::ownership::VERIFIED_TAG;
use runbook_core::report::{Act, Outcome, Summary};
use runbook_core::run::Ended;
use runbook_core::step::DatabaseStep;
use runbook_core::{CloudError, ErrorClass, Facts, Plan, Step};
use serde_json::{Value, json};

use super::cloud::{Cloud, access, at};

/// A run, and the world that it is in.
struct Life {
    cloud: Cloud,
    metadata: ObjectMeta,
    spec: DatabaseRestoreSpec,
    status: DatabaseRestoreStatus,
    now: Timestamp,
    steps: Vec<&'static str>,
}

/// What becomes of one turn.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Luck {
    Good,
    /// The process ends after the claim, before the step.
    DiesBefore,
    /// The process ends after the step, before its report. What it kept in memory is gone.
    DiesAfter,
    /// The step has its effect, and its answer is lost.
    AnswerLost,
}

const ALL: [Luck; 4] = [Luck::Good, Luck::DiesBefore, Luck::DiesAfter, Luck::AnswerLost];

impl Life {
    fn new(spec: Value) -> Self {
        let metadata = ObjectMeta {
            name: Some("nightly".into()),
            namespace: Some(crate::world::NAMESPACE.into()),
            uid: Some("uid-1".into()),
            creation_timestamp: Some(Time(at("2026-03-01T03:00:00Z"))),
            ..ObjectMeta::default()
        };
        let mut cloud = Cloud::new();
        cloud.snapshot("before-migration", "available", [].into());
        Self {
            cloud,
            metadata,
            spec: serde_json::from_value(spec).unwrap(),
            status: DatabaseRestoreStatus::default(),
            now: at("2026-03-01T03:00:00Z"),
            steps: Vec::new(),
        }
    }

    fn verify() -> Self {
        Self::new(json!({
            "source": {"snapshotIdentifier": "before-migration"}, "outcome": "Verify",
            "verification": {"checks": [{"name": "users", "sql": "SELECT count(*) FROM users", "expect": "value > 0"}]},
        }))
    }

    fn keep() -> Self {
        Self::new(json!({
            "source": {"snapshotIdentifier": "before-migration"}, "outcome": "Keep",
            "target": {"rdsInstance": "clocked-db-restored"},
        }))
    }

    fn plan(&self) -> (Facts, Plan) {
        let input = match input::validate(&self.spec, &self.metadata, "production", &access(), None) {
            Ok(input) => Input { memory: Memory::of(&self.status), ..input },
            Err(finding) => return (Facts::default(), Plan::only(finding)),
        };
        let mut facts = Facts::default();
        for _ in 0..5 {
            let plan = database_restore::plan(&input, &facts, self.now);
            if plan.needs.is_empty() {
                return (facts, plan);
            }
            plan.needs.iter().for_each(|query| self.cloud.answer(query, &mut facts));
        }
        panic!("the plan asks without end");
    }

    fn say(&mut self, outcome: &Outcome, plan: &Plan, pending: &[Step], acts: &[Act]) {
        let summary = Summary {
            outcome,
            findings: &plan.findings,
            generation: Some(1),
            pending,
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

    /// One turn; whether a step was to be made.
    fn turn(&mut self, luck: Luck) -> bool {
        self.cloud.move_on(self.now);
        let (_, plan) = self.plan();
        access().grants.allow_steps(&plan.steps).unwrap();
        let outcome = Outcome::of_plan(&plan, None);
        self.say(&outcome, &plan, &plan.steps, &[]);
        let [step] = plan.steps.as_slice() else {
            assert!(plan.steps.is_empty(), "one step at a time");
            return false;
        };
        if luck == Luck::DiesBefore {
            self.cloud.credentials.clear();
            return true;
        }
        self.steps.push(step.name());
        self.cloud.make(step, self.now);
        let lost = CloudError {
            class: ErrorClass::Transient,
            operation: step.name(),
            resource: String::new(),
            code: "Timeout".into(),
            message: "no answer".into(),
            request_id: None,
        };
        match luck {
            Luck::DiesAfter => self.cloud.credentials.clear(),
            Luck::AnswerLost => {
                // Who does not know whether RDS has taken a password does not use it.
                self.cloud.credentials.clear();
                let act = Act { step: step.clone(), time: self.now, reason: "Run".into(), result: Err(lost.clone()) };
                self.say(&Outcome::of_error(&lost), &plan, &plan.steps, &[act]);
            }
            _ => {
                let act = Act { step: step.clone(), time: self.now, reason: "Run".into(), result: Ok(None) };
                let made = Outcome::Working { reason: "Applied".into(), message: String::new() };
                self.say(&made, &plan, &[], &[act]);
            }
        }
        true
    }

    fn pass(&mut self, minutes: i64) {
        self.now += SignedDuration::from_mins(minutes);
    }

    fn ended(&self) -> Option<Ended> {
        Ended::of(&self.status.conditions)
    }

    /// Lives on with good luck until the end.
    fn live_on(&mut self) -> Ended {
        for _ in 0..300 {
            self.turn(Luck::Good);
            if let Some(ended) = self.ended() {
                return ended;
            }
            self.pass(2);
        }
        panic!("it never ends: {:#?}", self.status);
    }

    fn scratch(&self) -> Vec<&String> {
        self.cloud.databases.keys().filter(|name| name.starts_with("rbv-")).collect()
    }
}

fn message(ended: &Ended) -> (bool, &str, &str) {
    match ended {
        Ended::Complete { message } => (true, "Complete", message),
        Ended::Failed { reason, message } => (false, reason, message),
    }
}

#[test]
fn a_backup_is_verified_and_nothing_is_left() {
    let mut life = Life::verify();
    let ended = life.live_on();
    assert_eq!(message(&ended).1, "Complete", "{ended:?}");
    assert_eq!(life.steps, ["RestoreInstance", "SetMasterPassword", "DeleteInstance", "TagVerified"]);
    assert_eq!(life.scratch(), Vec::<&String>::new());
    let verdict = life.status.verification.clone().unwrap();
    assert_eq!((verdict.result, verdict.checks.len()), (VerificationResult::Passed, 1));
    let tagged: Timestamp = life.cloud.snapshots["before-migration"].1.tags[VERIFIED_TAG].parse().unwrap();
    assert_eq!(tagged, verdict.time.0);
    assert_eq!(life.status.phase, Some(RestorePhase::Complete));
    assert!(life.status.available_time.as_ref().unwrap().0 > life.status.start_time.as_ref().unwrap().0);
    // What has ended asks nothing and does nothing, for ever.
    let (facts, plan) = life.plan();
    assert_eq!((facts, plan), (Facts::default(), Plan::default()));
}

#[test]
fn whatever_fails_at_whichever_step_the_end_is_the_same() {
    for spec in [Life::verify, Life::keep] {
        let wanted = {
            let mut life = spec();
            let ended = life.live_on();
            (message(&ended).0, life.cloud.databases.keys().cloned().collect::<Vec<_>>())
        };
        for turn in 0..12 {
            for luck in ALL {
                let mut life = spec();
                for index in 0..=turn {
                    life.turn(if index == turn { luck } else { Luck::Good });
                    life.pass(2);
                }
                let ended = life.live_on();
                let left: Vec<String> = life.cloud.databases.keys().cloned().collect();
                assert_eq!((message(&ended).0, left), wanted, "{luck:?} in turn {turn}: {ended:?}");
                let restored = life.steps.iter().filter(|step| **step == "RestoreInstance").count();
                assert_eq!(restored, 1, "{luck:?} in turn {turn}");
            }
        }
    }
}

#[test]
fn a_check_that_does_not_pass_fails_the_run_and_tags_nothing() {
    let mut life = Life::verify();
    life.cloud.users = 0;
    let ended = life.live_on();
    assert_eq!(message(&ended).1, "ChecksFailed");
    assert!(message(&ended).2.contains("users: "), "{ended:?}");
    assert_eq!(life.steps, ["RestoreInstance", "SetMasterPassword", "DeleteInstance"]);
    assert!(life.cloud.snapshots["before-migration"].1.tags.is_empty());
    assert_eq!(life.scratch(), Vec::<&String>::new());
}

#[test]
fn a_statement_that_fails_is_an_answer() {
    let mut life = Life::verify();
    life.spec.verification.as_mut().unwrap().checks[0].sql = "SELECT count(*) FROM missing".into();
    let ended = life.live_on();
    assert_eq!(message(&ended).1, "ChecksFailed");
    assert!(message(&ended).2.contains("42P01"), "{ended:?}");
}

#[test]
fn a_database_that_cannot_be_asked_says_nothing_of_the_backup() {
    let mut life = Life::verify();
    life.cloud.mute = true;
    let began = life.now;
    let ended = life.live_on();
    assert_eq!(message(&ended).1, "NotVerified");
    assert!(message(&ended).2.contains("Unreachable: nobody answers"), "{ended:?}");
    assert_eq!(life.scratch(), Vec::<&String>::new());
    assert!(life.now.duration_since(began) >= SignedDuration::from_mins(15), "given up too early");
    assert_eq!(life.status.verification.unwrap().result, VerificationResult::Unknown);
}

#[test]
fn one_that_takes_too_long_is_deleted() {
    let mut life = Life::verify();
    life.turn(Luck::Good);
    life.pass(7 * 60);
    let ended = life.live_on();
    assert_eq!(message(&ended).1, "NotVerified");
    assert_eq!(life.steps, ["RestoreInstance", "DeleteInstance"]);
    assert_eq!(life.scratch(), Vec::<&String>::new());
}

#[test]
fn one_that_breaks_is_deleted_and_a_kept_one_is_left() {
    for (mut life, left) in [(Life::verify(), 0), (Life::keep(), 1)] {
        life.turn(Luck::Good);
        life.pass(5);
        life.cloud.move_on(life.now);
        let made = life.cloud.databases.iter_mut().find(|(name, _)| *name != "clocked-db").unwrap();
        made.1.status = "incompatible-restore".into();
        let ended = life.live_on();
        assert!(!message(&ended).0);
        assert!(message(&ended).2.contains("incompatible-restore"), "{ended:?}");
        assert_eq!(life.cloud.databases.len(), 1 + left);
    }
}

#[test]
fn nothing_is_restored_over_a_database_that_exists() {
    let mut life = Life::keep();
    let mut other = life.cloud.databases["clocked-db"].clone();
    other.resource_id = "db-other".into();
    life.cloud.databases.insert("clocked-db-restored".into(), other);
    let ended = life.live_on();
    assert_eq!(message(&ended).1, "TargetExists");
    assert_eq!(life.steps, Vec::<&str>::new());
}

#[test]
fn a_database_of_an_earlier_run_of_the_same_name_is_not_its_own() {
    let mut life = Life::keep();
    assert!(message(&life.live_on()).0);
    let mut again = Life::keep();
    again.cloud = life.cloud;
    again.metadata.uid = Some("uid-2".into());
    assert_eq!(message(&again.live_on()).1, "TargetExists");
}

#[test]
fn a_kept_one_that_goes_is_not_restored_again() {
    let mut life = Life::keep();
    life.turn(Luck::Good);
    life.pass(1);
    life.turn(Luck::Good);
    life.cloud.databases.remove("clocked-db-restored");
    assert_eq!(message(&life.live_on()).1, "DatabaseLost");
    assert_eq!(life.steps, ["RestoreInstance"]);
}

#[test]
fn a_run_that_is_deleted_takes_its_instance_along_and_leaves_a_kept_one() {
    for (mut life, deletes) in [(Life::verify(), true), (Life::keep(), false)] {
        life.turn(Luck::Good);
        life.pass(1);
        life.turn(Luck::Good);
        life.metadata.deletion_timestamp = Some(Time(life.now));
        life.cloud.move_on(life.now);
        let (_, plan) = life.plan();
        let deleted = matches!(plan.steps.as_slice(), [Step::Database(DatabaseStep::DeleteInstance { .. })]);
        assert_eq!(deleted, deletes);
    }
}

#[test]
fn what_is_not_said_is_as_of_the_source_and_never_a_default_of_rds() {
    let life = Life::keep();
    let (_, plan) = life.plan();
    let [Step::Database(DatabaseStep::RestoreInstance { instance, .. })] = plan.steps.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(instance.security_groups, ["sg-1"]);
    assert_eq!((instance.subnet_group.as_str(), instance.parameter_group.as_str()), ("private", "clocked"));
    let mut life = Life::keep();
    life.cloud.databases.remove("clocked-db");
    let (_, plan) = life.plan();
    assert!(plan.steps.is_empty());
    assert_eq!(plan.findings[0].reason, "TargetIncomplete");
    for field in ["target.instanceClass", "target.subnetGroup", "target.securityGroups", "target.parameterGroup"] {
        assert!(plan.findings[0].message.contains(field), "{}", plan.findings[0].message);
    }
}

#[test]
fn what_is_waited_for_or_must_be_mended_is_said() {
    let reason = |change: &dyn Fn(&mut Life)| {
        let mut life = Life::keep();
        change(&mut life);
        let (_, plan) = life.plan();
        assert!(plan.steps.is_empty());
        plan.findings[0].reason.clone()
    };
    assert_eq!(reason(&|life| life.cloud.snapshots.clear()), "SnapshotNotFound");
    assert_eq!(
        reason(&|life| life.cloud.snapshot("before-migration", "creating", [].into()).percent_progress = 9),
        "SnapshotInProgress"
    );
    assert_eq!(
        reason(&|life| life.cloud.snapshot("before-migration", "failed", [].into()).percent_progress = 9),
        "SnapshotUnusable"
    );
    assert_eq!(reason(&|life| life.cloud.quota.used = 40), "InstanceQuotaExceeded");
    let point = |time: &str| json!({"pointInTime": {"rdsInstance": "clocked-db", "time": time}});
    let source = |life: &mut Life, value: Value| life.spec.source = serde_json::from_value(value).unwrap();
    assert_eq!(reason(&|life| source(life, point("2026-03-01T02:59:00Z"))), "TimeNotRestorable");
    assert_eq!(reason(&|life| source(life, json!({"backupRef": {"name": "none"}}))), "BackupNotFound");
    assert_eq!(reason(&|life| source(life, json!({"snapshotIdentifier": "arn:aws:rds:x"}))), "InvalidSpec");
}

#[test]
fn what_a_schedule_has_chosen_and_is_gone_ends_the_run() {
    let mut scheduled = Life::verify();
    scheduled.metadata.labels = Some([("ops.clocked.app/made-by".to_owned(), "operator".to_owned())].into());
    let failed = |life: &mut Life| {
        life.turn(Luck::Good);
        match Ended::of(&life.status.conditions) {
            Some(Ended::Failed { reason, .. }) => Some(reason),
            _ => None,
        }
    };
    scheduled.cloud.snapshots.clear();
    assert_eq!(failed(&mut scheduled).as_deref(), Some("NotVerified"));
    let mut by_hand = Life::verify();
    by_hand.cloud.snapshots.clear();
    assert_eq!(failed(&mut by_hand), None, "a person has named it, and may make it");
    scheduled.status = DatabaseRestoreStatus::default();
    scheduled.cloud.snapshot("before-migration", "failed", [].into());
    assert_eq!(failed(&mut scheduled).as_deref(), Some("NotVerified"));
}

#[test]
fn a_grant_must_cover_what_is_restored_too() {
    let mut life = Life::keep();
    life.cloud.snapshots.get_mut("before-migration").unwrap().0 = "payments-db".into();
    life.spec.target.subnet_group = Some("private".into());
    life.spec.target.instance_class = Some("db.t4g.medium".into());
    life.spec.target.security_groups = Some(vec!["sg-1".into()]);
    life.spec.target.parameter_group = Some("clocked".into());
    let (_, plan) = life.plan();
    let refused = access().grants.allow_steps(&plan.steps).unwrap_err();
    assert!(refused.message.contains("payments-db"), "{}", refused.message);
}

#[test]
fn only_postgresql_is_verified_and_nothing_else_is_restored_for_it() {
    let mut life = Life::verify();
    life.cloud.databases.get_mut("clocked-db").unwrap().engine = "mysql".into();
    assert_eq!(message(&life.live_on()).1, "EngineNotSupported");
    assert_eq!(life.steps, Vec::<&str>::new());
    // Of a database that is gone it is seen when it was restored.
    let mut life = Life::verify();
    life.turn(Luck::Good);
    let made = life.cloud.databases.iter_mut().find(|(name, _)| name.starts_with("rbv-")).unwrap();
    made.1.engine = "mysql".into();
    let ended = life.live_on();
    assert!(message(&ended).2.contains("engine mysql"), "{ended:?}");
    assert_eq!((message(&ended).1, life.scratch()), ("NotVerified", Vec::new()));
}

/// Two checks, of which the second is not answered.
fn broken_off() -> Life {
    let mut life = Life::verify();
    let verification = life.spec.verification.as_mut().unwrap();
    let second = runbook_api::verification::Check { name: "groups".into(), ..verification.checks[0].clone() };
    verification.checks.push(second);
    life.cloud.breaks = true;
    life
}

#[test]
fn what_is_not_answered_says_nothing_of_the_backup() {
    let mut life = broken_off();
    while life.status.phase != Some(RestorePhase::Verifying) || life.status.verification.is_none() {
        life.turn(Luck::Good);
        life.pass(2);
    }
    assert_eq!(life.status.verification.as_ref().unwrap().result, VerificationResult::Unknown);
    // It is asked again, and then it is known.
    life.cloud.breaks = false;
    assert_eq!(message(&life.live_on()).1, "Complete");
    let mut never = broken_off();
    assert_eq!(message(&never.live_on()).1, "NotVerified");
    assert!(!never.cloud.snapshots["before-migration"].1.tags.contains_key(VERIFIED_TAG));
    // What has failed has failed, whatever else is not answered.
    let mut life = broken_off();
    life.cloud.users = 0;
    assert_eq!(message(&life.live_on()).1, "ChecksFailed");
}

#[test]
fn an_instance_whose_tags_are_gone_is_left_and_said() {
    for mut life in [Life::verify(), Life::keep()] {
        life.turn(Luck::Good);
        life.pass(1);
        life.turn(Luck::Good);
        let made = life.cloud.databases.iter_mut().find(|(name, _)| *name != "clocked-db").unwrap();
        let tags = std::mem::take(&mut made.1.tags);
        let name = made.0.clone();
        life.pass(5);
        life.turn(Luck::Good);
        let (_, plan) = life.plan();
        assert_eq!((plan.steps.len(), plan.findings[0].reason.as_str()), (0, "TagsChanged"));
        assert_eq!(life.ended(), None, "somebody may put them back");
        life.cloud.databases.get_mut(&name).unwrap().tags = tags;
        assert!(message(&life.live_on()).0);
    }
}

#[test]
fn a_run_that_is_deleted_waits_for_the_tags_of_what_it_has_just_asked_for() {
    let mut life = Life::verify();
    life.turn(Luck::AnswerLost);
    let made = life.cloud.databases.values_mut().find(|made| made.status == "creating").unwrap();
    let tags = std::mem::take(&mut made.tags);
    life.metadata.deletion_timestamp = Some(Time(life.now));
    let (_, plan) = life.plan();
    assert_eq!((plan.steps.len(), plan.findings[0].reason.as_str()), (0, "InstanceNotAvailable"));
    life.cloud.databases.values_mut().find(|made| made.status == "creating").unwrap().tags = tags;
    assert!(matches!(life.plan().1.steps.as_slice(), [Step::Database(DatabaseStep::DeleteInstance { .. })]));
}
