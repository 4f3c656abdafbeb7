//! Objects, their history and those who watch them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::failure::Failure;
use super::kinds::Kind;
use crate::journal::ObjectKey;

/// Namespace (empty for cluster-scoped kinds) and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// One change, as a watch brings it.
#[derive(Clone, Debug)]
pub struct Event {
    /// The resource version that the change made.
    pub revision: u64,
    /// What happened.
    pub change: Change,
    /// To which object.
    pub key: Key,
    /// The object after the change; before it, for a deletion, with the deletion's resource version.
    pub object: Arc<Value>,
}

#[derive(Debug)]
struct Watcher {
    kind: &'static Kind,
    namespace: Option<String>,
    name: Option<String>,
    sender: UnboundedSender<Event>,
}

/// All objects, as etcd holds them.
#[derive(Debug, Default)]
pub struct Store {
    revision: u64,
    compacted: u64,
    created: u64,
    objects: BTreeMap<(&'static str, Key), Arc<Value>>,
    log: Vec<(&'static str, Event)>,
    watchers: Vec<Watcher>,
}

impl Key {
    /// The key of an object of a kind.
    pub fn of(kind: &Kind, object: &Value) -> Self {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let namespace = if kind.namespaced { text("/metadata/namespace") } else { String::new() };
        Self { namespace, name: text("/metadata/name") }
    }

    /// A key from its parts.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// As the journal names the object.
    pub fn object(&self, kind: &Kind) -> ObjectKey {
        ObjectKey { resource: kind.resource.into(), namespace: self.namespace.clone(), name: self.name.clone() }
    }
}

impl Change {
    /// The type of a watch event.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

impl Store {
    /// An object.
    pub fn get(&self, kind: &'static Kind, key: &Key) -> Option<Arc<Value>> {
        self.objects.get(&(kind.resource, key.clone())).cloned()
    }

    /// All objects of a kind, by namespace and name.
    pub fn list(&self, kind: &'static Kind) -> Vec<(Key, Arc<Value>)> {
        self.objects
            .iter()
            .filter(|((resource, _), _)| *resource == kind.resource)
            .map(|((_, key), object)| (key.clone(), Arc::clone(object)))
            .collect()
    }

    /// The resource version of the last change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// A number for each creation, for uids.
    pub fn next_creation(&mut self) -> u64 {
        self.created += 1;
        self.created
    }

    /// Writes an object with a new resource version and tells the watchers.
    pub fn write(&mut self, kind: &'static Kind, key: Key, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        set_revision(&mut object, self.revision);
        let object = Arc::new(object);
        let before = self.objects.insert((kind.resource, key.clone()), Arc::clone(&object));
        let change = if before.is_some() { Change::Modified } else { Change::Added };
        self.tell(kind, Event { revision: self.revision, change, key, object: Arc::clone(&object) });
        object
    }

    /// Removes an object and tells the watchers.
    pub fn remove(&mut self, kind: &'static Kind, key: &Key) -> Option<Arc<Value>> {
        let object = self.objects.remove(&(kind.resource, key.clone()))?;
        self.revision += 1;
        let mut last = (*object).clone();
        set_revision(&mut last, self.revision);
        let last = Arc::new(last);
        self.tell(
            kind,
            Event { revision: self.revision, change: Change::Deleted, key: key.clone(), object: Arc::clone(&last) },
        );
        Some(last)
    }

    /// Opens a watch of everything after `revision`.
    ///
    /// # Errors
    /// 410 when that is too long ago.
    pub fn watch(
        &mut self,
        kind: &'static Kind,
        namespace: Option<String>,
        name: Option<String>,
        revision: u64,
    ) -> Result<UnboundedReceiver<Event>, Failure> {
        if revision < self.compacted {
            return Err(Failure::gone(format!("too old resource version: {revision} ({})", self.compacted)));
        }
        let (sender, receiver) = unbounded_channel();
        let watcher = Watcher { kind, namespace, name, sender };
        for (resource, event) in &self.log {
            if *resource == kind.resource && event.revision > revision && watcher.wants(&event.key) {
                let _ = watcher.sender.send(event.clone());
            }
        }
        self.watchers.push(watcher);
        Ok(receiver)
    }

    /// Ends every open watch.
    pub fn drop_watches(&mut self) {
        self.watchers.clear();
    }

    /// Forgets the past.
    pub fn compact(&mut self) {
        self.compacted = self.revision;
        self.log.clear();
    }

    fn tell(&mut self, kind: &'static Kind, event: Event) {
        self.watchers.retain(|watcher| {
            if watcher.kind != kind || !watcher.wants(&event.key) {
                return !watcher.sender.is_closed();
            }
            watcher.sender.send(event.clone()).is_ok()
        });
        self.log.push((kind.resource, event));
    }
}

impl Watcher {
    fn wants(&self, key: &Key) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| *namespace == key.namespace)
            && self.name.as_ref().is_none_or(|name| *name == key.name)
    }
}

fn set_revision(object: &mut Value, revision: u64) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".into(), json!(revision.to_string()));
    }
}
