//! How long an override is kept after it has ended.

use jiff::{SignedDuration, Timestamp};
use runbook_api::ScalingOverride;
use runbook_api::scaling_override::MADE_BY;

/// How long an ended override of the operator or the command line is kept to be looked at.
pub const KEPT: SignedDuration = SignedDuration::from_hours(3 * 24);

/// When the override is removed. Never, where people wrote it: what comes from Git would come back, and the emergency with it.
pub fn removed_at(object: &ScalingOverride) -> Option<Timestamp> {
    let made_by = object.metadata.labels.as_ref()?.get(MADE_BY)?;
    ["operator", "cli"].contains(&made_by.as_str()).then(|| object.spec.expires_at.0.checked_add(KEPT).ok()).flatten()
}

/// When the override is to be looked at again.
pub fn next_at(object: &ScalingOverride, now: Timestamp) -> Option<Timestamp> {
    let times = [Some(object.spec.expires_at.0), removed_at(object)];
    times.into_iter().flatten().filter(|time| *time > now).min()
}
