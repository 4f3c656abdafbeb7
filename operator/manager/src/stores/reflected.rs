//! All objects of one kind as the API server shows them, and what we wrote since.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use kube::core::{DeserializeGuard, error_boundary::InvalidObject};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Api, Resource, ResourceExt};
use runbook_core::deletion::is_abandoned;
use serde::de::DeserializeOwned;
use tracing::{debug, warn};

use super::fingerprint::{asks_for_more, is_as_new_as};
use crate::metrics::Metrics;

/// A kind that can be reflected.
pub trait Object: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static {
    /// Name of the kind.
    const KIND: &'static str;

    /// What this object has in common with its rivals: objects with the same key are found by it.
    fn key(&self) -> Option<String> {
        None
    }
}

/// Something that happened to an object. Changes of its status alone are none.
#[derive(Clone, Debug)]
pub enum Change<K: Resource> {
    /// It is new, or asks for something else than before.
    Applied(Arc<K>),
    /// It is gone.
    Deleted(Arc<K>),
    /// It cannot be read as an object of its kind.
    Malformed(Arc<InvalidObject>),
}

/// All objects of one kind.
pub struct Reflected<K: Object> {
    store: Store<K>,
    state: Mutex<State<K>>,
}

struct State<K: Object> {
    /// Objects as our own last write returned them, until the watch shows them.
    written: HashMap<ObjectRef<K>, Arc<K>>,
    malformed: HashMap<ObjectRef<K>, Arc<InvalidObject>>,
    rivals: HashMap<String, BTreeSet<(Option<String>, String)>>,
    subscribers: Vec<UnboundedSender<Change<K>>>,
}

impl<K: Object> Reflected<K> {
    /// An empty reflection, and what fills it.
    pub fn new() -> (Arc<Self>, Writer<K>) {
        let (store, writer) = reflector::store();
        let state = State {
            written: HashMap::new(),
            malformed: HashMap::new(),
            rivals: HashMap::new(),
            subscribers: Vec::new(),
        };
        (Arc::new(Self { store, state: Mutex::new(state) }), writer)
    }

    /// The objects as the watch shows them.
    pub fn store(&self) -> Store<K> {
        self.store.clone()
    }

    /// One object, as new as it is known.
    pub fn get(&self, reference: &ObjectRef<K>) -> Option<Arc<K>> {
        self.store.get(reference).map(|object| self.newest(object))
    }

    /// The object, or what our own last write made of it where that is newer.
    pub fn newest(&self, object: Arc<K>) -> Arc<K> {
        match self.state().written.get(&ObjectRef::from_obj(&*object)) {
            Some(written) if written.uid() == object.uid() && !is_as_new_as(&*object, &**written) => written.clone(),
            _ => object,
        }
    }

    /// Remembers what a write, or a read after a conflict, returned: nothing acts on a cache older than that.
    pub fn wrote(&self, object: Arc<K>) {
        let reference = ObjectRef::from_obj(&*object);
        let mut state = self.state();
        match self.store.get(&reference) {
            Some(shown) if !is_as_new_as(&*shown, &*object) => {
                state.written.insert(reference, object);
            }
            _ => {
                state.written.remove(&reference);
            }
        }
    }

    /// Why an object cannot be read, where it cannot.
    pub fn malformed(&self, reference: &ObjectRef<K>) -> Option<Arc<InvalidObject>> {
        self.state().malformed.get(reference).cloned()
    }

    /// The names of a namespace's objects that cannot be read.
    pub fn malformed_in(&self, namespace: &str) -> Vec<String> {
        let state = self.state();
        let of_namespace = state.malformed.keys().filter(|one| one.namespace.as_deref() == Some(namespace));
        of_namespace.map(|one| one.name.clone()).collect()
    }

    /// How many objects cannot be read.
    pub fn malformed_count(&self) -> usize {
        self.state().malformed.len()
    }

