//! The CustomResourceDefinitions as they are shipped.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::{Number, Value, json};

use crate::{AwsAccount, BackupPolicy, DatabaseBackup, DatabaseRestore, ScalingOverride, ScalingPolicy};

/// How the files in `crds/yaml` and the reference in `docs/` are made.
pub const COMMAND: &str = "cargo run -p runbook-api --bin crdgen";

/// Every CRD of the group, in the order in which they are installed.
pub fn all() -> Vec<CustomResourceDefinition> {
    let all = [
        AwsAccount::crd(),
        BackupPolicy::crd(),
        DatabaseBackup::crd(),
        DatabaseRestore::crd(),
        ScalingOverride::crd(),
        ScalingPolicy::crd(),
    ];
    all.into_iter().map(tidy).collect()
}

/// Every CRD as a file: its name and its text, which are the same for the same types.
///
/// # Errors
/// When a CRD cannot be written as YAML.
pub fn files() -> Result<Vec<(String, String)>, serde_norway::Error> {
    all()
        .iter()
        .map(|crd| Ok((format!("{}.yaml", crd.metadata.name.as_deref().unwrap_or_default()), yaml(crd)?)))
        .collect()
}

/// A CRD as YAML, under a line that says where it comes from.
fn yaml(crd: &CustomResourceDefinition) -> Result<String, serde_norway::Error> {
    let mut value = serde_json::to_value(crd).map_err(<serde_norway::Error as serde::ser::Error>::custom)?;
    whole_numbers(&mut value);
    Ok(format!(
        "# Generated from the types in crds/src by `{COMMAND}`. Do not edit.\n{}",
        serde_norway::to_string(&value)?
    ))
}

/// What `status.observedGeneration` is before the operator has looked at an object.
pub const NOT_YET_OBSERVED: i64 = -1;

/// Takes out what the derive adds and no reader needs, and says how a status begins.
fn tidy(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            tidy_schema(schema);
            begin_status(schema);
        }
    }
    crd
}

/// To kstatus an object without a status is Current: a pipeline would take a new object for done before the operator has seen it.
fn begin_status(root: &mut JSONSchemaProps) {
    if let Some(status) = root.properties.as_mut().and_then(|properties| properties.get_mut("status")) {
        status.default = Some(JSON(json!({ "observedGeneration": NOT_YET_OBSERVED })));
    }
}

/// An optional field is one that may be left out. `nullable` would besides keep an explicit null, which `has()` in CEL then takes
/// for a value; without it the server prunes the null.
fn tidy_schema(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.title = None;
    schema.properties.iter_mut().flat_map(|properties| properties.values_mut()).for_each(tidy_schema);
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        tidy_schema(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        tidy_schema(values);
    }
}

/// Bounds are floats in the API's types (`5000.0`); in a file that people read and tools compare they are integers.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Number(number) => {
            let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15);
            #[allow(clippy::cast_possible_truncation)]
            if let Some(float) = float {
                *number = Number::from(float as i64);
            }
        }
        _ => {}
    }
}
