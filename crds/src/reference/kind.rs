//! The chapter of one kind.

use std::fmt::Write;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps,
};

use super::example::Example;
use super::schema::{self, Field};
use super::words::{self, anchor, code, prose};

/// Writes the chapter of a kind.
pub(super) fn write(text: &mut String, crd: &CustomResourceDefinition, example: &Example) {
    let kind = &crd.spec.names.kind;
    for version in crd.spec.versions.iter().filter(|version| version.served) {
        let Some(root) = schema::root(version) else { continue };
        line(text, &format!("\n<a id=\"{}\"></a>\n## {kind}\n", anchor(kind)));
        line(text, &prose(root.description.as_deref().unwrap_or_default()));
        names(text, crd, version);
        rules(text, root);
        line(text, &format!("\nAn example, from [{0}](../{0}):\n\n```yaml\n{1}```", example.path, example.text));
        columns(text, version.additional_printer_columns.as_deref().unwrap_or_default());
        for object in schema::objects(root) {
            let path = format!("{kind}.{}", object.path);
            line(text, &format!("\n<a id=\"{}\"></a>\n### {path}\n", anchor(&path)));
            line(text, &prose(object.schema.description.as_deref().unwrap_or_default()));
            // That of a field stands in the table of its object; spec and status are in no table.
            if let Some(default) = words::default(object.schema).filter(|_| !object.path.contains('.')) {
                line(text, &format!("\nUntil it is written: {default}."));
            }
            rules(text, object.schema);
            line(text, "\n| field | type | default | |\n|---|---|---|---|");
            for field in schema::fields(object.schema, &object.path) {
                row(text, kind, &field);
            }
        }
    }
}

fn names(text: &mut String, crd: &CustomResourceDefinition, version: &CustomResourceDefinitionVersion) {
    let names = &crd.spec.names;
    let listed = |words: &Option<Vec<String>>| {
        words.as_deref().unwrap_or_default().iter().map(|word| code(word)).collect::<Vec<_>>().join(", ")
    };
    line(text, "\n| | |\n|---|---|");
    line(text, &format!("| apiVersion | {} |", code(&format!("{}/{}", crd.spec.group, version.name))));
    line(text, &format!("| scope | {} |", crd.spec.scope));
    line(text, &format!("| resource | {} |", code(&names.plural)));
    line(text, &format!("| short name | {} |", listed(&names.short_names)));
    line(text, &format!("| categories | {} |", listed(&names.categories)));
    let Some(subresources) = &version.subresources else { return };
    if subresources.status.is_some() {
        line(text, "| subresource `status` | written by the operator alone |");
    }
    if let Some(scale) = &subresources.scale {
        let selector = scale.label_selector_path.as_deref().map(|path| format!(", selector {}", code(path)));
        line(
            text,
            &format!(
                "| subresource `scale` | sets {}, shows {}{} |",
                code(&scale.spec_replicas_path),
                code(&scale.status_replicas_path),
                selector.unwrap_or_default()
            ),
        );
    }
}

/// The rules of an object as a whole.
fn rules(text: &mut String, schema: &JSONSchemaProps) {
    let rules = words::rules(schema);
    if !rules.is_empty() {
        line(text, "");
    }
    for rule in rules {
        line(text, &format!("- {rule}"));
    }
}

fn columns(text: &mut String, columns: &[CustomResourceColumnDefinition]) {
    if columns.is_empty() {
        return;
    }
    line(text, "\n`kubectl get` shows, in *italics* with `-o wide` only:\n\n| column | of |\n|---|---|");
    for column in columns {
        let name = if column.priority.unwrap_or(0) > 0 { format!("*{}*", column.name) } else { column.name.clone() };
        line(text, &format!("| {name} | {} |", code(&column.json_path)));
    }
}

fn row(text: &mut String, kind: &str, field: &Field<'_>) {
    let (inner, suffix) = schema::innermost(field.schema);
    let address = anchor(&format!("{kind}.{}", field.path));
    // An object's fields have a table of their own, under the same address.
    let (mark, rules) = match inner.properties {
        Some(_) if suffix.is_empty() => (String::new(), Vec::new()),
        Some(_) => (String::new(), words::rules(field.schema)),
        None => (format!("<a id=\"{address}\"></a>"), words::rules(field.schema)),
    };
    let default = if field.required { Some("*required*".to_owned()) } else { words::default(field.schema) };
    let description = field.schema.description.as_deref().map(prose);
    let mut about: Vec<String> = description.into_iter().chain(words::bounds(field.schema)).collect();
    about = vec![about.join(" ")];
    about.extend(rules.iter().map(|rule| format!("– {rule}")));
    line(
        text,
        &format!(
            "| {mark}{} | {} | {} | {} |",
            code(field.name),
            words::type_(field.schema, &address),
            default.unwrap_or_default(),
            about.join("<br>")
        ),
    );
}

fn line(text: &mut String, line: &str) {
    let _ = writeln!(text, "{line}");
}
