//! The status of a BackupPolicy.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use runbook_api::backup_policy::{BackupPolicyStatus, ScheduledSince, Slot, SlotState};
use runbook_api::common::PlanStatus;
use runbook_api::common::condition::{EXPORTED, VERIFIED};
use runbook_api::retention::{PlannedDeletion, RetentionStatus};
use runbook_api::scheduled_export::ScheduledExportStatus;
use runbook_api::scheduled_verification::{VerificationSlot, VerificationState};

use super::exports;
use super::memory::{DELETE, was_suspended};
use super::outlook::Outlook;
use super::verification::Told;
use crate::report::coalesce::Volatile;
use crate::report::conditions::{self, whole_seconds};
use crate::report::{Act, Hold, Outcome, Summary};
use crate::step::{DatabaseStep, Step};

/// RDS moves LatestRestorableTime every five minutes; a status says it anew when it has moved by more than this.
const MOVED: SignedDuration = SignedDuration::from_hours(1);

/// Instances left behind that are named.
const LEFT: usize = 20;

/// The status of a policy after a reconcile.
pub fn status(previous: &BackupPolicyStatus, summary: &Summary<'_>) -> BackupPolicyStatus {
    let told = BackupPolicyStatus {
        observed_generation: summary.observed_generation(previous.observed_generation),
        conditions: conditions_of(previous, summary),
        last_handled_reconcile_at: summary.handled(previous.last_handled_reconcile_at.as_deref()),
        plan: planned(previous, summary),
        history: summary.history(&previous.history, previous.plan.as_ref(), &previous.conditions),
        ..previous.clone()
    };
    match summary.outlook {
        Some(outlook) => with_outlook(told, previous, outlook, summary.acts),
        None => BackupPolicyStatus {
            scheduled: resumed(previous, previous.scheduled.as_ref(), summary),
            verification_scheduled: resumed(previous, previous.verification_scheduled.as_ref(), summary),
            next_backup_time: told.next_backup_time.clone().filter(|_| !is_suspended(summary)),
            next_verification_time: told.next_verification_time.clone().filter(|_| !is_suspended(summary)),
            verifications: with_begun(&previous.verifications, summary.acts),
            exports: exports::report::with_begun(&unseen(previous, summary), summary.acts),
            slots: with_acts(&previous.slots, summary.acts),
            ..told
        },
    }
}

/// The steps that are not made yet. Whoever claimed deletions may have ended before it could tell of them: until AWS can be looked at they
/// are not forgotten, or what is gone would be taken for lost.
fn planned(previous: &BackupPolicyStatus, summary: &Summary<'_>) -> Option<PlanStatus> {
    let plan = summary.plan(previous.plan.as_ref());
    let unseen = summary.outlook.is_none() && matches!(summary.outcome, Outcome::Stalled { .. });
    let deletes = |plan: &&PlanStatus| plan.steps.iter().any(|step| step.step == DELETE);
    plan.or_else(|| previous.plan.as_ref().filter(|_| unseen && summary.acts.is_empty()).filter(deletes).cloned())
}

fn with_outlook(
    told: BackupPolicyStatus,
    previous: &BackupPolicyStatus,
    outlook: &Outlook,
    acts: &[Act],
) -> BackupPolicyStatus {
    BackupPolicyStatus {
        resource_arn: Some(outlook.resource_arn.clone()),
        last_backup: outlook.last_backup.clone(),
        next_backup_time: outlook.next_backup_time.map(|time| Time(whole_seconds(time))),
        latest_restorable_time: restorable(previous.latest_restorable_time.as_ref(), outlook.latest_restorable_time),
        scheduled: outlook.scheduled.clone(),
        slots: with_acts(&outlook.slots, acts),
        copies: outlook.copies.clone(),
        retention: outlook.retention.as_ref().map(|next| retention(previous.retention.as_ref(), next)),
        last_verified: outlook.proved.clone(),
        exports: exports::report::with_begun(&outlook.exports, acts),
        ..with_verifications(told, outlook.verifications.as_ref(), acts)
    }
}

fn with_verifications(told: BackupPolicyStatus, next: Option<&Told>, acts: &[Act]) -> BackupPolicyStatus {
    let Some(next) = next else {
        return BackupPolicyStatus {
            verification_scheduled: None,
            next_verification_time: None,
            verifications: Vec::new(),
            left_instances: Vec::new(),
            ..told
        };
    };
    BackupPolicyStatus {
        verification_scheduled: next.scheduled.clone(),
        next_verification_time: next.next.map(|time| Time(whole_seconds(time))),
        verifications: with_begun(&next.ledger, acts),
        left_instances: next.left.iter().take(LEFT).cloned().collect(),
        ..told
    }
}

/// The slots with those that were just begun.
fn with_begun(slots: &[VerificationSlot], acts: &[Act]) -> Vec<VerificationSlot> {
    let mut slots = slots.to_vec();
    for act in acts.iter().filter(|act| act.result.is_ok()) {
        let Step::VerifyBackup { verification, .. } = &act.step else { continue };
        let waits =
            |slot: &&mut VerificationSlot| slot.time.0 == verification.slot && slot.state == VerificationState::Waiting;
        if let Some(slot) = slots.iter_mut().find(waits) {
            slot.state = VerificationState::Running;
            slot.restore = Some(verification.id.name.clone());
            slot.snapshot_identifier = Some(verification.snapshot.clone());
        }
    }
    slots
}

