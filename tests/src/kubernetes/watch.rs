//! Watches: a stream of lines that may be late, end, or lead to 410 Gone.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use http_body::Frame;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::ApiServer;
use super::address::Address;
use super::failure::Failure;
use super::kinds::Kind;
use super::store::{Change, Event, Key};
use crate::journal::What;
use crate::process::Process;
use crate::stage::lock;

/// How often an open watch gets a bookmark. The real server sends one about once a minute.
const BOOKMARK: Duration = Duration::from_secs(60);
/// What the server gives a watch that names no `timeoutSeconds`; the real one takes 30 to 60 minutes.
const LONGEST: u64 = 1800;

/// The stream of one watch.
struct Watch {
    server: ApiServer,
    process: Arc<Process>,
    kind: &'static Kind,
    receiver: UnboundedReceiver<Event>,
    initial: std::vec::IntoIter<(Key, Arc<Value>)>,
    /// Set until the bookmark that ends the initial events was sent.
    initial_end: bool,
    bookmarks: bool,
    sent: u64,
    revision: u64,
    ends: Instant,
    rng: fastrand::Rng,
    ready_at: Timestamp,
}

/// Opens a watch.
///
/// # Errors
/// 400 for parameters that the fake server does not know. (410 for a resource version that is too old comes as an event.)
pub fn open(
    server: &ApiServer,
    process: &Arc<Process>,
    address: &Address,
    nth: u64,
) -> Result<impl Stream<Item = Result<Frame<Bytes>, Infallible>> + use<>, Failure> {
    let name = match &address.name {
        Some(name) => Some(name.clone()),
        None => address.selected_name()?,
    };
    let asked = address.parameter("resourceVersion").unwrap_or_default();
    let send_initial = address.flag("sendInitialEvents");
    let mut store = lock(&server.store);
    let from_now = matches!(asked, "" | "0") || send_initial;
    let revision = if from_now {
        store.revision()
    } else {
        asked.parse().map_err(|_| Failure::bad_request(format!("invalid resource version {asked}")))?
    };
    let receiver = match store.watch(address.kind, address.namespace.clone(), name.clone(), revision) {
        Ok(receiver) => receiver,
        // As the watch cache does: the watch begins, and its first event is the error.
        Err(gone) => {
            let event = line("ERROR", &gone.status());
            return Ok(stream::iter([Ok(Frame::data(event))]).left_stream());
        }
    };
    let initial: Vec<_> = if from_now {
        let wanted = |key: &Key| {
            address.namespace.as_ref().is_none_or(|namespace| *namespace == key.namespace)
                && name.as_ref().is_none_or(|name| *name == key.name)
        };
        store.list(address.kind).into_iter().filter(|(key, _)| wanted(key)).collect()
    } else {
        Vec::new()
    };
    drop(store);
    let seconds =
        address.parameter("timeoutSeconds").and_then(|text| text.parse().ok()).filter(|n| *n > 0).unwrap_or(LONGEST);
    let watch = Watch {
        server: server.clone(),
        process: Arc::clone(process),
        kind: address.kind,
        receiver,
        initial: initial.into_iter(),
        initial_end: send_initial,
        bookmarks: address.flag("allowWatchBookmarks"),
        sent: 0,
        revision,
        ends: Instant::now() + Duration::from_secs(seconds),
        rng: process.stage.dice.nth(&format!("watch {} {}", process.number, address.kind.resource), nth),
        ready_at: process.stage.now(),
    };
    Ok(stream::unfold(watch, Watch::next).map(|line| Ok(Frame::data(line))).right_stream())
}

impl Watch {
    async fn next(mut self) -> Option<(Bytes, Self)> {
        self.process.proceed().await;
        if let Some((key, object)) = self.initial.next() {
            self.learn(&key, Some(&object));
            let line = line(Change::Added.as_str(), &object);
            return Some((line, self));
        }
        if std::mem::take(&mut self.initial_end) {
            let line = self.bookmark(true);
            return Some((line, self));
        }
        let received = tokio::select! {
            biased;
            event = self.receiver.recv() => Some(event),
            () = tokio::time::sleep_until(self.ends) => Some(None),
            () = tokio::time::sleep(BOOKMARK), if self.bookmarks => None,
        };
        // A dead process learns nothing; and nobody reads on the other end.
        self.process.proceed().await;
        match received {
            Some(Some(event)) => {
                self.delay().await;
                self.process.proceed().await;
                self.revision = event.revision;
                self.sent += 1;
                let gone = event.change == Change::Deleted;
                self.learn(&event.key, (!gone).then_some(&event.object));
                let line = line(event.change.as_str(), &event.object);
                Some((line, self))
            }
            Some(None) => None,
            None => {
                let line = self.bookmark(false);
                Some((line, self))
            }
        }
    }

    /// Events are late, each by its own time, and never overtake each other.
    async fn delay(&mut self) {
        let lag = self.server.weather().watch_lag;
        let late = Duration::from_millis(self.rng.u64(0..=lag));
        let now = self.process.stage.now();
        self.ready_at = self.ready_at.max(now.checked_add(late).unwrap_or(now));
        let wait = self.ready_at.duration_since(now);
        tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
    }

    fn bookmark(&self, initial_end: bool) -> Bytes {
        let mut metadata = json!({"resourceVersion": self.revision.to_string(), "creationTimestamp": null});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = json!({"apiVersion": self.kind.api_version(), "kind": self.kind.kind, "metadata": metadata});
        line("BOOKMARK", &object)
    }

    fn learn(&self, key: &Key, state: Option<&Arc<Value>>) {
        let what = What::Learned { process: self.process.number, object: key.object(self.kind), state: state.cloned() };
        self.process.stage.journal.push(self.process.stage.now(), what);
    }
}

fn line(type_: &str, object: &Value) -> Bytes {
    let mut text = json!({"type": type_, "object": object}).to_string();
    text.push('\n');
    Bytes::from(text)
}
