//! The schemas of the CRDs, as the API server holds objects to them: what does not fit is refused, what is unknown is pruned.
//!
//! As much of OpenAPI v3 as the CRDs use but patterns and CEL, which the tests on a real API server see to.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::kinds::Kind;

static SCHEMAS: OnceLock<BTreeMap<String, Value>> = OnceLock::new();

/// The schema of a top-level field of a kind; none for kinds that are no CRDs.
pub fn of(kind: &Kind, field: &str) -> Option<&'static Value> {
    let schemas = SCHEMAS.get_or_init(|| {
        let crds = runbook_api::crd::all().into_iter();
        let named = crds.filter_map(|crd| {
            let schema =
                serde_json::to_value(crd.spec.versions.first()?.schema.as_ref()?.open_api_v3_schema.as_ref()?).ok()?;
            Some((crd.spec.names.plural, schema))
        });
        named.collect()
    });
    schemas.get(kind.resource)?.get("properties")?.get(field)
}

/// Prunes what the schema does not know and checks the rest.
///
/// # Errors
/// The field that does not fit, and why.
pub fn admit(schema: &Value, value: &mut Value, path: &str) -> Result<(), String> {
    if value.is_null() && schema.get("nullable").and_then(Value::as_bool) == Some(true) {
        return Ok(());
    }
    if schema.get("x-kubernetes-int-or-string").is_some() {
        return if value.is_i64() || value.is_string() {
            Ok(())
        } else {
            Err(format!("{path}: must be an integer or a string"))
        };
    }
    check_type(schema, value, path)?;
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        return Err(format!("{path}: Unsupported value: {value}"));
    }
    match value {
        Value::String(text) => within(schema, "Length", text.chars().count(), path),
        Value::Array(items) => {
            within(schema, "Items", items.len(), path)?;
            let Some(of) = schema.get("items") else { return Ok(()) };
            items.iter_mut().enumerate().try_for_each(|(index, item)| admit(of, item, &format!("{path}[{index}]")))
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
            if limit("minimum").is_some_and(|least| number < least)
                || limit("maximum").is_some_and(|most| number > most)
            {
                return Err(format!("{path}: Invalid value: {number}"));
            }
            Ok(())
        }
        Value::Object(fields) => admit_object(schema, fields, path),
        Value::Bool(_) | Value::Null => Ok(()),
    }
}

fn admit_object(schema: &Value, fields: &mut Map<String, Value>, path: &str) -> Result<(), String> {
    within(schema, "Properties", fields.len(), path)?;
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            return Err(format!("{path}.{name}: Required value"));
        }
    }
    if let Some(of) = schema.get("additionalProperties").filter(|of| of.is_object()) {
        return fields.iter_mut().try_for_each(|(name, value)| admit(of, value, &format!("{path}.{name}")));
    }
    let Some(known) = schema.get("properties").and_then(Value::as_object) else { return Ok(()) };
    if schema.get("x-kubernetes-preserve-unknown-fields").is_none() {
        fields.retain(|name, _| known.contains_key(name));
    }
    // A null where the schema allows none is dropped, as if the field had not been written.
    fields.retain(|name, value| !value.is_null() || known.get(name).is_some_and(|of| of.get("nullable").is_some()));
    fields.iter_mut().try_for_each(|(name, value)| match known.get(name) {
        Some(of) => admit(of, value, &format!("{path}.{name}")),
        None => Ok(()),
    })
}

fn check_type(schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let fits = match schema.get("type").and_then(Value::as_str) {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    if fits { Ok(()) } else { Err(format!("{path}: Invalid value: {value}: must be of type {}", schema["type"])) }
}

fn within(schema: &Value, what: &str, size: usize, path: &str) -> Result<(), String> {
    let limit = |prefix: &str| {
        schema.get(format!("{prefix}{what}")).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok())
    };
    if limit("min").is_some_and(|least| size < least) || limit("max").is_some_and(|most| size > most) {
        return Err(format!("{path}: {what} {size} is not allowed"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::kinds::SCALING_POLICY;
    use super::*;
    use serde_json::json;

    fn status(mut value: Value) -> Result<Value, String> {
        admit(of(SCALING_POLICY, "status").unwrap(), &mut value, "status").map(|()| value)
    }

    #[test]
    fn what_is_unknown_is_pruned_and_what_does_not_fit_is_refused() {
        assert_eq!(status(json!({"replicas": 1, "nonsense": true})), Ok(json!({"replicas": 1})));
        assert!(status(json!({"replicas": "one"})).unwrap_err().contains("status.replicas"));
        let act = json!({"time": "2026-01-01T00:00:00Z", "step": "S", "description": "x".repeat(513), "reason": "Drift", "outcome": "Succeeded"});
        assert!(status(json!({"history": [act]})).unwrap_err().contains("status.history[0].description"));
        assert!(status(json!({"conditions": [{"type": "Ready"}]})).unwrap_err().contains("Required value"));
    }
}
