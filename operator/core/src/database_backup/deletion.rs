//! What a DatabaseBackup with `deletionPolicy: Delete` removes when it is deleted: the snapshot that it has taken, and nothing else.

use jiff::{SignedDuration, Timestamp};

use super::input::Input;
use super::plan::is_own;
use crate::deletion::left_behind;
use crate::facts::{Answer, Facts, Inquiry};
use crate::plan::{Finding, Plan};
use crate::query::Query;
use crate::report::Hold;
use crate::step::{DatabaseStep, Step};

/// How soon to look again at a snapshot that cannot be deleted yet.
const SOON: SignedDuration = SignedDuration::from_secs(30);

/// Whether deleting the object may have to remove something: the plan takes a snapshot, or has seen any.
pub fn leaves_behind(facts: &Facts, steps: &[Step]) -> bool {
    let takes = |step: &Step| matches!(step, Step::Database(DatabaseStep::CreateSnapshot { .. }));
    let seen = |(_, answer): (_, &Result<Answer, _>)| matches!(answer, Ok(Answer::DatabaseSnapshots(_)));
    steps.iter().any(takes) || facts.iter().any(seen)
}

/// Decides what is to be asked, or removed. A plan without steps, needs and more than notes has nothing left to remove.
pub(super) fn plan(input: &Input, facts: &Facts, now: Timestamp) -> Plan {
    let mut inquiry = Inquiry::new(facts);
    let snapshots = inquiry.database_snapshots(Query::DatabaseSnapshots(input.database.clone()));
    let snapshots = match (inquiry.open(), snapshots) {
        (Some(missing), _) => return Plan::missing(missing),
        (None, Some(snapshots)) => snapshots,
        (None, None) => return Plan::default(),
    };
    let Some(snapshot) = snapshots.iter().find(|one| one.identifier == input.snapshot) else { return Plan::default() };
    if !is_own(input, snapshot) {
        let message = format!("snapshot {} stays: this backup has not taken it", input.snapshot);
        return Plan::only(left_behind(message));
    }
    if snapshot.status == "failed" {
        let message =
            format!("snapshot {} stays: it has failed, and only one that is available is deleted", input.snapshot);
        return Plan::only(left_behind(message));
    }
    // Amazon RDS API Reference, DeleteDBSnapshot: it must be available.
    if snapshot.status != "available" {
        let message = format!("snapshot {} is {}: it is deleted when it is available", input.snapshot, snapshot.status);
        let mut plan = Plan::only(Finding::waiting("SnapshotInProgress", message));
        now.checked_add(SOON).ok().into_iter().for_each(|at| plan.wake(at));
        return plan;
    }
    let mut plan = Plan::default();
    plan.steps.push(Step::Database(DatabaseStep::DeleteSnapshot {
        database: input.database.clone(),
        snapshot: input.snapshot.clone(),
        tags: input.tags.clone(),
        created_at: snapshot.created_at.unwrap_or(now),
    }));
    if let Some(freeze) = input.brakes.frozen(now) {
        plan.wake(freeze.to);
        plan.hold = Some(Hold::Frozen);
    }
    plan
}
