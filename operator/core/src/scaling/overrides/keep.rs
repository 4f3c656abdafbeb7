//! How long an override is kept after it has ended.

use jiff::{SignedDuration, Timestamp};
use runbook_api::ScalingOverride;
use runbook_api::scaling_override::MADE_BY;

use super::Override;

/// How long an ended override of the operator or the command line is kept to be looked at.
pub const KEPT: SignedDuration = SignedDuration::from_hours(3 * 24);

/// When the override is removed. Never, where people wrote it: what comes from Git would come back, and the emergency with it.
pub fn removed_at(object: &ScalingOverride) -> Option<Timestamp> {
    let made_by = object.metadata.labels.as_ref()?.get(MADE_BY)?;
    ["operator", "cli"].contains(&made_by.as_str()).then(|| object.spec.expires_at.0.checked_add(KEPT).ok()).flatten()
}

/// When the override is to be looked at again, beside all `siblings` that name the same policy: where a newer one ends, it may hold again.
pub fn next_at(object: &ScalingOverride, siblings: &[Override], now: Timestamp) -> Option<Timestamp> {
    let own = [Some(object.spec.expires_at.0), removed_at(object)];
    let ends = siblings.iter().map(|sibling| sibling.expires_at);
    own.into_iter().flatten().chain(ends).filter(|time| *time > now).min()
}

#[cfg(test)]
mod tests {
    use runbook_api::ScalingOverride;
    use serde_json::json;

    use super::*;
    use crate::scaling::overrides;

    fn one(name: &str, expires_at: &str) -> ScalingOverride {
        serde_json::from_value(json!({
            "metadata": {"name": name, "creationTimestamp": "2026-03-01T12:00:00Z"},
            "spec": {"policyRef": {"name": "web"}, "atLeast": 5, "expiresAt": expires_at, "reason": "the sale"},
        }))
        .unwrap()
    }

    #[test]
    fn an_override_is_looked_at_again_when_a_newer_one_ends() {
        let (older, newer) = (one("older", "2026-03-01T18:00:00Z"), one("newer", "2026-03-01T14:00:00Z"));
        let all = overrides::read([&older, &newer]);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(next_at(&older, &all, at("2026-03-01T13:00:00Z")), Some(at("2026-03-01T14:00:00Z")));
        assert_eq!(next_at(&older, &all, at("2026-03-01T14:00:00Z")), Some(at("2026-03-01T18:00:00Z")));
        assert_eq!(next_at(&older, &all, at("2026-03-01T18:00:00Z")), None);
    }
}
