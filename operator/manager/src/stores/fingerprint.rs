//! Which changes of an object are somebody's wish, and which are our own status.

use kube::ResourceExt;
use runbook_api::RECONCILE_REQUESTED_AT;
use runbook_core::deletion::is_abandoned;

/// Whether `after` asks for something that `before` did not: another object of the same name, another spec, its deletion, a
/// finalizer, a request to reconcile or to be let go. A status asks for nothing.
pub fn asks_for_more<K: ResourceExt>(before: &K, after: &K) -> bool {
    let wish = |object: &K| {
        (
            object.uid(),
            object.meta().generation,
            object.meta().deletion_timestamp.is_some(),
            object.annotations().get(RECONCILE_REQUESTED_AT).cloned(),
            is_abandoned(object.meta()),
        )
    };
    wish(before) != wish(after) || before.finalizers() != after.finalizers()
}

/// Whether `one` is as new as `other` or newer. Resource versions of one kind can be compared as numbers (Kubernetes API concepts,
/// "Resource versions"); where one is no number nothing is known, and the API server's conflict check remains.
pub fn is_as_new_as<K: ResourceExt>(one: &K, other: &K) -> bool {
    let version = |object: &K| object.resource_version().and_then(|version| version.parse::<u64>().ok());
    match (version(one), version(other)) {
        (Some(one), Some(other)) => one >= other,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    fn object(metadata: serde_json::Value) -> ConfigMap {
        serde_json::from_value(json!({ "metadata": metadata })).unwrap()
    }

    #[test]
    fn only_wishes_trigger() {
        let before = object(json!({"uid": "a", "generation": 1, "resourceVersion": "7"}));
        let asks = |metadata| asks_for_more(&before, &object(metadata));
        assert!(!asks(json!({"uid": "a", "generation": 1, "resourceVersion": "8", "labels": {"a": "b"}})));
        assert!(asks(json!({"uid": "b", "generation": 1})));
        assert!(asks(json!({"uid": "a", "generation": 2})));
        assert!(asks(json!({"uid": "a", "generation": 1, "finalizers": ["a/b"]})));
        assert!(asks(json!({"uid": "a", "generation": 1, "deletionTimestamp": "2026-01-01T00:00:00Z"})));
        assert!(asks(json!({"uid": "a", "generation": 1, "annotations": {RECONCILE_REQUESTED_AT: "now"}})));
        assert!(asks(json!({"uid": "a", "generation": 1, "annotations": {runbook_api::ABANDON: ""}})));
    }

    #[test]
    fn versions_compare_as_numbers() {
        let versions = |one, other| {
            is_as_new_as(&object(json!({"resourceVersion": one})), &object(json!({"resourceVersion": other})))
        };
        assert!(versions("10", "9"));
        assert!(!versions("9", "10"));
        assert!(versions("9", "9"));
        assert!(versions("x", "10"));
    }
}
