//! Create, replace, patch and delete, by the API server's rules.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::kinds::Kind;
use super::schema;
use super::store::{Key, Store};
use crate::dice::Dice;

/// The verbs, at one moment.
#[derive(Debug)]
pub struct Verbs<'s> {
    /// The objects.
    pub store: &'s mut Store,
    /// The time.
    pub now: Timestamp,
    /// Chance, for uids.
    pub dice: Dice,
}

impl Verbs<'_> {
    /// Reads an object.
    ///
    /// # Errors
    /// 404.
    pub fn get(&self, kind: &'static Kind, key: &Key) -> Result<Arc<Value>, Failure> {
        self.store.get(kind, key).ok_or_else(|| Failure::not_found(&name_of(kind, key)))
    }

    /// Creates an object. A status that comes along is dropped where the kind has the status subresource.
    ///
    /// # Errors
    /// 409 when the name is taken, 422 without a name.
    pub fn create(&mut self, kind: &'static Kind, mut object: Value) -> Result<Arc<Value>, Failure> {
        check_type(kind, &object)?;
        let key = Key::of(kind, &object);
        if key.name.is_empty() || (kind.namespaced && key.namespace.is_empty()) {
            return Err(Failure::invalid(kind.kind, "metadata.name: Required value: name and namespace are required"));
        }
        if self.store.get(kind, &key).is_some() {
            return Err(Failure::already_exists(&name_of(kind, &key)));
        }
        if metadata(&object, "resourceVersion").is_some() {
            return Err(Failure::bad_request("resourceVersion should not be set on objects to be created"));
        }
        admit(kind, &key, "spec", &mut object)?;
        let creation = self.store.next_creation();
        let uid = self.dice.nth("uid", creation).u128(..);
        if kind.status {
            remove(&mut object, "status");
        }
        let metadata = metadata_mut(&mut object)?;
        metadata.insert("uid".into(), json!(uuid(uid)));
        metadata.insert("creationTimestamp".into(), json!(whole_seconds(self.now)));
        metadata.remove("deletionTimestamp");
        if kind.generation {
            metadata.insert("generation".into(), json!(1));
        }
        Ok(self.store.write(kind, key, object))
    }

    /// Replaces an object, or only its status.
    ///
    /// # Errors
    /// 404; 409 when it changed in the meantime; 422 without a resource version where the kind wants one.
    pub fn replace(
        &mut self,
        kind: &'static Kind,
        key: &Key,
        object: Value,
        status: bool,
    ) -> Result<Arc<Value>, Failure> {
        check_type(kind, &object)?;
        let current = self.get(kind, key)?;
        if metadata(&object, "resourceVersion").and_then(Value::as_str).is_none_or(str::is_empty) && !kind.unconditional
        {
            let why = "metadata.resourceVersion: Invalid value: 0: must be specified for an update";
            return Err(Failure::invalid(&name_of(kind, key), why));
        }
        self.update(kind, key, &current, object, status)
    }

    /// Merges a patch (RFC 7386) into an object, or only into its status.
    ///
    /// # Errors
    /// As [`Verbs::replace`].
    pub fn merge(
        &mut self,
        kind: &'static Kind,
        key: &Key,
        patch: &Value,
        status: bool,
    ) -> Result<Arc<Value>, Failure> {
        let current = self.get(kind, key)?;
        let mut object = (*current).clone();
        json_patch::merge(&mut object, patch);
        self.update(kind, key, &current, object, status)
    }

    /// Applies a JSON patch (RFC 6902) to an object, or only to its status.
    ///
    /// # Errors
    /// As [`Verbs::replace`], and 422 when the patch does not fit.
    pub fn json_patch(
        &mut self,
        kind: &'static Kind,
        key: &Key,
        patch: &Value,
        status: bool,
    ) -> Result<Arc<Value>, Failure> {
        let current = self.get(kind, key)?;
        let mut object = (*current).clone();
        let patch: json_patch::Patch =
            serde_json::from_value(patch.clone()).map_err(|error| Failure::bad_request(error.to_string()))?;
        json_patch::patch(&mut object, &patch)
            .map_err(|error| Failure::invalid(&name_of(kind, key), &error.to_string()))?;
        self.update(kind, key, &current, object, status)
    }

    /// Deletes an object, or marks it where finalizers hold it.
    ///
    /// # Errors
    /// 404; 409 when `options.preconditions` do not hold.
    pub fn delete(&mut self, kind: &'static Kind, key: &Key, options: &Value) -> Result<Arc<Value>, Failure> {
        let current = self.get(kind, key)?;
        for field in ["uid", "resourceVersion"] {
            let wanted = options.pointer(&format!("/preconditions/{field}")).filter(|value| !value.is_null());
            if wanted.is_some() && wanted != metadata(&current, field) {
                return Err(Failure::conflict(&name_of(kind, key)));
            }
        }
        if !has_finalizers(&current) {
            return self.store.remove(kind, key).ok_or_else(|| Failure::not_found(&name_of(kind, key)));
        }
        if metadata(&current, "deletionTimestamp").is_some() {
            return Ok(current);
        }
        let mut object = (*current).clone();
        let generation = metadata(&object, "generation").and_then(Value::as_i64);
        let metadata = metadata_mut(&mut object)?;
        metadata.insert("deletionTimestamp".into(), json!(whole_seconds(self.now)));
        metadata.insert("deletionGracePeriodSeconds".into(), json!(0));
        if let Some(generation) = generation {
            metadata.insert("generation".into(), json!(generation + 1));
        }
        Ok(self.store.write(kind, key.clone(), object))
    }

    /// What all updates have in common: preconditions, what a client may not change, the generation, and no write without a change.
    fn update(
        &mut self,
        kind: &'static Kind,
        key: &Key,
        current: &Arc<Value>,
        mut object: Value,
        status: bool,
    ) -> Result<Arc<Value>, Failure> {
        for field in ["resourceVersion", "uid"] {
            let given = metadata(&object, field).filter(|value| value.as_str().is_some_and(|text| !text.is_empty()));
            if given.is_some() && given != metadata(current, field) {
                return Err(Failure::conflict(&name_of(kind, key)));
            }
        }
        if Key::of(kind, &object) != *key {
            return Err(Failure::bad_request("the name of the object does not match the name on the URL"));
        }
        if status {
            // Custom resources: a write of the status changes nothing else, not even labels.
            admit(kind, key, "status", &mut object)?;
            let new = object.get("status").cloned();
            object = (**current).clone();
            put(&mut object, "status", new);
        } else {
            // What did not change is not held against an object: CRD validation ratcheting.
            if object.get("spec") != current.get("spec") {
                admit(kind, key, "spec", &mut object)?;
            }
            if kind.status {
                put(&mut object, "status", current.get("status").cloned());
            }
            self.keep_server_fields(kind, current, &mut object)?;
        }
        if object == **current {
            return Ok(Arc::clone(current));
        }
        if metadata(&object, "deletionTimestamp").is_some() && !has_finalizers(&object) {
            return self.store.remove(kind, key).ok_or_else(|| Failure::not_found(&name_of(kind, key)));
        }
        Ok(self.store.write(kind, key.clone(), object))
    }

    fn keep_server_fields(&self, kind: &Kind, current: &Value, object: &mut Value) -> Result<(), Failure> {
        let generation = metadata(current, "generation").and_then(Value::as_i64).unwrap_or(1);
        let changed = content(current) != content(object);
        let metadata_now = metadata_mut(object)?;
        for field in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "resourceVersion",
            "generation",
        ] {
            match metadata(current, field) {
                Some(value) => metadata_now.insert(field.into(), value.clone()),
                None => metadata_now.remove(field),
            };
        }
        if kind.generation && changed {
            metadata_now.insert("generation".into(), json!(generation + 1));
        }
        Ok(())
    }
}

