//! Parts of schemas that a derive cannot say: lists whose items have rules of their own, and Kubernetes' conditions.
//!
//! A rule on the item, not on the list, makes the server's error name the item: `spec.grants[0].resources[2]`.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A list of AWS regions; the order counts, so the list is replaced as a whole.
pub(crate) fn regions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "minItems": 1, "maxItems": 40, "x-kubernetes-list-type": "atomic",
        "items": {
            "type": "string", "maxLength": 32,
            "x-kubernetes-validations": [{ "rule": REGION_RULE, "message": "a region must be an AWS region code such as eu-central-1" }],
        },
        "x-kubernetes-validations": [{
            "rule": "self.all(a, self.exists_one(b, a == b))",
            "message": "list each region once",
        }, {
            "rule": "self[0] == oldSelf[0]",
            "message": "the first region is where every policy works that names none: keep it first, or the policies would move; name spec.region in them instead",
        }],
    })
}

/// An AWS region code, as in `eu-central-1` and `us-gov-west-1`.
pub(crate) const REGION_RULE: &str = "self.matches('^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$')";

/// A set of names of namespaces.
pub(crate) fn namespaces(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "minItems": 1, "maxItems": 100, "x-kubernetes-list-type": "set",
        "items": {
            "type": "string", "maxLength": 63,
            "x-kubernetes-validations": [{
                "rule": "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
                "message": "name each namespace in full, for example clocked; wildcards are not supported",
            }],
        },
    })
}

/// A set of ARNs with IAM's wildcards. A pattern of fewer than six parts would never match anything. The longest ARN of a service has
/// 575 characters; how many there may be is what the server's budget for rules leaves.
pub(crate) fn arn_patterns(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "minItems": 1, "maxItems": 64, "x-kubernetes-list-type": "set",
        "items": {
            "type": "string", "maxLength": 600,
            "x-kubernetes-validations": [{
                "rule": "self.matches('^arn(:[^:]*){4}:.')",
                "message": "a resource must be an ARN of six parts, with * and ? as wildcards within a part: arn:aws:ecs:*:*:service/clocked-cluster/*",
            }],
        },
    })
}

/// `metav1.Condition` with the bounds that its Go type has (k8s.io/apimachinery `pkg/apis/meta/v1/types.go`).
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "maxItems": 16, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "description": "One aspect of the state of this object.",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "type": {
                    "type": "string", "maxLength": 316,
                    "pattern": r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
                    "description": "Which aspect: Ready, Stalled, Reconciling, and Synced or (of overrides) Active.",
                },
                "status": {
                    "type": "string", "enum": ["True", "False", "Unknown"],
                    "description": "Whether it holds.",
                },
                "observedGeneration": {
                    "type": "integer", "format": "int64", "minimum": 0,
                    "description": "The metadata.generation that the condition speaks of. Older than the object's: the condition is not about the present spec.",
                },
                "lastTransitionTime": {
                    "type": "string", "format": "date-time",
                    "description": "When status last changed.",
                },
                "reason": {
                    "type": "string", "minLength": 1, "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                    "description": "Why, in one CamelCase word for programs.",
                },
                "message": {
                    "type": "string", "maxLength": 32768,
                    "description": "Why, for a person: what happened, to what, and what to do next.",
                },
            },
        },
    })
}
