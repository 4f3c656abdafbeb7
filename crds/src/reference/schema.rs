//! What a schema says of its objects and their fields, as data.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinitionVersion, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// An object with fields of its own, somewhere in a kind.
pub(super) struct Object<'a> {
    /// From the root of the kind: `spec.autoscaling.targetTracking[]`.
    pub path: String,
    pub schema: &'a JSONSchemaProps,
}

/// A field of an object.
pub(super) struct Field<'a> {
    pub name: &'a str,
    /// From the root of the kind.
    pub path: String,
    pub schema: &'a JSONSchemaProps,
    pub required: bool,
}

/// The schema of a version.
pub(super) fn root(version: &CustomResourceDefinitionVersion) -> Option<&JSONSchemaProps> {
    version.schema.as_ref()?.open_api_v3_schema.as_ref()
}

/// The objects in a kind, each before those in it; not the root itself.
pub(super) fn objects(root: &JSONSchemaProps) -> Vec<Object<'_>> {
    let mut found = Vec::new();
    collect(root, "", &mut found);
    found
}

fn collect<'a>(schema: &'a JSONSchemaProps, path: &str, found: &mut Vec<Object<'a>>) {
    for field in fields(schema, path) {
        let (inner, suffix) = innermost(field.schema);
        if inner.properties.is_some() {
            let path = format!("{}{suffix}", field.path);
            found.push(Object { path: path.clone(), schema: inner });
            collect(inner, &path, found);
        }
    }
}

/// The fields of the object at `path`: those that must be set first, each in the order of the alphabet.
pub(super) fn fields<'a>(schema: &'a JSONSchemaProps, path: &str) -> Vec<Field<'a>> {
    let required = schema.required.as_deref().unwrap_or_default();
    let mut fields: Vec<_> = schema
        .properties
        .iter()
        .flatten()
        .map(|(name, schema)| Field {
            name,
            path: if path.is_empty() { name.clone() } else { format!("{path}.{name}") },
            schema,
            required: required.contains(name),
        })
        .collect();
    fields.sort_by_key(|field| !field.required);
    fields
}

/// What a list or a map is of, with the suffix that leads there (`[]`, `{}`); anything else is its own.
pub(super) fn innermost(schema: &JSONSchemaProps) -> (&JSONSchemaProps, String) {
    match element(schema) {
        Some((inner, step)) => {
            let (inner, rest) = innermost(inner);
            (inner, format!("{step}{rest}"))
        }
        None => (schema, String::new()),
    }
}

/// The items of a list, the values of a map.
pub(super) fn element(schema: &JSONSchemaProps) -> Option<(&JSONSchemaProps, &'static str)> {
    match (&schema.items, &schema.additional_properties) {
        (Some(JSONSchemaPropsOrArray::Schema(items)), _) => Some((&**items, "[]")),
        (_, Some(JSONSchemaPropsOrBool::Schema(values))) => Some((&**values, "{}")),
        _ => None,
    }
}