/// What is told of exports where AWS was not looked at.
fn unseen(previous: &BackupPolicyStatus, summary: &Summary<'_>) -> Vec<ScheduledExportStatus> {
    let one = |one: &ScheduledExportStatus| ScheduledExportStatus {
        scheduled: resumed(previous, one.scheduled.as_ref(), summary),
        next_time: one.next_time.clone().filter(|_| !is_suspended(summary)),
        ..one.clone()
    };
    previous.exports.iter().map(one).collect()
}

/// The conditions of every kind, and those of a policy's own.
fn conditions_of(previous: &BackupPolicyStatus, summary: &Summary<'_>) -> Vec<Condition> {
    let contest = summary.outlook.map(|outlook| outlook.contest.as_ref());
    let before = &previous.conditions;
    let told = conditions::with_contest(summary.conditions(before), before, contest, summary);
    let mut told = with_verified(told, before, summary.outlook, summary);
    let exported = before.iter().find(|condition| condition.type_ == EXPORTED);
    told.extend(match summary.outlook {
        Some(outlook) => exports::report::condition(&outlook.exports, exported, summary),
        None => exported.cloned(),
    });
    told
}

/// Adds whether the last backup that was restored and asked was as expected.
fn with_verified(
    mut conditions: Vec<Condition>,
    previous: &[Condition],
    outlook: Option<&Outlook>,
    summary: &Summary<'_>,
) -> Vec<Condition> {
    let before = previous.iter().find(|condition| condition.type_ == VERIFIED);
    let Some(outlook) = outlook else {
        conditions.extend(before.cloned());
        return conditions;
    };
    let Some(told) = &outlook.verifications else { return conditions };
    let ended = told.ledger.iter().find(|slot| {
        matches!(slot.state, VerificationState::Passed | VerificationState::Failed | VerificationState::Unknown)
    });
    let snapshot = ended.and_then(|slot| slot.snapshot_identifier.as_deref()).unwrap_or("the backup");
    let why = ended.and_then(|slot| slot.message.as_deref()).unwrap_or_default();
    let (status, reason, message) = match ended.map(|slot| slot.state) {
        Some(VerificationState::Passed) => ("True", "Passed", format!("{snapshot} was restored and is as expected")),
        Some(VerificationState::Failed) => {
            ("False", "ChecksFailed", format!("{snapshot} was restored and is not as expected: {why}"))
        }
        Some(_) => ("Unknown", "NotVerified", format!("nothing is known of {snapshot}: {why}")),
        None => ("Unknown", "NotYetVerified", "no backup was verified yet".to_owned()),
    };
    conditions.push(conditions::flag(VERIFIED, (status, reason, &message), before, summary));
    conditions
}

/// What was due while the policy was suspended is nobody's, also where AWS cannot be looked at when it goes on.
fn resumed(
    previous: &BackupPolicyStatus,
    scheduled: Option<&ScheduledSince>,
    summary: &Summary<'_>,
) -> Option<ScheduledSince> {
    let since = Time(whole_seconds(summary.now));
    if !was_suspended(previous) || is_suspended(summary) {
        return scheduled.cloned();
    }
    // Without a schedule it counts for whichever is found: AWS has never been looked at.
    let schedule = scheduled.map(|scheduled| scheduled.schedule.clone()).unwrap_or_default();
    Some(ScheduledSince { schedule, since })
}

fn is_suspended(summary: &Summary<'_>) -> bool {
    matches!(summary.outcome, Outcome::Held { hold: Hold::Suspended, .. })
}

/// The ledger with what was just done in it: the next look at AWS says the rest.
fn with_acts(slots: &[Slot], acts: &[Act]) -> Vec<Slot> {
    let mut slots = slots.to_vec();
    for act in acts.iter().filter(|act| act.result.is_ok()) {
        match &act.step {
            Step::Database(DatabaseStep::CreateSnapshot { snapshot, slot: Some(time), .. }) => {
                let waits = |slot: &&mut Slot| slot.time.0 == *time && slot.state == SlotState::Waiting;
                if let Some(slot) = slots.iter_mut().find(waits) {
                    slot.state = SlotState::Creating;
                    slot.snapshot_identifier = Some(snapshot.clone());
                    slot.message = None;
                }
            }
            Step::Database(DatabaseStep::DeleteSnapshot { snapshot, .. }) => {
                let of = |slot: &&mut Slot| slot.snapshot_identifier.as_ref() == Some(snapshot);
                if let Some(slot) = slots.iter_mut().find(of) {
                    slot.state = SlotState::Deleted;
                    slot.message = None;
                }
            }
            _ => {}
        }
    }
    slots
}

/// A snapshot that is to be deleted stays so since the time that was said first.
fn retention(previous: Option<&RetentionStatus>, next: &RetentionStatus) -> RetentionStatus {
    let known = |one: &PlannedDeletion| {
        let before = previous.into_iter().flat_map(|previous| &previous.next_deletions);
        before.filter(|known| known.snapshot_identifier == one.snapshot_identifier).map(|known| known.time.0).min()
    };
    let planned = |one: &PlannedDeletion| {
        let time = known(one).map_or(one.time.0, |time| time.min(one.time.0));
        PlannedDeletion { time: Time(time), ..one.clone() }
    };
    RetentionStatus { next_deletions: next.next_deletions.iter().map(planned).collect(), ..next.clone() }
}

fn restorable(previous: Option<&Time>, next: Option<Timestamp>) -> Option<Time> {
    match (previous, next) {
        (Some(previous), Some(next)) if next.duration_since(previous.0).abs() <= MOVED => Some(previous.clone()),
        (_, next) => next.map(|time| Time(whole_seconds(time))),
    }
}

impl Volatile for BackupPolicyStatus {
    fn settled(&self) -> Self {
        Self { latest_restorable_time: None, ..self.clone() }
    }
}
