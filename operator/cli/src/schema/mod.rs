//! What the API server would say of an object: its schema (`structural`), then the rules in it (CEL, by `kube-cel`).

mod structural;

use std::collections::BTreeMap;

use kube_cel::{CompiledSchema, ErrorKind, Validator, compile_schema};
use runbook_api::crd;
use serde_json::Value;

use crate::errors::CliError;

/// The schemas of all kinds.
pub struct Schemas {
    kinds: BTreeMap<String, Kind>,
    validator: Validator,
}

struct Kind {
    name: &'static str,
    namespaced: bool,
    schema: Value,
    rules: CompiledSchema,
}

/// The kinds, in the order of their CRDs.
const KINDS: [&str; 6] =
    ["AwsAccount", "BackupPolicy", "DatabaseBackup", "DatabaseRestore", "ScalingOverride", "ScalingPolicy"];

impl Schemas {
    /// Those of the CRDs that this program was built with.
    ///
    /// # Errors
    /// When a CRD has no schema, which its tests refuse.
    pub fn new() -> Result<Self, CliError> {
        let mut kinds = BTreeMap::new();
        for (name, crd) in KINDS.into_iter().zip(crd::all()) {
            let schema =
                crd.spec.versions.iter().find_map(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref());
            let schema = serde_json::to_value(schema)
                .map_err(|error| CliError::Output { what: "a schema", error: error.to_string() })?;
            let rules = compile_schema(&schema);
            let kind = Kind { name, namespaced: crd.spec.scope == "Namespaced", schema, rules };
            kinds.insert(crd.spec.names.kind, kind);
        }
        Ok(Self { kinds, validator: Validator::new() })
    }

    /// A kind, and whether its objects are in namespaces; `None` when there is no such kind.
    pub fn namespaced(&self, kind: &str) -> Option<(&'static str, bool)> {
        self.kinds.get(kind).map(|kind| (kind.name, kind.namespaced))
    }

    /// What the API server would refuse `object` for, in its words where it has some; nothing when it would take it. `old` is the object
    /// as it exists, where that is known: some fields must not change.
    pub fn check(&self, kind: &str, object: &Value, old: Option<&Value>) -> Vec<String> {
        let Some(kind) = self.kinds.get(kind) else { return vec![format!("there is no kind {kind}")] };
        let mut object = object.clone();
        let mut problems = name(&object);
        // The status is the operator's, and ignored in what people apply.
        if let Some(fields) = object.as_object_mut() {
            fields.remove("status");
        }
        structural::drop_nulls(&mut object);
        problems.extend(structural::check(&kind.schema, &object));
        if !problems.is_empty() {
            return problems;
        }
        match self.validator.validate_compiled(&kind.rules, &object, old) {
            Ok(()) => Vec::new(),
            // What cannot be judged here is left to the server.
            Err(errors) => errors
                .into_vec()
                .into_iter()
                .filter(|error| error.kind != ErrorKind::UnsupportedReference)
                .map(|error| error.to_string())
                .collect(),
        }
    }
}

/// A name as Kubernetes takes it (`IsDNS1123Subdomain`).
fn name(object: &Value) -> Vec<String> {
    let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !label.is_empty() && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() <= 253 && name.split('.').all(label) {
        return Vec::new();
    }
    vec![format!(
        "metadata.name: Invalid value: {name:?}: write lower-case letters, digits, hyphens and dots, at most 253, beginning and ending with a \
         letter or digit"
    )]
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    fn policy(spec: Value) -> Value {
        json!({"apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingPolicy", "metadata": {"name": "app", "namespace": "clocked"}, "spec": spec})
    }

    fn target() -> Value {
        json!({"ecsService": {"cluster": "app", "service": "web"}})
    }

    #[test]
    fn every_kind_has_its_name_and_every_rule_can_be_judged_here() {
        let schemas = Schemas::new().unwrap();
        for (name, kind) in &schemas.kinds {
            assert_eq!(name, kind.name);
            assert!(!kind.rules.has_errors(), "{:?}", kind.rules.compilation_errors());
        }
        assert_eq!(schemas.kinds.len(), crd::all().len());
    }

    #[test]
    fn the_examples_are_good() {
        let schemas = Schemas::new().unwrap();
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let mut checked = 0;
        for file in ["clocked/account.yaml", "clocked/scaling.yaml", "schedules/scaling.yaml"] {
            let text = fs::read_to_string(directory.join(file)).unwrap();
            for document in serde_norway::Deserializer::from_str(&text) {
                let object = Value::deserialize(document).unwrap();
                assert_eq!(schemas.check(object["kind"].as_str().unwrap(), &object, None), Vec::<String>::new());
                checked += 1;
            }
        }
        assert_eq!(checked, 4);
    }

    #[test]
    fn rules_are_judged_with_their_messages() {
        let schemas = Schemas::new().unwrap();
        let check = |spec: Value| schemas.check("ScalingPolicy", &policy(spec), None).join("\n");
        assert!(check(json!({"target": target()})).contains("say how the service scales"));
        assert!(check(json!({"target": target(), "replicas": 0})).contains("allowZero: true"));
        assert_eq!(check(json!({"target": target(), "replicas": 0, "allowZero": true})), "");
        let twice = json!({"minCapacity": 1, "maxCapacity": 2, "targetTracking": [
            {"name": "a", "predefinedMetric": "ECSServiceAverageCPUUtilization", "targetValue": 60},
            {"name": "b", "predefinedMetric": "ECSServiceAverageCPUUtilization", "targetValue": 60}]});
        assert!(
            check(json!({"target": target(), "autoscaling": twice}))
                .contains("one target tracking policy for each metric")
        );
    }

    #[test]
    fn what_must_not_change_is_told_where_the_old_object_is_known() {
        let schemas = Schemas::new().unwrap();
        let old = policy(json!({"target": target(), "replicas": 1}));
        let new = policy(json!({"target": {"ecsService": {"cluster": "app", "service": "other"}}, "replicas": 1}));
        assert_eq!(schemas.check("ScalingPolicy", &new, None), Vec::<String>::new());
        assert!(schemas.check("ScalingPolicy", &new, Some(&old)).join("\n").contains("target cannot be changed"));
        assert_eq!(schemas.check("ScalingPolicy", &old, Some(&old)), Vec::<String>::new());
    }

    #[test]
    fn names_are_those_of_kubernetes() {
        for (name_, good) in
            [("app", true), ("a.b-c", true), ("App", false), ("-a", false), ("a..b", false), ("", false)]
        {
            assert_eq!(name(&json!({"metadata": {"name": name_}})).is_empty(), good, "{name_}");
        }
    }
}
