//! What runs went through: a thousand sound runs prove little if nothing happened in them.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use runbook_aws::Call;

use super::databases::restores::coverage as restores;
use super::databases::{coverage as databases, slots};
use super::knowledge::Objects;
use super::oracle;
use super::statuses::Conditions;
use crate::fault::Fault;
use crate::journal::{AwsCall, KubernetesCall, What};
use crate::world::Run;

/// How often something happened, and in how many runs.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How often.
    pub times: u64,
    /// In how many runs.
    pub runs: u64,
}

impl fmt::Debug for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} times in {} runs", self.times, self.runs)
    }
}

/// How often each sort of thing happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    counts: BTreeMap<&'static str, Count>,
}

/// What a set of runs must have gone through.
pub const EXPECTED: [&str; 38] = [
    "crashes",
    "changes of leader",
    "edits",
    "changes of AWS by others",
    "UpdateService",
    "RegisterScalableTarget",
    "PutScalingPolicy",
    "DeleteScalingPolicy",
    "PutScheduledAction",
    "DeleteScheduledAction",
    "scheduled actions that fired",
    "DeregisterScalableTarget",
    "writes refused by AWS",
    "writes that had their effect and lost their answer",
    "writes that had their effect late",
    "writes whose process died after the effect",
    "reads that failed",
    "requests that Kubernetes refused",
    "requests to Kubernetes that lost their answer",
    "statuses written",
    "events written",
    "step scaling policies put",
    "sizes written while an override holds",
    "scheduled scaling suspended by an override",
    "scale-outs adopted",
    "overrides that began to hold",
    "overrides that have ended",
    "overrides that a newer one supersedes",
    "overrides of no policy",
    "overrides that may not stop a service",
    "steps of a scale-in",
    "looks in a freeze",
    "targets too many for the hour",
    "corrections that wait because they are undone",
    "bands of Aurora Replicas registered",
    "Aurora Replicas that come or go",
    "bands registered again to bring Aurora Replicas into them",
    "Aurora Replicas that are too many and stay",
];

impl Coverage {
    /// What one run went through.
    pub fn of(run: &Run) -> Self {
        let mut coverage = Self::default();
        let leaders: Vec<u32> = run.entries.iter().filter_map(|entry| wrote_lease(&entry.what)).collect();
        for _ in leaders.windows(2).filter(|pair| pair[0] != pair[1]) {
            coverage.count("changes of leader");
        }
        if !run.databases.is_empty() {
            (0..slots::unhindered(run)).for_each(|_| coverage.count("slots that nothing was in the way of"));
        }
        for entry in &run.entries {
            restores::of(&entry.what).into_iter().for_each(|what| coverage.count(what));
            match &entry.what {
                What::Crashed { .. } => coverage.count("crashes"),
                What::Edited { .. } => coverage.count("edits"),
                What::Outside { act, .. } => {
                    coverage.count("changes of AWS by others");
                    if act.ends_with(" fires") {
                        coverage.count("scheduled actions that fired");
                    }
                }
                What::Aws(call) if call.call.is_write() => {
                    if call.changed() {
                        written(call, entry.at).into_iter().for_each(|what| coverage.count(what));
                        databases::written(call, entry.at).into_iter().for_each(|what| coverage.count(what));
                    }
                    coverage.count(match (&call.result, call.fault) {
                        (Err(_), _) => "writes refused by AWS",
                        (Ok(_), Some(Fault::ErrorAfter)) => "writes that had their effect and lost their answer",
                        (Ok(_), Some(Fault::HangThenEffect(_))) => "writes that had their effect late",
                        (Ok(_), Some(Fault::CrashAfter)) => "writes whose process died after the effect",
                        (Ok(_), _) => call.call.operation(),
                    });
                }
                What::Aws(call) if call.result.is_err() => coverage.count("reads that failed"),
                What::Kubernetes(call) if call.code >= 400 => coverage.count("requests that Kubernetes refused"),
                What::Kubernetes(call) if call.fault == Some(Fault::ErrorAfter) => {
                    coverage.count("requests to Kubernetes that lost their answer");
                }
                What::Kubernetes(call) if call.subresource == "status" && call.changed => {
                    coverage.count("statuses written");
                    said(call).into_iter().for_each(|what| coverage.count(what));
                    if call.object.resource == "backuppolicies" {
                        databases::said(call).into_iter().for_each(|what| coverage.count(what));
                    }
                }
                What::Kubernetes(call) if call.method == "POST" && call.object.resource == "scalingoverrides" => {
                    coverage.count("scale-outs adopted");
                }
                What::Kubernetes(call) if call.object.resource == "events" && call.changed => {
                    coverage.count("events written")
                }
                _ => {}
            }
        }
        coverage
    }

