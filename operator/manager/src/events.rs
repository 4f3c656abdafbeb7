//! Kubernetes events: best effort, and never in the way of a reconcile.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use runbook_core::report::Act;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tracing::debug;

/// Events that may wait; more are dropped, because history and audit log have them too.
const QUEUE: usize = 512;
/// Things about which the last note is remembered.
const REMEMBERED: usize = 1000;
/// Longest note in bytes; the API server refuses more than 1 kB.
const LONGEST_NOTE: usize = 1000;

/// Takes events.
#[derive(Clone)]
pub struct Events {
    sender: Sender<(Event, ObjectReference)>,
}

/// What an event is about, but for its note: uid, action and reason.
type Subject = (Option<String>, String, String);

/// Publishes the events that were taken.
pub struct Publisher {
    client: Client,
    reporter: Reporter,
    receiver: Receiver<(Event, ObjectReference)>,
    /// The last note about each thing, and the recorder that merges its repetitions.
    recorders: HashMap<Subject, (Option<String>, Recorder)>,
}

impl Events {
    /// Events reported by this instance, and what publishes them.
    pub fn new(client: Client, instance: &str) -> (Self, Publisher) {
        let (sender, receiver) = channel(QUEUE);
        let reporter = Reporter { controller: "runbook-operator".into(), instance: Some(instance.into()) };
        (Self { sender }, Publisher { client, reporter, receiver, recorders: HashMap::new() })
    }

    /// A step was made or tried. The step is the event's action.
    pub fn act(&self, about: ObjectReference, act: &Act) {
        let (type_, note) = match &act.result {
            Ok(_) => (EventType::Normal, act.step.to_string()),
            Err(error) => (EventType::Warning, format!("{}: {error}", act.step)),
        };
        self.take(type_, &act.reason, act.step.name(), note, about);
    }

    /// A person must act.
    pub fn stalled(&self, about: ObjectReference, reason: &str, message: &str) {
        self.take(EventType::Warning, reason, "Stalled", message.into(), about);
    }

    /// A person need no longer act.
    pub fn recovered(&self, about: ObjectReference) {
        self.take(EventType::Normal, "Recovered", "Recovered", "no person need act any more".into(), about);
    }

    /// An object that is being deleted goes, and something stays in AWS.
    pub fn left_behind(&self, about: ObjectReference, reason: &str, message: &str) {
        self.take(EventType::Warning, reason, "Released", message.into(), about);
    }

    fn take(&self, type_: EventType, reason: &str, action: &str, note: String, about: ObjectReference) {
        let note = note[..note.floor_char_boundary(LONGEST_NOTE)].to_owned();
        let event = Event { type_, reason: reason.into(), note: Some(note), action: action.into(), secondary: None };
        if self.sender.try_send((event, about)).is_err() {
            debug!("an event was dropped: too many wait");
        }
    }
}

impl Publisher {
    /// Publishes until every [`Events`] is gone.
    pub async fn run(mut self) {
        while let Some((event, about)) = self.receiver.recv().await {
            let recorder = self.recorder(&event, &about);
            if let Err(error) = recorder.publish(&event, &about).await {
                debug!(%error, "an event could not be published");
            }
        }
    }

    /// A recorder merges events that differ in their note alone, and keeps the first note: a new note gets a new recorder, so
    /// that only what is said again is counted rather than said.
    fn recorder(&mut self, event: &Event, about: &ObjectReference) -> Recorder {
        if self.recorders.len() >= REMEMBERED {
            self.recorders.clear();
        }
        let key = (about.uid.clone(), event.action.clone(), event.reason.clone());
        match self.recorders.get(&key) {
            Some((note, recorder)) if *note == event.note => recorder.clone(),
            _ => {
                let recorder = Recorder::new(self.client.clone(), self.reporter.clone());
                self.recorders.insert(key, (event.note.clone(), recorder.clone()));
                recorder
            }
        }
    }
}
