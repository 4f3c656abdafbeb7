//! What each life of the operator knew of the objects, and when.

use std::collections::BTreeMap;
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
}

/// What every process knew, by its number.
pub fn gather(entries: &[Entry]) -> BTreeMap<u32, Knowledge> {
    let mut all: BTreeMap<u32, Knowledge> = BTreeMap::new();
    for entry in entries {
        let What::Learned { process, object, state } = &entry.what else { continue };
        if !["scalingpolicies", "scalingoverrides", "awsaccounts"].contains(&&*object.resource) {
            continue;
        }
        let knowledge = all.entry(*process).or_default();
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

/// `time` earlier by `by`.
pub fn before(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_sub(by).unwrap_or(Timestamp::MIN)
}
