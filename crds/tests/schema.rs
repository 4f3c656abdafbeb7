//! What holds for every field of every kind, so that no later field forgets it.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use runbook_api::{AwsAccountSpec, ScalingPolicySpec, crd};
use serde_json::{Value, json};

/// Every schema below `schema`, with its path: properties, items (`[]`) and values of maps (`{}`).
fn walk<'s>(path: &str, schema: &'s Value, visit: &mut dyn FnMut(&str, &'s Value)) {
    visit(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), property, visit);
    }
    if schema["items"].is_object() {
        walk(&format!("{path}[]"), &schema["items"], visit);
    }
    if schema["additionalProperties"].is_object() {
        walk(&format!("{path}{{}}"), &schema["additionalProperties"], visit);
    }
}

/// The paths at which `holds` does not hold, over all kinds.
fn violations(holds: impl Fn(&str, &Value) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for crd in crd::all() {
        walk(&crd.spec.names.kind, &schema(&crd), &mut |path, schema| {
            if !holds(path, schema) {
                found.push(path.to_owned());
            }
        });
    }
    found
}

fn schema(crd: &CustomResourceDefinition) -> Value {
    serde_json::to_value(crd.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap()).unwrap()
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn every_field_is_described() {
    // `kubectl explain` shows the description of an array or a map, not that of its items.
    let described = |path: &str, schema: &Value| {
        path.ends_with("[]")
            || path.ends_with("{}")
            || schema["description"].as_str().is_some_and(|text| text.len() > 3)
    };
    assert_eq!(violations(described), none());
}

#[test]
fn every_value_is_bounded() {
    let bounded = |_: &str, schema: &Value| match schema["type"].as_str() {
        Some("string") => {
            schema["maxLength"].is_number() || schema["enum"].is_array() || schema["format"] == json!("date-time")
        }
        Some("integer") => {
            schema["minimum"].is_number() && (schema["maximum"].is_number() || schema["format"].is_string())
        }
        Some("array") => schema["maxItems"].is_number(),
        Some("object") if schema["additionalProperties"].is_object() => schema["maxProperties"].is_number(),
        Some("object") => schema["properties"].is_object(),
        Some("boolean") => true,
        None => schema["x-kubernetes-int-or-string"] == json!(true) && schema["maxLength"].is_number(),
        Some(_) => false,
    };
    assert_eq!(violations(bounded), none());
}

#[test]
fn every_list_says_how_appliers_merge_it() {
    let said = |_: &str, schema: &Value| {
        schema["type"] != json!("array")
            || match schema["x-kubernetes-list-type"].as_str() {
                Some("atomic") => true,
                Some("set") => schema["items"]["type"] == json!("string"),
                Some("map") => {
                    let required = schema["items"]["required"].as_array().cloned().unwrap_or_default();
                    let keys = schema["x-kubernetes-list-map-keys"].as_array().cloned().unwrap_or_default();
                    !keys.is_empty() && keys.iter().all(|key| required.contains(key))
                }
                _ => false,
            }
    };
    assert_eq!(violations(said), none());
}

#[test]
fn no_field_takes_null_for_a_value() {
    assert_eq!(violations(|_, schema| schema["nullable"].is_null() && schema["title"].is_null()), none());
}

#[test]
fn every_rule_says_what_to_write() {
    let speaks = |_: &str, schema: &Value| {
        schema["x-kubernetes-validations"].as_array().into_iter().flatten().all(|rule| {
            // A pattern that a person meets comes with a rule, whose message is for people.
            rule["message"].as_str().is_some_and(|message| message.len() > 10) && rule["rule"].as_str().is_some()
        }) && (schema["pattern"].is_null() || schema["x-kubernetes-validations"].is_array())
    };
    let found = violations(|path, schema| path.contains(".status.") || speaks(path, schema));
    assert_eq!(found, none());
}

/// What the API server makes of an object: defaults filled in from the schema.
fn defaulted(schema: &Value, value: &mut Value) {
    if let (Some(properties), Some(fields)) = (schema["properties"].as_object(), value.as_object_mut()) {
        for (name, property) in properties {
            if !fields.contains_key(name) && !property["default"].is_null() {
                fields.insert(name.clone(), property["default"].clone());
            }
        }
        for (name, field) in fields {
            defaulted(&properties.get(name).cloned().unwrap_or_default(), field);
        }
    }
    if let Some(items) = value.as_array_mut() {
        items.iter_mut().for_each(|item| defaulted(&schema["items"], item));
    }
}

#[test]
fn the_server_and_the_operator_fill_in_the_same_defaults() {
    let crds: BTreeMap<String, Value> =
        crd::all().iter().map(|crd| (crd.spec.names.kind.clone(), schema(crd))).collect();
    let spec = |kind: &str| crds[kind]["properties"]["spec"].clone();

    let tracking = json!({"name": "cpu", "predefinedMetric": "ECSServiceAverageCPUUtilization", "targetValue": 60});
    let autoscaling = json!({"minCapacity": 1, "maxCapacity": 2, "suspended": {}, "targetTracking": [tracking]});
    let target = json!({"ecsService": {"cluster": "c", "service": "s"}});
    for minimal in [json!({"target": target, "autoscaling": autoscaling}), json!({"target": target, "replicas": 3})] {
        let parsed: ScalingPolicySpec = serde_json::from_value(minimal.clone()).unwrap();
        let mut by_server = minimal;
        defaulted(&spec("ScalingPolicy"), &mut by_server);
        assert_eq!(by_server, serde_json::to_value(parsed).unwrap());
    }

    let grant = json!({"namespaces": ["n"], "resources": ["arn:aws:ecs:*:*:service/*"]});
    let minimal =
        json!({"accountId": "123456789012", "regions": ["eu-central-1"], "mode": "Observe", "grants": [grant]});
    let parsed: AwsAccountSpec = serde_json::from_value(minimal.clone()).unwrap();
    let mut by_server = minimal;
    defaulted(&spec("AwsAccount"), &mut by_server);
    assert_eq!(by_server, serde_json::to_value(parsed).unwrap());
}

#[test]
fn the_scale_subresource_points_at_fields() {
    let crd = crd::all().into_iter().find(|crd| crd.spec.names.kind == "ScalingPolicy").unwrap();
    let schema = schema(&crd);
    let scale = crd.spec.versions[0].subresources.clone().unwrap().scale.unwrap();
    for path in [scale.spec_replicas_path, scale.status_replicas_path, scale.label_selector_path.unwrap()] {
        let pointer: String = path.split('.').skip(1).map(|name| format!("/properties/{name}")).collect();
        assert!(schema.pointer(&pointer).is_some(), "{path} is not in the schema");
    }
}

#[test]
fn a_status_begins_as_one_that_speaks_of_no_spec_yet() {
    for crd in crd::all() {
        let status = &schema(&crd)["properties"]["status"];
        assert_eq!(status["default"], json!({"observedGeneration": crd::NOT_YET_OBSERVED}), "{}", crd.spec.names.kind);
        assert_eq!(status["properties"]["observedGeneration"]["minimum"].as_f64(), Some(-1.0));
    }
}
