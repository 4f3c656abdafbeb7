//! What ScalingOverrides say of a policy, decided a second time.

use jiff::Timestamp;
use runbook_api::ScalingOverride;

use super::size::Sizes;
use super::{Objects, Policy, read};
use crate::journal::ObjectKey;

/// An override, read.
#[derive(Clone, Debug)]
pub struct Override {
    /// Its key.
    pub key: ObjectKey,
    /// It.
    pub object: ScalingOverride,
}

/// The well-formed overrides among some objects.
pub fn overrides(objects: &Objects) -> Vec<Override> {
    let all = objects.iter().filter(|(key, _)| key.resource == "scalingoverrides");
    all.filter_map(|(key, object)| Some(Override { key: key.clone(), object: read(object)? })).collect()
}

/// Which overrides decide what.
#[derive(Debug, Default)]
pub struct Word {
    minimum: Option<(String, i32)>,
    maximum: Option<(String, i32)>,
    scheduled: Option<(String, bool)>,
    /// Whether the minimum is only raised.
    raised: bool,
    /// Since when scheduled scaling is suspended.
    pub suspended_since: Option<Timestamp>,
}

impl Override {
    /// When it ends.
    pub fn ends(&self) -> Timestamp {
        self.object.spec.expires_at.0
    }

    /// When it was made.
    pub fn made(&self) -> Timestamp {
        self.object.metadata.creation_timestamp.as_ref().map_or(Timestamp::MIN, |time| time.0)
    }

    /// Whether the operator made it of somebody's scale-out.
    pub fn is_adopted(&self) -> bool {
        let labels = self.object.metadata.labels.as_ref();
        labels.and_then(|labels| labels.get("ops.clocked.app/made-by")).is_some_and(|by| by == "operator")
    }

    /// Whether it asks for no task at all.
    pub fn stops(&self) -> bool {
        let spec = &self.object.spec;
        spec.exactly == Some(0) || spec.range.is_some_and(|range| range.min == 0)
    }
}

impl Policy {
    /// The overrides that name this policy.
    pub fn overrides(&self, objects: &Objects) -> Vec<Override> {
        let names = |one: &Override| {
            one.key.namespace == self.key.namespace && one.object.spec.policy_ref.name == self.key.name
        };
        overrides(objects).into_iter().filter(names).collect()
    }

    /// Those of them that hold at a time, the newest first.
    pub fn active(&self, objects: &Objects, at: Timestamp) -> Vec<Override> {
        let mut all = self.overrides(objects);
        all.retain(|one| at < one.ends() && (self.allows_zero() || !one.stops()));
        all.sort_by_key(|one| (std::cmp::Reverse(one.made()), one.key.name.clone()));
        all
    }

    /// What those that hold say together.
    pub fn word(&self, objects: &Objects, at: Timestamp) -> Word {
        let mut word = Word::default();
        let mut suspending = Vec::new();
        for one in self.active(objects, at) {
            let spec = &one.object.spec;
            let name = one.key.name.clone();
            if word.minimum.is_none() {
                let range = spec.range.map(|range| range.min);
                word.minimum = spec.at_least.or(spec.exactly).or(range).map(|minimum| (name.clone(), minimum));
                word.raised = spec.at_least.is_some();
            }
            if word.maximum.is_none() {
                let range = spec.range.map(|range| range.max);
                word.maximum = spec.exactly.or(range).map(|maximum| (name.clone(), maximum));
            }
            if word.scheduled.is_none() {
                word.scheduled = spec.suspend_scheduled.map(|suspend| (name, suspend));
            }
            if spec.suspend_scheduled == Some(true) {
                suspending.push(one.made());
            }
        }
        if word.suspends() {
            word.suspended_since = suspending.into_iter().min();
        }
        word
    }

    /// Whether it may be made to go with none: without a task a service is down, without Aurora Replicas the writer goes on.
    pub fn allows_zero(&self) -> bool {
        self.spec().allow_zero || self.spec().target.aurora_replicas.is_some()
    }

    /// How far an override may go.
    pub fn ceiling(&self, declared: &Sizes) -> Option<i32> {
        let own = declared.most.unwrap_or(declared.least);
        match self.spec().override_ceiling {
            Some(ceiling) => Some(own.max(ceiling)),
            None if self.spec().autoscaling.is_some() => Some(own),
            None => None,
        }
    }
}

impl Word {
    /// Whether it suspends scheduled scaling.
    pub fn suspends(&self) -> bool {
        self.scheduled.as_ref().is_some_and(|(_, suspend)| *suspend)
    }

    /// The overrides that decide anything.
    pub fn deciders(&self) -> Vec<&str> {
        let sizes = [&self.minimum, &self.maximum].into_iter().flatten().map(|(name, _)| name.as_str());
        let mut names: Vec<&str> = sizes.chain(self.scheduled.iter().map(|(name, _)| name.as_str())).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What is left of the sizes that are declared.
    pub fn over(&self, policy: &Policy, declared: Sizes) -> Sizes {
        let ceiling = policy.ceiling(&declared).unwrap_or(i32::MAX);
        let minimum = match &self.minimum {
            None => declared.least,
            Some((_, minimum)) if self.raised => declared.least.max(*minimum),
            Some((_, minimum)) => *minimum,
        };
        let least = minimum.min(ceiling);
        let most = match &self.maximum {
            Some((_, maximum)) => Some(least.max(ceiling.min(*maximum))),
            // A fixed size has nothing that would move it down again.
            None if self.raised && policy.spec().autoscaling.is_none() => None,
            None => declared.most.map(|most| most.max(least)),
        };
        Sizes { least, most, suspended: self.suspends() }
    }
}
