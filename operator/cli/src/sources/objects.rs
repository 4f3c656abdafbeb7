//! From documents to objects: ours are checked, others passed over.

use std::collections::{BTreeMap, BTreeSet};

use runbook_api::{
    AwsAccount, BackupPolicy, DatabaseBackup, DatabaseRestore, GROUP, ScalingOverride, ScalingPolicy, VERSION,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::files::Document;
use super::{Declared, Origin, Problem, Sourced};
use crate::cluster::Existing;
use crate::kinds::Subject;
use crate::schema::Schemas;

/// Sorts documents into objects, problems and notes.
pub fn sort(documents: Vec<Document>, schemas: &Schemas, namespace: &str, existing: &Existing) -> Declared {
    let mut sorting = Sorting { schemas, namespace, existing, declared: Declared::default(), seen: BTreeMap::new() };
    let mut passed_over: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for document in documents {
        match document {
            Err(problem) => sorting.declared.problems.push(problem),
            Ok((origin, value)) => {
                let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
                let (api_version, kind) = (text("apiVersion"), text("kind"));
                if kind.is_empty() || api_version.is_empty() {
                    let messages = vec!["has no apiVersion and kind: it is no object of Kubernetes".into()];
                    sorting.declared.problems.push(Problem { origin, subject: None, messages });
                } else if api_version.split('/').next() != Some(GROUP) {
                    passed_over.entry(origin.file).or_default().insert(kind);
                } else {
                    sorting.ours(origin, &api_version, &kind, value);
                }
            }
        }
    }
    let note = |(file, kinds): (String, BTreeSet<String>)| {
        let kinds: Vec<String> = kinds.into_iter().collect();
        format!("note: {file}: not of {GROUP} and passed over: {}", kinds.join(", "))
    };
    sorting.declared.notes = passed_over.into_iter().map(note).collect();
    sorting.declared
}

struct Sorting<'a> {
    schemas: &'a Schemas,
    namespace: &'a str,
    existing: &'a Existing,
    declared: Declared,
    seen: BTreeMap<Subject, Origin>,
}

impl Sorting<'_> {
    fn ours(&mut self, origin: Origin, api_version: &str, kind: &str, mut value: Value) {
        let problem = |origin, subject, messages| Problem { origin, subject, messages };
        let version = format!("{GROUP}/{VERSION}");
        let known = self.schemas.namespaced(kind).filter(|_| api_version == version);
        let Some((kind, namespaced)) = known else {
            let message = format!(
                "{api_version} {kind} is not known to this program: correct it, or use a newer kubectl-runbook (this one is {})",
                env!("CARGO_PKG_VERSION")
            );
            return self.declared.problems.push(problem(origin, None, vec![message]));
        };
        if namespaced && let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.entry("namespace").or_insert_with(|| self.namespace.into());
        }
        // Which name the API server will make of a generateName is not known; any stands for it.
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut)
            && let Some(prefix) = metadata.get("generateName").and_then(Value::as_str)
        {
            let name = format!("{prefix}new");
            metadata.entry("name").or_insert_with(|| name.into());
        }
        let of_metadata =
            |field: &str| value.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Value::as_str);
        let Some(name) = of_metadata("name").map(str::to_owned) else {
            let messages = vec![format!("{kind}: metadata.name: Required value")];
            return self.declared.problems.push(problem(origin, None, messages));
        };
        let namespace = of_metadata("namespace").filter(|_| namespaced).map(str::to_owned);
        let subject = Subject { kind, namespace, name };
        if let Some(first) = self.seen.insert(subject.clone(), origin.clone()) {
            let messages = vec![format!("is declared twice, first in {first}: remove one of the two")];
            return self.declared.problems.push(problem(origin, Some(subject), messages));
        }
        let mut messages = self.schemas.check(kind, &value, self.existing.object(&subject));
        if messages.is_empty() {
            let read = match kind {
                "AwsAccount" => read::<AwsAccount>(value).map(|object| {
                    self.declared.accounts.push(Sourced { origin: origin.clone(), object });
                }),
                "BackupPolicy" => read::<BackupPolicy>(value).map(|object| {
                    self.declared.backups.push(Sourced { origin: origin.clone(), object });
                }),
                "DatabaseBackup" => read::<DatabaseBackup>(value).map(|object| {
                    self.declared.database_backups.push(Sourced { origin: origin.clone(), object });
                }),
                "DatabaseRestore" => read::<DatabaseRestore>(value).map(|object| {
                    self.declared.database_restores.push(Sourced { origin: origin.clone(), object });
                }),
                "ScalingOverride" => read::<ScalingOverride>(value).map(|object| {
                    self.declared.overrides.push(Sourced { origin: origin.clone(), object });
                }),
                _ => read::<ScalingPolicy>(value).map(|object| {
                    self.declared.policies.push(Sourced { origin: origin.clone(), object });
                }),
            };
            messages.extend(read.err());
        }
        if !messages.is_empty() {
            self.declared.problems.push(problem(origin, Some(subject), messages));
        }
    }
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}