/// Holds a top-level field to the kind's schema.
fn admit(kind: &Kind, key: &Key, field: &str, object: &mut Value) -> Result<(), Failure> {
    match (schema::of(kind, field), object.get_mut(field)) {
        (Some(of), Some(value)) => {
            schema::admit(of, value, field).map_err(|why| Failure::invalid(&name_of(kind, key), &why))
        }
        _ => Ok(()),
    }
}

/// What the generation counts changes of: everything but metadata and status.
fn content(object: &Value) -> Vec<(&String, &Value)> {
    let fields = object.as_object().into_iter().flatten();
    fields.filter(|(name, _)| *name != "metadata" && *name != "status").collect()
}

/// A field of an object's metadata.
pub fn metadata<'o>(object: &'o Value, field: &str) -> Option<&'o Value> {
    object.get("metadata").and_then(|metadata| metadata.get(field)).filter(|value| !value.is_null())
}

fn metadata_mut(object: &mut Value) -> Result<&mut Map<String, Value>, Failure> {
    object
        .get_mut("metadata")
        .and_then(Value::as_object_mut)
        .ok_or_else(|| Failure::bad_request("the object has no metadata"))
}

fn has_finalizers(object: &Value) -> bool {
    metadata(object, "finalizers").and_then(Value::as_array).is_some_and(|finalizers| !finalizers.is_empty())
}

fn remove(object: &mut Value, field: &str) {
    put(object, field, None);
}

fn put(object: &mut Value, field: &str, value: Option<Value>) {
    let Some(fields) = object.as_object_mut() else { return };
    match value {
        Some(value) => fields.insert(field.into(), value),
        None => fields.remove(field),
    };
}

fn check_type(kind: &Kind, object: &Value) -> Result<(), Failure> {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    if text("apiVersion") != kind.api_version() || text("kind") != kind.kind {
        return Err(Failure::bad_request(format!(
            "the object provided is unrecognized: {} {} is not {} {}",
            text("apiVersion"),
            text("kind"),
            kind.api_version(),
            kind.kind
        )));
    }
    Ok(())
}

fn name_of(kind: &Kind, key: &Key) -> String {
    let group = if kind.group.is_empty() { String::new() } else { format!(".{}", kind.group) };
    format!("{}{group} \"{}\"", kind.resource, key.name)
}

/// `metav1.Time` has whole seconds.
fn whole_seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

fn uuid(number: u128) -> String {
    let hex = format!("{number:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
