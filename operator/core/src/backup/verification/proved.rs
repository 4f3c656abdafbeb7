//! Which backup is known to be good.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::scheduled_verification::VerifiedBackup;

use super::runs::Run;
use super::slots::in_schema;
use crate::observed::DatabaseSnapshot;
use crate::ownership::VERIFIED_TAG;
use crate::report::conditions::whole_seconds;

/// When a restore of a snapshot was last found good, by its tag.
pub fn verified_at(snapshot: &DatabaseSnapshot) -> Option<Timestamp> {
    snapshot.tags.get(VERIFIED_TAG)?.parse().ok()
}

/// The newest backup that was found good: by the tags of snapshots, by what runs have found (RDS's own get no tag), and as it is
/// remembered. It may be gone since.
pub fn newest(
    previous: Option<&VerifiedBackup>,
    snapshots: &[DatabaseSnapshot],
    resource_id: &str,
    runs: &[Run],
) -> Option<VerifiedBackup> {
    let of_database = |one: &&DatabaseSnapshot| one.source_resource_id.as_deref() == Some(resource_id);
    let by_snapshot = snapshots.iter().filter(of_database).filter_map(|one| {
        let of_one = |run: &&Run| run.snapshot.as_ref() == Some(&one.identifier) && run.passed_at.is_some();
        let run = runs.iter().filter(of_one).max_by_key(|run| run.passed_at);
        // A tag was written by a run that found it good: one on a manual snapshot outlives the loss of all objects.
        let verified = run.and_then(|run| run.passed_at).max(verified_at(one))?;
        Some(VerifiedBackup {
            snapshot_identifier: one.identifier.clone(),
            time: Time(whole_seconds(one.created_at?)),
            verified_time: Time(whole_seconds(verified)),
            time_to_restore: run.and_then(|run| run.time_to_restore).map(in_schema),
        })
    });
    let found = by_snapshot.max_by_key(|one| (one.time.0, one.verified_time.0));
    match (previous, found) {
        (Some(previous), Some(found)) if previous.time.0 > found.time.0 => Some(previous.clone()),
        (Some(previous), Some(mut found)) if previous.snapshot_identifier == found.snapshot_identifier => {
            found.time_to_restore = found.time_to_restore.or_else(|| previous.time_to_restore.clone());
            Some(found)
        }
        (previous, found) => found.or_else(|| previous.cloned()),
    }
}
