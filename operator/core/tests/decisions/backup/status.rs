//! What the status of a BackupPolicy says.

use jiff::SignedDuration;
use runbook_api::backup_policy::{BackupPolicyStatus, SlotState};
use runbook_core::backup::predict::predict;
use runbook_core::backup::{self, Memory, report};
use runbook_core::report::coalesce::{Due, due};
use runbook_core::report::{Act, Hold, Outcome, Summary};
use runbook_core::{DatabaseKind, Facts, Plan};
use serde_json::{Value, json};

use super::world;

const KIND: DatabaseKind = DatabaseKind::Instance;

fn plan(status: &BackupPolicyStatus, facts: &Facts) -> Plan {
    let spec = json!({"snapshots": {"schedule": "0 0 * * *", "retention": {"keepLast": 1}}});
    let input = world::input_of(&world::spec(spec));
    backup::plan(&input.beside(Memory::of(status, Some(world::at("2026-02-28T12:00:00Z")))), facts, world::now())
}

fn summary<'a>(plan: Option<&'a Plan>, outcome: &'a Outcome, facts: &'a Facts, acts: &'a [Act]) -> Summary<'a> {
    Summary {
        outcome,
        findings: &[],
        generation: Some(1),
        pending: &[],
        acts,
        requested: None,
        facts,
        now: world::now(),
        intent: None,
        outlook: plan.and_then(|plan| plan.outlook.as_deref()),
        progress: None,
        queues: &[],
        untold: false,
    }
}

fn facts(slots: &[&str]) -> Facts {
    let snapshots = slots.iter().map(|slot| world::snapshot(KIND, world::at(slot))).collect();
    world::facts(KIND, Some(world::database(KIND)), snapshots, 3)
}

fn acts(plan: &Plan) -> Vec<Act> {
    let act = |step: &runbook_core::Step| Act {
        step: step.clone(),
        time: world::now(),
        reason: "SpecChanged".into(),
        result: Ok(Some("request".into())),
    };
    plan.steps.iter().map(act).collect()
}

#[test]
fn what_was_done_stands_in_the_ledger_at_once() {
    let facts = facts(&["2026-02-27T00:00:00Z", "2026-02-26T00:00:00Z"]);
    let before: BackupPolicyStatus = serde_json::from_value(json!({
        "scheduled": {"schedule": "0 0 * * * UTC", "since": "2026-02-28T12:00:00Z"},
    }))
    .unwrap();
    let plan = plan(&before, &facts);
    let names = |plan: &Plan| plan.steps.iter().map(|step| step.name()).collect::<Vec<_>>();
    assert_eq!(names(&plan), ["CreateSnapshot"], "it goes alone");
    let outcome = Outcome::Working { reason: "Applied".into(), message: String::new() };
    let taken = report::status(&before, &summary(Some(&plan), &outcome, &facts, &acts(&plan)));
    let mut facts = facts;
    plan.steps.iter().for_each(|step| predict(&mut facts, step));
    let plan = self::plan(&taken, &facts);
    assert_eq!(names(&plan), ["DeleteSnapshot"]);
    let after = report::status(&taken, &summary(Some(&plan), &outcome, &facts, &acts(&plan)));
    let told: Vec<_> = after.slots.iter().map(|slot| (slot.time.0.to_string(), slot.state)).collect();
    assert_eq!(
        told,
        [
            ("2026-03-01T00:00:00Z".to_owned(), SlotState::Creating),
            ("2026-02-27T00:00:00Z".to_owned(), SlotState::Complete),
            ("2026-02-26T00:00:00Z".to_owned(), SlotState::Deleted),
        ]
    );
    assert_eq!(after.last_backup.unwrap().snapshot_identifier, "clocked-db-scheduled-20260227-000000");
    assert_eq!(after.next_backup_time.unwrap().0, world::at("2026-03-02T00:00:00Z"));
    // What was done is remembered for what is decided next.
    let memory = Memory::of(&BackupPolicyStatus { slots: after.slots, history: after.history, ..before }, None);
    assert_eq!(memory.deletions, [world::now()]);
    assert!(memory.deleted.contains("clocked-db-scheduled-20260226-000000"));
}

#[test]
fn what_was_due_while_suspended_is_nobodys() {
    let suspended = Outcome::Held { hold: Hold::Suspended, pending: 0 };
    let outage = Outcome::Unavailable { reason: "AwsUnreachable".into(), message: String::new() };
    let none = Facts::default();
    let before: BackupPolicyStatus = serde_json::from_value(json!({
        "scheduled": {"schedule": "0 0 * * * UTC", "since": "2026-02-01T00:00:00Z"},
        "nextBackupTime": "2026-03-02T00:00:00Z",
    }))
    .unwrap();
    let asleep = report::status(&before, &summary(None, &suspended, &none, &[]));
    assert_eq!((&asleep.scheduled, &asleep.next_backup_time), (&before.scheduled, &None));
    let facts = facts(&[]);
    let since = |plan: &Plan| plan.outlook.as_ref().unwrap().scheduled.as_ref().unwrap().since.0;
    assert_eq!(plan(&before, &facts).steps.len(), 1);
    let awake = plan(&asleep, &facts);
    assert_eq!((awake.steps.len(), since(&awake)), (0, world::now()));
    // Also where AWS cannot be looked at when it goes on.
    let blind = report::status(&asleep, &summary(None, &outage, &none, &[]));
    let awake = plan(&blind, &facts);
    assert_eq!((awake.steps.len(), since(&awake)), (0, world::now()));
    // Also where AWS has never been looked at before.
    let asleep = report::status(&BackupPolicyStatus::default(), &summary(None, &suspended, &none, &[]));
    let blind = report::status(&asleep, &summary(None, &outage, &none, &[]));
    assert_eq!(plan(&BackupPolicyStatus::default(), &facts).steps.len(), 1);
    let awake = plan(&blind, &facts);
    assert_eq!((awake.steps.len(), since(&awake)), (0, world::now()));
    assert_eq!(awake.outlook.unwrap().scheduled.unwrap().schedule, "0 0 * * * UTC");
    // An outage without that moves nothing.
    assert_eq!(report::status(&before, &summary(None, &outage, &none, &[])).scheduled, before.scheduled);
}