    /// Objects with the same key, as new as they are known, but not `object` itself.
    pub fn rivals(&self, object: &K) -> Vec<Arc<K>> {
        let Some(key) = object.key() else { return Vec::new() };
        let own = (object.namespace(), object.name_any());
        let references: Vec<ObjectRef<K>> = match self.state().rivals.get(&key) {
            None => return Vec::new(),
            Some(rivals) => rivals.iter().filter(|rival| **rival != own).map(reference).collect(),
        };
        references.iter().filter_map(|reference| self.get(reference)).collect()
    }

    /// Objects with this key, as new as they are known.
    pub fn of_key(&self, key: &str) -> Vec<Arc<K>> {
        let references: Vec<ObjectRef<K>> = self.state().rivals.get(key).into_iter().flatten().map(reference).collect();
        references.iter().filter_map(|reference| self.get(reference)).collect()
    }

    /// What there is now, and what changes from now on.
    pub fn subscribe(&self) -> (Vec<Change<K>>, UnboundedReceiver<Change<K>>) {
        let (sender, receiver) = unbounded();
        let mut state = self.state();
        state.subscribers.push(sender);
        let malformed = state.malformed.values().cloned().map(Change::Malformed);
        let present = self.store.state().into_iter().map(Change::Applied).chain(malformed).collect();
        (present, receiver)
    }

