//! What each life of the operator knew of the objects, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::journal::{Entry, ObjectKey, What};

/// The objects as somebody knows them.
pub type Objects = BTreeMap<ObjectKey, Arc<Value>>;

/// What one process knew.
#[derive(Debug, Default)]
pub struct Knowledge {
    moments: Vec<(Timestamp, Objects)>,
    /// The UIDs of what it had heard the end of.
    gone: BTreeSet<String>,
}

/// What every process knew, by its number.
pub fn gather(entries: &[Entry]) -> BTreeMap<u32, Knowledge> {
    let mut all: BTreeMap<u32, Knowledge> = BTreeMap::new();
    for entry in entries {
        let What::Learned { process, object, state } = &entry.what else { continue };
        if !["scalingpolicies", "scalingoverrides", "backuppolicies", "awsaccounts"].contains(&&*object.resource) {
            continue;
        }
        let knowledge = all.entry(*process).or_default();
        if let Some(known) = knowledge.moments.last().and_then(|(_, objects)| objects.get(object))
            && state.is_none()
        {
            knowledge.gone.insert(uid(known).to_owned());
        }
        // An answer that was under way when the deletion was heard of brings nothing back.
        if state.as_ref().is_some_and(|state| knowledge.gone.contains(uid(state))) {
            continue;
        }
        let mut objects = knowledge.moments.last().map(|(_, objects)| objects.clone()).unwrap_or_default();
        match state {
            Some(state) => objects.insert(object.clone(), Arc::clone(state)),
            None => objects.remove(object),
        };
        match knowledge.moments.last_mut() {
            Some((at, last)) if *at == entry.at => *last = objects,
            _ => knowledge.moments.push((entry.at, objects)),
        }
    }
    all
}

impl Knowledge {
    /// What was known at one time or another between `from` and `to`, the newest first.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = &Objects> {
        let end = self.moments.partition_point(|(at, _)| *at <= to);
        let begin = self.moments.partition_point(|(at, _)| *at <= from).saturating_sub(1);
        self.moments[begin.min(end)..end].iter().rev().map(|(_, objects)| objects)
    }
}

fn uid(object: &Value) -> &str {
    object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default()
}

/// `time` earlier by `by`.
pub fn before(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(second: i64, state: Option<&str>) -> Entry {
        let object =
            ObjectKey { resource: "scalingpolicies".into(), namespace: "clocked".into(), name: "clocked-app".into() };
        let state = state.map(|uid| Arc::new(serde_json::json!({"metadata": {"uid": uid}})));
        Entry {
            at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second),
            what: What::Learned { process: 1, object, state },
        }
    }

    #[test]
    fn an_answer_that_comes_after_the_deletion_was_heard_of_brings_nothing_back() {
        let known = gather(&[learned(1, Some("one")), learned(2, None), learned(3, Some("one"))]);
        let last = known[&1].between(Timestamp::MAX, Timestamp::MAX).next().expect("it knew something");
        assert!(last.is_empty());
    }

    #[test]
    fn an_object_of_the_same_name_is_another_one() {
        let known = gather(&[learned(1, Some("one")), learned(2, None), learned(3, Some("two"))]);
        let last = known[&1].between(Timestamp::MAX, Timestamp::MAX).next().expect("it knew something");
        assert_eq!(last.len(), 1);
    }
}
