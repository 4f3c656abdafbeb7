//! What the status of a policy remembers. It may be lost: what must not be is in the tags of the snapshots.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use runbook_api::backup_policy::{BackupPolicyStatus, Slot};
use runbook_api::common::HistoryEntry;
use runbook_api::common::condition::SYNCED;
use runbook_api::copies::CopyStatus;
use runbook_api::scheduled_export::{ExportSlot, MadeExport, ScheduledExportStatus};
use runbook_api::scheduled_verification::{VerificationSlot, VerifiedBackup};

use super::ledger;
use crate::contest;
use crate::report::Hold;
use crate::report::history::may_have_been_made;

/// Name of the step that deletes a snapshot.
pub const DELETE: &str = "DeleteSnapshot";
/// Name of the step that deletes a copy.
const DELETE_COPY: &str = "DeleteCopy";
/// Name of the step that makes a copy.
const COPY: &str = "CopySnapshot";
/// Name of the step that makes a DatabaseRestore.
const VERIFY: &str = "VerifyBackup";
/// Name of the step that makes a DatabaseBackup for an export.
const EXPORT: &str = "ExportDatabase";

/// What the status of a policy remembers for the next decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// When the policy was created.
    pub created: Option<Timestamp>,
    /// The schedule that slots were counted by, and since when.
    pub scheduled: Option<(String, Timestamp)>,
    /// Whether the policy was suspended when it was last looked at.
    pub was_suspended: bool,
    /// The slots, newest first.
    pub slots: Vec<Slot>,
    /// Where the copies stood.
    pub copies: Vec<CopyStatus>,
    /// By the name of copies: the slot of the newest snapshot that was ever copied.
    pub copied_until: BTreeMap<String, Timestamp>,
    /// Places where the last copy that was begun was refused, or failed.
    pub failing: BTreeSet<String>,
    /// When snapshots and copies were deleted, as far back as the history goes.
    pub deletions: Vec<Timestamp>,
    /// Snapshots that were deleted here, or were about to be.
    pub deleted: BTreeSet<String>,
    /// Settings that somebody changed, and the operator put right: newest first.
    pub corrections: Vec<HistoryEntry>,
    /// What is remembered of verifications.
    pub verifications: Verifications,
    /// What is remembered of each export, by its name.
    pub exports: BTreeMap<String, Exports>,
}

/// What a status remembers of verifications.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verifications {
    /// Their slots.
    pub remembered: ledger::Memory<VerificationSlot>,
    /// The newest backup that was found good.
    pub proved: Option<VerifiedBackup>,
}

/// What a status remembers of the exports of one schedule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exports {
    /// Their slots.
    pub remembered: ledger::Memory<ExportSlot>,
    /// The newest that is in S3.
    pub last: Option<MadeExport>,
}

impl Exports {
    fn of(one: &ScheduledExportStatus, history: &[HistoryEntry]) -> Self {
        let is_own = |entry: &&HistoryEntry| entry.step == EXPORT && entry.resource.as_ref() == Some(&one.name);
        let remembered = ledger::Memory {
            scheduled: one.scheduled.as_ref().map(|one| (one.schedule.clone(), one.since.0)),
            ledger: one.slots.clone(),
            made: history.iter().find(is_own).map(|entry| entry.time.0),
        };
        Self { remembered, last: one.last_succeeded.clone() }
    }
}

impl Memory {
    /// What the status of a policy that was created at `created` remembers.
    pub fn of(status: &BackupPolicyStatus, created: Option<Timestamp>) -> Self {
        let of_step = |step: &'static str| {
            status.history.iter().filter(move |entry| entry.step == step && may_have_been_made(entry))
        };
        let deletions: Vec<_> = of_step(DELETE).collect();
        let of_copies = of_step(DELETE_COPY);
        let until = |copy: &CopyStatus| Some((copy.name.clone(), copy.copied_until.as_ref()?.0));
        // What was about to be done when a process ended may have been done.
        let planned = status.plan.iter().flat_map(|plan| &plan.steps).filter(|step| step.step == DELETE);
        let made = deletions.iter().map(|entry| (&entry.resource, &entry.description));
        let all = made.chain(planned.map(|step| (&step.resource, &step.description)));
        Self {
            created,
            scheduled: status.scheduled.as_ref().map(|one| (one.schedule.clone(), one.since.0)),
            was_suspended: was_suspended(status),
            slots: status.slots.clone(),
            copies: status.copies.clone(),
            copied_until: status.copies.iter().filter_map(until).collect(),
            failing: failing(&status.history),
            deletions: deletions.iter().copied().chain(of_copies).map(|entry| entry.time.0).collect(),
            corrections: contest::corrections(&status.history)
                .filter(|entry| entry.step == "ModifyBackupSettings")
                .cloned()
                .collect(),
            verifications: Verifications {
                remembered: ledger::Memory {
                    scheduled: status.verification_scheduled.as_ref().map(|one| (one.schedule.clone(), one.since.0)),
                    ledger: status.verifications.clone(),
                    made: status.history.iter().find(|entry| entry.step == VERIFY).map(|entry| entry.time.0),
                },
                proved: status.last_verified.clone(),
            },
            exports: status.exports.iter().map(|one| (one.name.clone(), Exports::of(one, &status.history))).collect(),
            deleted: all
                .filter_map(|(resource, description)| resource.clone().or_else(|| in_words(description)))
                .collect(),
        }
    }
}

/// Whether a status says that its policy is suspended.
pub fn was_suspended(status: &BackupPolicyStatus) -> bool {
    let synced = status.conditions.iter().find(|condition| condition.type_ == SYNCED);
    synced.is_some_and(|synced| synced.reason == Hold::Suspended.reason())
}

/// The places of which the newest attempt at a copy failed: `copy snapshot ID of … to PLACE`.
fn failing(history: &[HistoryEntry]) -> BTreeSet<String> {
    let (mut known, mut failing) = (BTreeSet::new(), BTreeSet::new());
    for entry in history.iter().filter(|entry| entry.step == COPY) {
        let Some((_, place)) = entry.description.rsplit_once(" to ") else { continue };
        if known.insert(place) && entry.outcome != "Succeeded" {
            failing.insert(place.to_owned());
        }
    }
    failing
}

/// The snapshot that a line about a deletion names, `delete snapshot ID of …`: of a status that was written before there was a field for it.
fn in_words(description: &str) -> Option<String> {
    let (identifier, _) = description.strip_prefix("delete snapshot ")?.split_once(' ')?;
    Some(identifier.to_owned())
}