    /// Watches the API server for ever.
    pub async fn watch(&self, api: Api<DeserializeGuard<K>>, mut writer: Writer<K>, metrics: &Metrics) {
        let mut events = watcher(api, watcher::Config::default()).default_backoff().boxed();
        let mut listed = HashMap::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => self.apply(event, &mut writer, &mut listed),
                Err(error) => {
                    metrics.watch_failed(K::KIND);
                    warn!(kind = K::KIND, %error, "the watch failed and is begun again");
                }
            }
        }
    }

    pub(super) fn apply(
        &self,
        event: Event<DeserializeGuard<K>>,
        writer: &mut Writer<K>,
        listed: &mut HashMap<ObjectRef<K>, Arc<InvalidObject>>,
    ) {
        match event {
            Event::Init => {
                listed.clear();
                writer.apply_watcher_event(&Event::Init);
            }
            Event::InitApply(DeserializeGuard(Ok(object))) => {
                writer.apply_watcher_event(&Event::InitApply(slim(object)))
            }
            Event::InitApply(DeserializeGuard(Err(invalid))) => {
                listed.insert(named(&invalid), Arc::new(invalid));
            }
            Event::InitDone => self.relisted(writer, std::mem::take(listed)),
            Event::Apply(DeserializeGuard(Ok(object))) => self.applied(writer, slim(object)),
            Event::Apply(DeserializeGuard(Err(invalid))) => self.unreadable(writer, invalid),
            Event::Delete(DeserializeGuard(object)) => {
                let reference = match &object {
                    Ok(object) => ObjectRef::from_obj(object),
                    Err(invalid) => named(invalid),
                };
                let known = self.store.get(&reference).or_else(|| object.ok().map(Arc::new));
                self.deleted(writer, &reference, known);
            }
        }
    }

    fn applied(&self, writer: &mut Writer<K>, object: K) {
        let reference = ObjectRef::from_obj(&object);
        let before = self.store.get(&reference);
        writer.apply_watcher_event(&Event::Apply(object.clone()));
        let object = Arc::new(object);
        let mut state = self.state();
        if state.written.get(&reference).is_some_and(|written| is_as_new_as(&*object, &**written)) {
            state.written.remove(&reference);
        }
        let readable_again = state.malformed.remove(&reference).is_some();
        state.index(before.as_deref(), Some(&object));
        if readable_again || before.is_none_or(|before| asks_for_more(&*before, &*object)) {
            state.tell(&Change::Applied(object));
        }
    }

    fn unreadable(&self, writer: &mut Writer<K>, invalid: InvalidObject) {
        let reference = named(&invalid);
        debug!(kind = K::KIND, object = %reference, "malformed");
        let known = self.store.get(&reference);
        if let Some(known) = &known {
            // What it asked for before no longer holds.
            writer.apply_watcher_event(&Event::Delete((**known).clone()));
        }
        let mut state = self.state();
        state.index(known.as_deref(), None);
        state.written.remove(&reference);
        let invalid = Arc::new(invalid);
        let before = state.malformed.insert(reference, invalid.clone());
        let same = |before: &InvalidObject| {
            before.error == invalid.error
                && before.metadata.generation == invalid.metadata.generation
                && before.metadata.deletion_timestamp == invalid.metadata.deletion_timestamp
                && is_abandoned(&before.metadata) == is_abandoned(&invalid.metadata)
        };
        if before.is_none_or(|before| !same(&before)) {
            state.tell(&Change::Malformed(invalid));
        }
        if let Some(known) = known {
            state.tell(&Change::Deleted(known));
        }
    }

    fn deleted(&self, writer: &mut Writer<K>, reference: &ObjectRef<K>, known: Option<Arc<K>>) {
        let mut state = self.state();
        state.malformed.remove(reference);
        state.written.remove(reference);
        if let Some(known) = known {
            writer.apply_watcher_event(&Event::Delete((*known).clone()));
            state.index(Some(&known), None);
            state.tell(&Change::Deleted(known));
        }
    }

    /// After a list: everything that changed unseen.
    fn relisted(&self, writer: &mut Writer<K>, malformed: HashMap<ObjectRef<K>, Arc<InvalidObject>>) {
        let mut before: HashMap<ObjectRef<K>, Arc<K>> =
            self.store.state().into_iter().map(|object| (ObjectRef::from_obj(&*object), object)).collect();
        // Held throughout, so that a subscriber sees either all of it as present or all of it as changes.
        let mut state = self.state();
        writer.apply_watcher_event(&Event::InitDone);
        for object in self.store.state() {
            let reference = ObjectRef::from_obj(&*object);
            let known = before.remove(&reference);
            if state.written.get(&reference).is_some_and(|written| is_as_new_as(&*object, &**written)) {
                state.written.remove(&reference);
            }
            state.index(known.as_deref(), Some(&object));
            if known.is_none_or(|known| asks_for_more(&*known, &*object)) {
                state.tell(&Change::Applied(object));
            }
        }
        for (reference, gone) in before {
            state.written.remove(&reference);
            state.index(Some(&gone), None);
            state.tell(&Change::Deleted(gone));
        }
        for invalid in malformed.values() {
            state.tell(&Change::Malformed(invalid.clone()));
        }
        state.malformed = malformed;
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Object> State<K> {
    fn tell(&mut self, change: &Change<K>) {
        self.subscribers.retain(|subscriber| subscriber.unbounded_send(change.clone()).is_ok());
    }

    fn index(&mut self, before: Option<&K>, after: Option<&K>) {
        let place = |object: &K| (object.namespace(), object.name_any());
        if let Some((before, key)) = before.and_then(|before| before.key().map(|key| (before, key)))
            && let Some(rivals) = self.rivals.get_mut(&key)
        {
            rivals.remove(&place(before));
            if rivals.is_empty() {
                self.rivals.remove(&key);
            }
        }
        if let Some((after, key)) = after.and_then(|after| after.key().map(|key| (after, key))) {
            self.rivals.entry(key).or_default().insert(place(after));
        }
    }
}

fn reference<K: Object>((namespace, name): &(Option<String>, String)) -> ObjectRef<K> {
    let reference = ObjectRef::new(name);
    match namespace {
        Some(namespace) => reference.within(namespace),
        None => reference,
    }
}

fn named<K: Object>(invalid: &InvalidObject) -> ObjectRef<K> {
    reference(&(invalid.metadata.namespace.clone(), invalid.metadata.name.clone().unwrap_or_default()))
}

/// The object without what nobody here reads and every object carries.
fn slim<K: Object>(mut object: K) -> K {
    object.meta_mut().managed_fields = None;
    object.annotations_mut().remove("kubectl.kubernetes.io/last-applied-configuration");
    object
}
