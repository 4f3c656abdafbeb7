//! A Kubernetes API server in memory: as much of it as the operator relies on, and strict in that.
//!
//! Sources of its rules: Kubernetes documentation, "Kubernetes API Concepts" (resource versions, watches, bookmarks, streaming lists)
//! and "Extend the Kubernetes API with CustomResourceDefinitions" (status subresource, generation, finalizers).

pub mod address;
pub mod door;
pub mod failure;
pub mod kinds;
pub mod schema;
pub mod store;
pub mod verbs;
pub mod watch;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

pub use failure::Failure;
pub use kinds::Kind;
pub use store::Key;

use crate::journal::{ObjectKey, What};
use crate::process::Process;
use crate::stage::{Stage, lock};
use store::Store;
use verbs::Verbs;

/// The API server. Clones share one storage.
#[derive(Clone, Debug)]
pub struct ApiServer {
    stage: Arc<Stage>,
    store: Arc<Mutex<Store>>,
    weather: Arc<Mutex<Weather>>,
}

/// How well the server can be reached.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Until when every connection is refused.
    pub outage_until: Timestamp,
    /// Shortest and longest time in which a request reaches the server, and an answer the client, in milliseconds.
    pub latency: (u64, u64),
    /// Longest time by which an event of a watch is late, in milliseconds.
    pub watch_lag: u64,
}

impl ApiServer {
    /// An empty server.
    pub fn new(stage: Arc<Stage>) -> Self {
        let weather = Weather { outage_until: Timestamp::MIN, latency: (1, 10), watch_lag: 20 };
        Self { stage, store: Arc::default(), weather: Arc::new(Mutex::new(weather)) }
    }

    /// A client of one life of the operator. Needs a tokio runtime around it.
    pub fn client(&self, process: &Arc<Process>) -> kube::Client {
        kube::Client::new(door::Door { server: self.clone(), process: Arc::clone(process) }, "runbook-system")
    }

    /// Sets how well the server can be reached.
    pub fn set_weather(&self, change: impl FnOnce(&mut Weather)) {
        change(&mut lock(&self.weather));
    }

    /// How well the server can be reached.
    pub fn weather(&self) -> Weather {
        *lock(&self.weather)
    }

    /// Refuses every connection for a time, and ends those that are open.
    pub fn outage(&self, length: Duration) {
        let until = self.stage.now().checked_add(length).unwrap_or(Timestamp::MAX);
        self.set_weather(|weather| weather.outage_until = until);
        self.drop_watches();
    }

    /// Ends every open watch.
    pub fn drop_watches(&self) {
        lock(&self.store).drop_watches();
    }

    /// Forgets the past, as etcd does when it is compacted: a watch from an older resource version is answered with 410 Gone.
    pub fn compact(&self) {
        lock(&self.store).compact();
    }

    /// Stores an object as it is, past every check: what an older schema or a direct write to etcd left behind.
    pub fn put_raw(&self, kind: &'static Kind, object: Value) {
        let key = Key::of(kind, &object);
        lock(&self.store).write(kind, key.clone(), object);
        self.edited("stored raw", kind, &key);
    }

    /// Creates an object, as a person does.
    ///
    /// # Errors
    /// As the server answers.
    pub fn create(&self, kind: &'static Kind, object: Value) -> Result<Arc<Value>, Failure> {
        let created = self.verbs(|verbs| verbs.create(kind, object))?;
        self.edited("create", kind, &Key::of(kind, &created));
        Ok(created)
    }

    /// Changes an object, as a person does who reads, edits and writes it.
    ///
    /// # Errors
    /// As the server answers.
    pub fn edit(
        &self,
        kind: &'static Kind,
        key: &Key,
        act: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Arc<Value>, Failure> {
        let changed = self.verbs(|verbs| {
            let mut object = (*verbs.get(kind, key)?).clone();
            change(&mut object);
            verbs.replace(kind, key, object, false)
        })?;
        self.edited(act, kind, key);
        Ok(changed)
    }

    /// Deletes an object, as a person does.
    ///
    /// # Errors
    /// As the server answers.
    pub fn delete(&self, kind: &'static Kind, key: &Key) -> Result<(), Failure> {
        self.verbs(|verbs| verbs.delete(kind, key, &Value::Null))?;
        self.edited("delete", kind, key);
        Ok(())
    }

    /// Takes an object away past every check, finalizers among them: what the loss of etcd does.
    pub fn lose(&self, kind: &'static Kind, key: &Key) {
        lock(&self.store).remove(kind, key);
        self.edited("lost", kind, key);
    }

    /// An object as it is.
    pub fn get(&self, kind: &'static Kind, key: &Key) -> Option<Arc<Value>> {
        lock(&self.store).get(kind, key)
    }

    /// All objects of a kind, by namespace and name.
    pub fn list(&self, kind: &'static Kind) -> Vec<(Key, Arc<Value>)> {
        lock(&self.store).list(kind)
    }

    /// All objects of a kind, as the journal names them.
    pub fn snapshot(&self, kind: &'static Kind) -> Vec<(ObjectKey, Arc<Value>)> {
        self.list(kind).into_iter().map(|(key, object)| (key.object(kind), object)).collect()
    }

    fn verbs<T>(&self, work: impl FnOnce(&mut Verbs<'_>) -> T) -> T {
        work(&mut Verbs { store: &mut lock(&self.store), now: self.stage.now(), dice: self.stage.dice })
    }

    fn edited(&self, act: &str, kind: &'static Kind, key: &Key) {
        let state = self.get(kind, key);
        self.stage.journal.push(self.stage.now(), What::Edited { act: act.into(), object: key.object(kind), state });
    }
}