    /// Adds what another run went through.
    pub fn add(&mut self, other: &Self) {
        for (what, count) in &other.counts {
            let all = self.counts.entry(what).or_default();
            all.times += count.times;
            all.runs += count.runs;
        }
    }

    /// What is expected and never happened.
    pub fn missing(&self) -> Vec<&'static str> {
        let expected = EXPECTED.into_iter().chain(databases::EXPECTED).chain(restores::EXPECTED);
        expected.filter(|what| !self.counts.contains_key(what)).collect()
    }

    /// How often each sort of thing happened.
    pub fn counts(&self) -> &BTreeMap<&'static str, Count> {
        &self.counts
    }

    fn count(&mut self, what: &'static str) {
        let count = self.counts.entry(what).or_default();
        *count = Count { times: count.times + 1, runs: 1 };
    }
}

/// The process that wrote the Lease.
fn wrote_lease(what: &What) -> Option<u32> {
    match what {
        What::Kubernetes(call) if call.object.resource == "leases" && call.changed => Some(call.process),
        _ => None,
    }
}

/// What a status says that it did not say before.
fn said(call: &KubernetesCall) -> Option<&'static str> {
    let state = call.state.as_deref()?;
    match (&*call.object.resource, Conditions(state).reason("Active")) {
        ("scalingoverrides", "Active") => Some("overrides that began to hold"),
        ("scalingoverrides", "Expired") => Some("overrides that have ended"),
        ("scalingoverrides", "Superseded") => Some("overrides that a newer one supersedes"),
        ("scalingoverrides", "PolicyNotFound") => Some("overrides of no policy"),
        ("scalingoverrides", "ZeroNotAllowed") => Some("overrides that may not stop a service"),
        ("scalingpolicies", _) => match Conditions(state).reason("Synced") {
            "ScaleInStep" => Some("steps of a scale-in"),
            "Frozen" => Some("looks in a freeze"),
            "BlastRadius" => Some("targets too many for the hour"),
            "Contested" => Some("corrections that wait because they are undone"),
            "ReplicasChanging" => Some("Aurora Replicas that come or go"),
            "InSync" if Conditions(state).message("Synced").contains("were not made by Application Auto Scaling") => {
                Some("Aurora Replicas that are too many and stay")
            }
            _ => None,
        },
        _ => None,
    }
}

/// What a write that changed something was.
fn written(call: &AwsCall, at: Timestamp) -> Vec<&'static str> {
    let mut found = Vec::new();
    match &call.call {
        Call::PutStepScalingPolicy { .. } => found.push("step scaling policies put"),
        Call::UpdateService { .. } | Call::RegisterScalableTarget { .. } => {
            let objects: Objects = call.intent.iter().cloned().collect();
            let target = call.effect.as_ref().map(|(target, ..)| target);
            let holds = |policy: &oracle::Policy| !policy.active(&objects, at).is_empty();
            if oracle::policies(&objects).iter().any(|policy| Some(&policy.target()) == target && holds(policy)) {
                found.push("sizes written while an override holds");
            }
            if let Call::RegisterScalableTarget { capacity, .. } = &call.call {
                if capacity.suspended.scheduled_scaling {
                    found.push("scheduled scaling suspended by an override");
                }
                if target.is_some_and(|target| target.starts_with("cluster:")) {
                    found.push("bands of Aurora Replicas registered");
                    let before = call.effect.as_ref().and_then(|(_, before, _)| before.capacity);
                    if before == Some(*capacity) {
                        found.push("bands registered again to bring Aurora Replicas into them");
                    }
                }
            }
        }
        _ => {}
    }
    found
}