#[test]
fn a_deletion_that_was_claimed_is_not_taken_for_a_loss() {
    let gone = "clocked-db-scheduled-20260226-000000";
    claimed_and_gone(gone, json!({"description": "a line for people", "resource": gone}));
    // As it was written before there was a field for it.
    claimed_and_gone(
        gone,
        json!({"description": format!("delete snapshot {gone} of DB instance clocked-db, taken at 2026-02-26T00:05:00Z")}),
    );
}

fn claimed_and_gone(gone: &str, mut step: Value) {
    step["step"] = json!("DeleteSnapshot");
    let claimed: BackupPolicyStatus = serde_json::from_value(json!({
        "scheduled": {"schedule": "0 0 * * * UTC", "since": "2026-02-20T12:00:00Z"},
        "slots": [{"time": "2026-02-26T00:00:00Z", "state": "Complete", "snapshotIdentifier": gone}],
        "plan": {"steps": [step]},
    }))
    .unwrap();
    // Whoever has made it ended before it could say so, and the next cannot look.
    let denied = Outcome::Stalled { reason: "AwsAccessDenied".into(), message: String::new() };
    let blind = report::status(&claimed, &summary(None, &denied, &Facts::default(), &[]));
    assert_eq!(blind.plan, claimed.plan);
    let state = |status: &BackupPolicyStatus, facts: &Facts| {
        let plan = plan(status, facts);
        let after = report::status(status, &summary(Some(&plan), &Outcome::InSync, facts, &[]));
        let slot = after.slots.iter().find(|slot| slot.time.0 == world::at("2026-02-26T00:00:00Z")).unwrap();
        (slot.state, after)
    };
    let newest = world::snapshot(KIND, world::at("2026-03-01T00:00:00Z"));
    assert_eq!(state(&blind, &facts(&["2026-03-01T00:00:00Z"])).0, SlotState::Deleted);
    // RDS takes its time, in which the snapshot is still listed.
    let mut deleting = world::snapshot(KIND, world::at("2026-02-26T00:00:00Z"));
    deleting.status = "deleting".into();
    let during = world::facts(KIND, Some(world::database(KIND)), vec![newest, deleting], 3);
    let (first, seen) = state(&blind, &during);
    assert_eq!((first, &seen.plan), (SlotState::Deleted, &None));
    assert_eq!(state(&seen, &during).0, SlotState::Deleted);
    assert_eq!(state(&seen, &facts(&["2026-03-01T00:00:00Z"])).0, SlotState::Deleted);
}

#[test]
fn numbers_that_move_by_themselves_are_seldom_written() {
    let first = facts(&["2026-03-01T00:00:00Z"]);
    let status = |previous: &BackupPolicyStatus, facts: &Facts| {
        report::status(previous, &summary(Some(&plan(previous, facts)), &Outcome::InSync, facts, &[]))
    };
    let before = status(&BackupPolicyStatus::default(), &first);
    assert_eq!(before.latest_restorable_time.as_ref().unwrap().0, world::at("2026-03-01T02:55:00Z"));
    let moved = |minutes| {
        let mut database = world::database(KIND);
        database.latest_restorable_time =
            database.latest_restorable_time.map(|at| at + SignedDuration::from_mins(minutes));
        let snapshots = vec![world::snapshot(KIND, world::at("2026-03-01T00:00:00Z"))];
        status(&before, &world::facts(KIND, Some(database), snapshots, 3))
    };
    let due = |next| due(Some(&before), &next, Some(world::now()), world::now());
    assert_eq!(due(status(&before, &first)), Due::Never);
    assert_eq!(due(moved(5)), Due::Never);
    assert!(matches!(due(moved(65)), Due::At(_)));
}

#[test]
fn a_snapshot_that_is_kept_no_longer_keeps_the_time_since_when() {
    let facts = facts(&["2026-03-01T00:00:00Z", "2026-02-28T00:00:00Z"]);
    let first = |previous: &BackupPolicyStatus| {
        let plan = plan(previous, &facts);
        let status = report::status(previous, &summary(Some(&plan), &Outcome::InSync, &facts, &[]));
        status.retention.clone().map(|retention| (retention.next_deletions[0].time.0, status)).unwrap()
    };
    let (time, mut status) = first(&BackupPolicyStatus::default());
    assert_eq!(time, world::now());
    let earlier = world::at("2026-03-01T01:00:00Z");
    status.retention.iter_mut().for_each(|retention| retention.next_deletions[0].time.0 = earlier);
    assert_eq!(first(&status).0, earlier);
}
