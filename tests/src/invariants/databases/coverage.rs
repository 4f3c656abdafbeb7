//! What runs went through that has to do with databases.

use jiff::{SignedDuration, Timestamp};
use runbook_api::backup_policy::SlotState;
use runbook_aws::{Call, RdsCall};

use super::backups::{Backup, backups};
use crate::invariants::knowledge::Objects;
use crate::invariants::statuses::Conditions;
use crate::journal::{AwsCall, KubernetesCall};

/// How long after its jitter a snapshot is late.
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// What a set of runs must have gone through.
pub const EXPECTED: [&str; 13] = [
    "snapshots taken in a freeze",
    "slots that nothing was in the way of",
    "snapshots taken for a slot",
    "snapshots taken late",
    "snapshots deleted that were kept no longer",
    "backup settings corrected",
    "changes that take a database down",
    "slots missed",
    "snapshots lost",
    "snapshots that failed",
    "snapshots that wait for a quota",
    "names of snapshots that were taken",
    "outages that were refused",
];

/// What a write that AWS accepted was.
pub fn written(call: &AwsCall, at: Timestamp) -> Vec<&'static str> {
    let Call::Rds(what) = &call.call else { return Vec::new() };
    match what {
        RdsCall::CreateSnapshot { tags, source, .. } => {
            let objects: Objects = call.intent.iter().cloned().collect();
            let slot =
                tags.iter().find(|(key, _)| key == "ops.clocked.app/slot").and_then(|(_, slot)| slot.parse().ok());
            let of_it = |policy: &Backup| policy.database().1 == *source;
            let late = |slot: Timestamp| {
                backups(&objects).iter().filter(|one| of_it(one)).all(|one| slot + one.jitter() + LATE < at)
            };
            let mut found = vec!["snapshots taken for a slot"];
            let frozen = backups(&objects).iter().any(|one| of_it(one) && one.is_frozen(&objects, at));
            found.extend(frozen.then_some("snapshots taken in a freeze"));
            found.extend(slot.is_some_and(late).then_some("snapshots taken late"));
            found
        }
        RdsCall::DeleteSnapshot { .. } => vec!["snapshots deleted that were kept no longer"],
        RdsCall::Modify { apply_immediately: true, .. } => {
            vec!["backup settings corrected", "changes that take a database down"]
        }
        RdsCall::Modify { .. } => vec!["backup settings corrected"],
        _ => Vec::new(),
    }
}

/// What a status says.
pub fn said(call: &KubernetesCall) -> Vec<&'static str> {
    let Some(state) = call.state.as_deref() else { return Vec::new() };
    let Some(policy) = Backup::read(&call.object, state) else { return Vec::new() };
    let slots = || policy.object.status.iter().flat_map(|status| &status.slots);
    let mut found: Vec<&'static str> = Vec::new();
    for (what, of) in [
        ("slots missed", SlotState::Missed),
        ("snapshots lost", SlotState::Lost),
        ("snapshots that failed", SlotState::Failed),
    ] {
        found.extend(slots().any(|slot| slot.state == of).then_some(what));
    }
    found.extend(match Conditions(state).reason("Synced") {
        "SnapshotQuotaExceeded" => Some("snapshots that wait for a quota"),
        "NameTaken" => Some("names of snapshots that were taken"),
        "OutageRefused" => Some("outages that were refused"),
        _ => None,
    });
    found
}
