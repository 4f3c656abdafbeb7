//! Proving backups: on a schedule one is restored, asked by SQL and deleted again. Each time is a DatabaseRestore, which does all of
//! that by itself; what is decided here is when there is to be one, of which backup, and what came of them.

mod cost;
pub mod input;
pub mod proved;
pub(crate) mod reach;
pub mod runs;
mod select;
pub mod slots;
pub mod step;
pub mod sweep;

use jiff::{SignedDuration, Timestamp};
use runbook_api::backup_policy::ScheduledSince;
use runbook_api::scheduled_verification::{VerificationSlot, VerificationState};

pub use self::cost::cost;
pub use self::input::Verifications;
pub use self::runs::Run;
pub use self::step::Verification;
use super::input::Input;
use super::ledger::Slots;
use super::own::Own;
use crate::observed::{Database, DatabaseSnapshot};
use crate::plan::{Finding, Plan};
use crate::step::Step;

/// How soon to look again for a backup that can be verified, or for a DatabaseRestore that was just created.
const SOON: SignedDuration = SignedDuration::from_secs(60);

/// What is told of verifications.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// The schedule, and since when it counts.
    pub scheduled: Option<ScheduledSince>,
    /// What came of each slot, newest first.
    pub ledger: Vec<VerificationSlot>,
    /// When the next one is due.
    pub next: Option<Timestamp>,
    /// Instances that were left behind.
    pub left: Vec<String>,
}

/// What a decision on a verification that is due rests on.
pub(super) struct Backups<'b> {
    /// The database.
    pub database: &'b Database,
    /// The policy's own snapshots, newest first.
    pub own: &'b [Own<'b>],
    /// Those of them that are about to be deleted.
    pub going: &'b [Own<'b>],
    /// All snapshots of the database.
    pub all: &'b [DatabaseSnapshot],
}

/// Adds the verification that is due to the plan, and says what came of others. The step comes last: nothing else waits for it.
pub(super) fn plan(
    input: &Input,
    verifications: &Verifications,
    backups: &Backups<'_>,
    now: Timestamp,
    plan: &mut Plan,
) -> (Option<Step>, Told) {
    let slots = slots::judge(input, verifications, now);
    slots.next.into_iter().for_each(|at| plan.wake(at));
    say(&slots, plan);
    let soon = now.checked_add(SOON).ok();
    if slots.ledger.iter().any(|slot| slot.state == VerificationState::Running && !is_known(input, slot)) {
        soon.into_iter().for_each(|at| plan.wake(at));
    }
    let step = slots.due.and_then(|slot| begin(input, verifications, backups, slot, plan));
    if slots.due.is_some() && step.is_none() {
        soon.into_iter().for_each(|at| plan.wake(at));
    }
    let Slots { scheduled, ledger, next, .. } = slots;
    (step, Told { scheduled: Some(scheduled), ledger, next, left: Vec::new() })
}

fn is_known(input: &Input, slot: &VerificationSlot) -> bool {
    input.runs.iter().any(|run| run.slot == Some(slot.time.0))
}

/// The step that begins the verification for a slot, if it can be begun.
fn begin(
    input: &Input,
    verifications: &Verifications,
    backups: &Backups<'_>,
    slot: Timestamp,
    plan: &mut Plan,
) -> Option<Step> {
    if let Some(refused) = &verifications.refused {
        plan.findings.push(refused.clone());
        return None;
    }
    let Some(snapshot) = select::select(input, verifications, backups, slot) else {
        let of = if verifications.include_automated { "no backup" } else { "no snapshot of this policy" };
        let message = format!("a verification is due, and {of} of {} is available", input.database);
        plan.findings.push(Finding::note("NothingToVerify", message));
        return None;
    };
    let verification = Verification::of(input, verifications, slot, &snapshot.identifier);
    if input.runs.iter().any(|run| run.name == verification.id.name) {
        let message = format!(
            "there is a DatabaseRestore {} that this policy has not made, so the backup that is due is not verified: delete it",
            verification.id
        );
        plan.findings.push(Finding::stalled("NameTaken", message));
        return None;
    }
    Some(Step::VerifyBackup { database: input.database.clone(), verification: Box::new(verification) })
}

/// Says what a person should know of the newest that has ended.
fn say(slots: &Slots<VerificationSlot>, plan: &mut Plan) {
    let has_ended =
        |slot: &&VerificationSlot| !matches!(slot.state, VerificationState::Waiting | VerificationState::Running);
    let Some(newest) = slots.ledger.iter().find(has_ended) else { return };
    let snapshot = newest.snapshot_identifier.as_deref().unwrap_or("the backup");
    let why = newest.message.as_deref().unwrap_or_default();
    let (reason, message) = match newest.state {
        VerificationState::Failed => {
            ("VerificationFailed", format!("{snapshot} was restored and is not as expected: {why}"))
        }
        VerificationState::Unknown => ("NotVerified", format!("{snapshot} could not be verified: {why}")),
        VerificationState::Missed => {
            ("VerificationMissed", format!("no backup was verified for the slot of {}: {why}", newest.time.0))
        }
        _ => return,
    };
    plan.findings.push(Finding::note(reason, message));
}
