//! Every status that was written, one by one: the table of conditions, and how they may move.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::Violation;
use crate::journal::{ObjectKey, What};
use crate::world::Run;

/// The largest object (design: 64 KiB).
const LARGEST: usize = 64 * 1024;

/// Judges every status of a run.
pub fn judge(run: &Run) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut last: HashMap<ObjectKey, Arc<Value>> = HashMap::new();
    for entry in &run.entries {
        match &entry.what {
            What::Kubernetes(call) if call.changed && call.subresource == "status" => {
                let Some(state) = &call.state else { continue };
                let before = last.insert(call.object.clone(), Arc::clone(state));
                let is_override = call.object.resource == "scalingoverrides";
                for (rule, what) in broken(before.as_deref(), state, is_override) {
                    violations.push(Violation { rule, at: entry.at, what: format!("{}: {what}", call.object) });
                }
            }
            What::Note(text) if text.contains("the path") => {
                violations.push(Violation {
                    rule: "only paths that exist are asked",
                    at: entry.at,
                    what: text.clone(),
                });
            }
            What::Edited { object, state: None, .. } => {
                last.remove(object);
            }
            _ => {}
        }
    }
    violations
}

fn broken(before: Option<&Value>, after: &Value, is_override: bool) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let conditions = Conditions(after);
    let row = ["Ready", "Synced", "Stalled", "Reconciling"].map(|type_| conditions.status(type_));
    let [ready, synced, stalled, reconciling] = row;
    let legal = match (synced, stalled) {
        // Nothing is written for an override itself: it holds or not, or a person must act.
        _ if is_override => match conditions.status("Active") {
            "True" => row == ["True", "", "False", "False"],
            active => active == "False" && ready != stalled && reconciling == "False",
        },
        // In line, or held with nothing to do.
        ("True", "False") => ready == "True" && reconciling == "False",
        // Working, or held with a plan.
        ("False", "False") => reconciling == "True" || ready == "True",
        // AWS cannot be read: everything else is as before.
        ("Unknown", "False") => true,
        ("False", "True") => ready == "False" && reconciling == "False",
        _ => false,
    };
    if !legal {
        found.push(("conditions are a row of the table", format!("Ready, Synced, Stalled, Reconciling are {row:?}")));
    }
    if after.to_string().len() > LARGEST {
        found.push(("an object has at most 64 KiB", format!("it has {}", after.to_string().len())));
    }
    let number = |object: &Value, pointer: &str| object.pointer(pointer).and_then(Value::as_i64);
    if number(after, "/status/observedGeneration") > number(after, "/metadata/generation") {
        found.push(("observedGeneration is a generation that was", "it is ahead of metadata.generation".into()));
    }
    let history: Vec<&Value> =
        after.pointer("/status/history").and_then(Value::as_array).into_iter().flatten().collect();
    let ids: Vec<&str> = history.iter().filter_map(|act| act.get("requestId").and_then(Value::as_str)).collect();
    if ids.iter().collect::<HashSet<_>>().len() != ids.len() {
        found.push(("an act stands in the history once", format!("{ids:?}")));
    }
    let times: Vec<Option<&str>> = history.iter().map(|act| act.get("time").and_then(Value::as_str)).collect();
    if times.windows(2).any(|pair| pair[0] < pair[1]) {
        found.push(("the history begins with the newest act", format!("{times:?}")));
    }
    let Some(before) = before else { return found };
    let previous = Conditions(before);
    for type_ in ["Ready", "Synced", "Stalled", "Reconciling"] {
        let flipped = previous.status(type_) != conditions.status(type_);
        if !flipped && previous.moved(type_) != conditions.moved(type_) {
            found
                .push(("lastTransitionTime moves on a flip", format!("{type_} is still {}", conditions.status(type_))));
        }
        if flipped && previous.moved(type_) > conditions.moved(type_) {
            found.push(("lastTransitionTime moves forward", type_.to_string()));
        }
    }
    let unreachable = synced == "Unknown" && conditions.reason("Synced").starts_with("Aws");
    if unreachable && previous.status("Ready") != ready && !previous.status("Ready").is_empty() {
        found.push(("an outage does not change Ready", format!("it was {} and is {ready}", previous.status("Ready"))));
    }
    if synced == "False"
        && stalled == "False"
        && reconciling == "True"
        && !matches!((previous.status("Ready"), ready), ("", "False"))
        && previous.status("Ready") != ready
    {
        found.push(("working does not change Ready", format!("it was {} and is {ready}", previous.status("Ready"))));
    }
    found
}

/// The conditions of an object.
pub struct Conditions<'o>(pub &'o Value);

impl<'o> Conditions<'o> {
    fn field(&self, type_: &str, field: &str) -> &'o str {
        let all = self.0.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
        let found = all.into_iter().find(|condition| condition.get("type").and_then(Value::as_str) == Some(type_));
        found.and_then(|condition| condition.get(field)).and_then(Value::as_str).unwrap_or_default()
    }

    /// `True`, `False`, `Unknown`, or nothing.
    pub fn status(&self, type_: &str) -> &'o str {
        self.field(type_, "status")
    }

    /// The reason.
    pub fn reason(&self, type_: &str) -> &'o str {
        self.field(type_, "reason")
    }

    /// The message.
    pub fn message(&self, type_: &str) -> &'o str {
        self.field(type_, "message")
    }

    fn moved(&self, type_: &str) -> Option<Timestamp> {
        self.field(type_, "lastTransitionTime").parse().ok()
    }
}
