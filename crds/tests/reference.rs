//! The reference says everything that a CRD says, in words.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use runbook_api::{crd, reference};
use serde_json::Value;

fn directory() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference")
}

fn shipped() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(reference::PATH)).unwrap()
}

/// Every schema below `schema`, with its path.
fn walk(path: &str, schema: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), property, visit);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            walk(path, &schema[inner], visit);
        }
    }
}

fn each(visit: &mut dyn FnMut(&str, &Value)) {
    for crd in crd::all() {
        for version in &crd.spec.versions {
            let schema = serde_json::to_value(&version.schema).unwrap();
            walk(&crd.spec.names.kind, &schema["openAPIV3Schema"], visit);
        }
    }
}

/// A kind with one of each: run with `UPDATE_REFERENCE=1` to write what it looks like anew.
#[test]
fn a_kind_with_one_of_each() {
    let read = |name: &str| fs::read_to_string(directory().join(name)).unwrap();
    let crd: CustomResourceDefinition = serde_norway::from_str(&read("kind.yaml")).unwrap();
    let made = reference::markdown(&[crd], &[("examples/lamp.yaml".into(), read("example.yaml"))]).unwrap();
    if env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(directory().join("expected.md"), &made).unwrap();
    }
    assert_eq!(made, read("expected.md"));
}

#[test]
fn every_keyword_of_the_schemas_is_put_into_words() {
    let worded = [
        "additionalProperties",
        "default",
        "description",
        "enum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "pattern",
        "properties",
        "required",
        "type",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-validations",
    ];
    each(&mut |path, schema| {
        for keyword in schema.as_object().unwrap().keys() {
            assert!(worded.contains(&keyword.as_str()), "{path}: crds/src/reference does not know {keyword}");
        }
    });
}

#[test]
fn every_field_and_every_message_is_in_it_and_every_link_leads_somewhere() {
    let text = shipped();
    let anchors: Vec<&str> = text.split("<a id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(anchors.iter().collect::<BTreeSet<_>>().len(), anchors.len(), "an address is given once");
    let plain = text.replace('\\', "");
    let mut fields = 0;
    each(&mut |path, schema| {
        if path.contains('.') {
            fields += 1;
            assert!(anchors.contains(&path.to_lowercase().as_str()), "{path} is not in the reference");
        }
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let message = rule["message"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(plain.contains(&message.replace('\\', "")), "{path}: {message}");
        }
    });
    assert!(fields > 100, "{fields}");
    for link in text.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        assert!(anchors.contains(&link), "#{link} leads nowhere");
    }
}
