//! Objects that are made for slots: what they are called, and how they are known again.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use runbook_api::run::{POLICY, SLOT};
use runbook_api::scaling_override::MADE_BY;

use crate::backoff::seed_of;
use crate::ids::ObjectId;

/// The value of the label on what the operator has made.
pub const OPERATOR: &str = "operator";
/// What a name ends with: the slot.
const SLOT_LENGTH: usize = "-YYYYmmdd-HHMMSS".len();

/// The name for a slot: the same for the same slot. What is too long is cut, and told from others by what follows from all of it.
pub fn name(of: &str, slot: Timestamp, longest: usize) -> String {
    let slot = TimeZone::UTC.to_datetime(slot).strftime("%Y%m%d-%H%M%S");
    let most = longest.saturating_sub(SLOT_LENGTH);
    if of.len() <= most {
        return format!("{of}-{slot}");
    }
    let hash = format!("{:08x}", seed_of(of) & 0xffff_ffff);
    let cut: String = of.chars().take(most.saturating_sub(hash.len() + 1)).collect();
    format!("{}-{hash}-{slot}", cut.trim_end_matches(['-', '.']))
}

/// The metadata of an object that is made for a slot of a policy.
pub fn metadata(id: &ObjectId, policy: &str, slot: Timestamp) -> ObjectMeta {
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    ObjectMeta {
        name: Some(id.name.clone()),
        namespace: Some(id.namespace.clone()),
        labels: Some([(MADE_BY, OPERATOR), (POLICY, policy)].map(owned).into()),
        annotations: Some([owned((SLOT, &slot.to_string()))].into()),
        ..ObjectMeta::default()
    }
}

/// The slot that an object was made for, where the operator has made it for the policy of this name.
pub fn slot(metadata: &ObjectMeta, policy: &str) -> Option<Timestamp> {
    let is = |name: &str, value: &str| label(metadata, name).is_some_and(|found| found == value);
    let slot = metadata.annotations.as_ref()?.get(SLOT)?.parse().ok()?;
    (is(MADE_BY, OPERATOR) && is(POLICY, policy)).then_some(slot)
}

/// A label of an object.
pub fn label<'m>(metadata: &'m ObjectMeta, name: &str) -> Option<&'m str> {
    metadata.labels.as_ref()?.get(name).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_enough_and_tells_policies_apart() {
        let slot = "2026-03-01T05:00:00Z".parse().unwrap();
        assert_eq!(name("clocked-db", slot, 40), "clocked-db-20260301-050000");
        let (one, other) = (name(&"a".repeat(39), slot, 40), name(&"a".repeat(40), slot, 40));
        assert_ne!(one, other);
        assert!(one.len() <= 40 && other.len() <= 40, "{one}");
    }

    #[test]
    fn what_was_made_is_known_to_its_policy_alone() {
        let slot: Timestamp = "2026-03-01T05:00:00Z".parse().unwrap();
        let id = ObjectId { namespace: "clocked".into(), name: "clocked-db-20260301-050000".into() };
        let mut made = metadata(&id, "clocked-db", slot);
        assert_eq!(super::slot(&made, "clocked-db"), Some(slot));
        assert_eq!(super::slot(&made, "other-db"), None);
        made.labels.as_mut().unwrap().insert(MADE_BY.into(), "kubectl-runbook".into());
        assert_eq!(super::slot(&made, "clocked-db"), None);
    }
}
