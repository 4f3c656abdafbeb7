//! What a plan for a BackupPolicy saw and expects, for its status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::backup_policy::{Backup, ScheduledSince};
use runbook_api::copies::CopyStatus;
use runbook_api::retention::{PlannedDeletion, RetentionStatus};
use runbook_api::scheduled_export::ScheduledExportStatus;
use runbook_api::scheduled_verification::VerifiedBackup;

use super::own::Own;
use super::retention::Sorted;
use super::slots::Slots;
use super::verification::Told;
use crate::contest::Contest;
use crate::observed::Database;
use crate::report::conditions::whole_seconds;

/// Deletions that a status lists.
const SHOWN: usize = 20;

/// What a plan saw and expects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlook {
    /// ARN of the database.
    pub resource_arn: String,
    /// LatestRestorableTime.
    pub latest_restorable_time: Option<Timestamp>,
    /// The newest snapshot of the policy that is available.
    pub last_backup: Option<Backup>,
    /// When the next snapshot is due.
    pub next_backup_time: Option<Timestamp>,
    /// The schedule, and since when it counts.
    pub scheduled: Option<ScheduledSince>,
    /// What came of each slot, newest first.
    pub slots: Vec<runbook_api::backup_policy::Slot>,
    /// What becomes of the snapshots.
    pub retention: Option<RetentionStatus>,
    /// Where the copies stand.
    pub copies: Vec<CopyStatus>,
    /// What is told of verifications, where there are any.
    pub verifications: Option<Told>,
    /// Where the exports stand.
    pub exports: Vec<ScheduledExportStatus>,
    /// The newest backup that was found good.
    pub proved: Option<VerifiedBackup>,
    /// Whether somebody keeps undoing what is put right of the settings.
    pub contest: Option<Contest>,
}

impl Outlook {
    /// What is seen of a database alone.
    pub fn of(database: &Database) -> Self {
        Self {
            resource_arn: database.arn.clone(),
            latest_restorable_time: database.latest_restorable_time,
            ..Self::default()
        }
    }

    /// And of its snapshots.
    pub fn with_snapshots(
        self,
        schedule: &str,
        slots: &Slots,
        own: &[Own<'_>],
        sorted: &Sorted<'_>,
        now: Timestamp,
    ) -> Self {
        let newest = own.iter().find(|one| one.is_available());
        let due = sorted.due.iter().map(|one| (one, now));
        let expiring = sorted.expiring.iter().map(|(one, expires)| (one, *expires));
        let deletions = due.chain(expiring).take(SHOWN).map(|(one, time)| PlannedDeletion {
            snapshot_identifier: one.snapshot.identifier.clone(),
            time: Time(whole_seconds(time)),
        });
        Self {
            last_backup: newest.map(|one| Backup {
                snapshot_identifier: one.snapshot.identifier.clone(),
                time: Time(whole_seconds(one.taken_at())),
            }),
            next_backup_time: slots.next,
            scheduled: Some(ScheduledSince { schedule: schedule.into(), since: Time(slots.since) }),
            slots: slots.ledger.clone(),
            retention: Some(RetentionStatus {
                snapshots: i32::try_from(own.len()).unwrap_or(i32::MAX),
                next_deletions: deletions.collect(),
            }),
            ..self
        }
    }
}
