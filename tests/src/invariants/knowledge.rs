//! What each life of the operator knew of the objects, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::journal::{Entry, ObjectKey, What};

/// The objects as somebody knows them.
pub type Objects = BTreeMap<ObjectKey, Arc<Value>>;

/// The kinds that are judged by what was known of them.
const KINDS: [&str; 5] = ["scalingpolicies", "scalingoverrides", "backuppolicies", "databaserestores", "awsaccounts"];

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
        match &entry.what {
            What::Learned { process, object, state } if KINDS.contains(&&*object.resource) => {
                all.entry(*process).or_default().learn(entry.at, object, state.as_ref());
            }
            What::Listed { process, resource, revision, there } if KINDS.contains(&&**resource) => {
                all.entry(*process).or_default().list(entry.at, resource, *revision, there);
            }
            _ => {}
        }
    }
    all
}

impl Knowledge {
    fn learn(&mut self, at: Timestamp, object: &ObjectKey, state: Option<&Arc<Value>>) {
        let mut objects = self.newest();
        match state {
            // An answer that was under way when the deletion was heard of brings nothing back.
            Some(state) if self.gone.contains(uid(state)) => return,
            Some(state) => {
                objects.insert(object.clone(), Arc::clone(state));
            }
            None => self.gone.extend(objects.remove(object).map(|known| uid(&known).to_owned())),
        }
        self.know(at, objects);
    }

    /// What was known and is not in a list has been deleted before it was read; unless it is newer than the list.
    fn list(&mut self, at: Timestamp, resource: &str, revision: u64, there: &[ObjectKey]) {
        let mut objects = self.newest();
        let is_gone = |object: &ObjectKey, state: &Value| {
            object.resource == resource && !there.contains(object) && version(state).is_some_and(|of| of <= revision)
        };
        let gone: Vec<ObjectKey> =
            objects.iter().filter(|(key, state)| is_gone(key, state)).map(|(key, _)| key.clone()).collect();
        for object in gone {
            self.gone.extend(objects.remove(&object).map(|known| uid(&known).to_owned()));
        }
        self.know(at, objects);
    }

    fn newest(&self) -> Objects {
        self.moments.last().map(|(_, objects)| objects.clone()).unwrap_or_default()
    }

    fn know(&mut self, at: Timestamp, objects: Objects) {
        match self.moments.last_mut() {
            Some((last, known)) if *last == at => *known = objects,
            _ => self.moments.push((at, objects)),
        }
    }

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

fn version(object: &Value) -> Option<u64> {
    object.pointer("/metadata/resourceVersion").and_then(Value::as_str)?.parse().ok()
}

/// `time` earlier by `by`.
pub fn before(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ObjectKey {
        ObjectKey { resource: "scalingpolicies".into(), namespace: "clocked".into(), name: "clocked-app".into() }
    }

    fn entry(second: i64, what: What) -> Entry {
        Entry { at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second), what }
    }

    /// The object as it is at revision 5, or that it is gone.
    fn learned(second: i64, state: Option<&str>) -> Entry {
        let state = state.map(|uid| Arc::new(serde_json::json!({"metadata": {"uid": uid, "resourceVersion": "5"}})));
        entry(second, What::Learned { process: 1, object: key(), state })
    }

    fn listed(second: i64, resource: &str, revision: u64, there: &[ObjectKey]) -> Entry {
        entry(second, What::Listed { process: 1, resource: resource.into(), revision, there: there.to_vec() })
    }

    fn last(entries: &[Entry]) -> usize {
        let known = gather(entries);
        known[&1].between(Timestamp::MAX, Timestamp::MAX).next().expect("it knew something").len()
    }

    #[test]
    fn an_answer_that_comes_after_the_deletion_was_heard_of_brings_nothing_back() {
        assert_eq!(last(&[learned(1, Some("one")), learned(2, None), learned(3, Some("one"))]), 0);
    }

    #[test]
    fn an_object_of_the_same_name_is_another_one() {
        assert_eq!(last(&[learned(1, Some("one")), learned(2, None), learned(3, Some("two"))]), 1);
    }

    #[test]
    fn what_a_list_lacks_is_gone_for_good() {
        let here = learned(1, Some("one"));
        assert_eq!(last(&[here.clone(), listed(2, "scalingpolicies", 7, &[])]), 0);
        assert_eq!(last(&[here.clone(), listed(2, "scalingpolicies", 7, &[]), learned(3, Some("one"))]), 0);
        assert_eq!(last(&[here, listed(2, "scalingpolicies", 7, &[]), learned(3, Some("two"))]), 1);
    }

    #[test]
    fn a_list_says_nothing_of_what_is_newer_or_of_another_kind() {
        let here = learned(1, Some("one"));
        assert_eq!(last(&[here.clone(), listed(2, "scalingpolicies", 7, &[key()])]), 1);
        assert_eq!(last(&[here.clone(), listed(2, "scalingpolicies", 4, &[])]), 1);
        assert_eq!(last(&[here, listed(2, "awsaccounts", 7, &[])]), 1);
    }
}
