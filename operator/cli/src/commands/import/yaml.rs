//! Objects as a person would write them: what is the default is left out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use runbook_api::crd;
use serde::Serialize;
use serde_json::Value as Json;
use serde_norway::Value;

use crate::errors::CliError;
use crate::schema::Schemas;

/// Documents that are written one after the other.
pub struct Yaml {
    schemas: Schemas,
    defaults: BTreeMap<String, Json>,
    text: String,
    counts: BTreeMap<&'static str, usize>,
}

impl Yaml {
    /// Nothing yet.
    pub fn new() -> Result<Self, CliError> {
        let schema =
            |crd: &k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition| {
                let version = crd.spec.versions.first()?;
                serde_json::to_value(version.schema.as_ref()?.open_api_v3_schema.as_ref()?).ok()
            };
        let defaults = crd::all().iter().filter_map(|crd| Some((crd.spec.names.kind.clone(), schema(crd)?))).collect();
        Ok(Self { schemas: Schemas::new()?, defaults, text: String::new(), counts: BTreeMap::new() })
    }

    /// Adds an object under comments, or says why the API server would not take it.
    ///
    /// # Errors
    /// When it cannot be written as YAML.
    pub fn add<T: Serialize>(
        &mut self,
        kind: &'static str,
        object: &T,
        comments: &[String],
    ) -> Result<Result<(), String>, CliError> {
        let failed = |error: String| CliError::Output { what: "an object", error };
        let whole = serde_json::to_value(object).map_err(|error| failed(error.to_string()))?;
        let problems = self.schemas.check(kind, &whole, None);
        if !problems.is_empty() {
            return Ok(Err(problems.join("; ")));
        }
        // YAML's own value keeps the order of the fields.
        let mut value = serde_norway::to_value(object).map_err(|error| failed(error.to_string()))?;
        if let Some(schema) = self.defaults.get(kind) {
            drop_defaults(schema, &mut value);
        }
        if !self.text.is_empty() {
            self.text.push_str("---\n");
        }
        for comment in comments {
            let _ = writeln!(self.text, "# {comment}");
        }
        self.text.push_str(&serde_norway::to_string(&value).map_err(|error| failed(error.to_string()))?);
        *self.counts.entry(kind).or_default() += 1;
        Ok(Ok(()))
    }

    /// How many objects of a kind were added.
    pub fn count(&self, kind: &str) -> usize {
        self.counts.get(kind).copied().unwrap_or_default()
    }

    /// All of it.
    pub fn text(self) -> String {
        self.text
    }
}

/// Takes out fields that say what the schema says when they are not there.
fn drop_defaults(schema: &Json, value: &mut Value) {
    match value {
        Value::Mapping(fields) => {
            let of = |name: &Value| name.as_str().map_or(&Json::Null, |name| &schema["properties"][name]);
            fields.retain(|name, value| {
                let default = &of(name)["default"];
                default.is_null() || serde_json::to_value(&*value).ok().as_ref() != Some(default)
            });
            for (name, value) in fields.iter_mut() {
                drop_defaults(of(name), value);
            }
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| drop_defaults(&schema["items"], item)),
        _ => {}
    }
}
