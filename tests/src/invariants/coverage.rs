//! What runs went through: a thousand sound runs prove little if nothing happened in them.

use std::collections::BTreeMap;

use crate::fault::Fault;
use crate::journal::What;
use crate::world::Run;

/// How often each sort of thing happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    counts: BTreeMap<&'static str, u64>,
}

/// What a set of runs must have gone through.
pub const EXPECTED: [&str; 21] = [
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
];

impl Coverage {
    /// What one run went through.
    pub fn of(run: &Run) -> Self {
        let mut coverage = Self::default();
        let leaders: Vec<u32> = run.entries.iter().filter_map(|entry| wrote_lease(&entry.what)).collect();
        for _ in leaders.windows(2).filter(|pair| pair[0] != pair[1]) {
            coverage.count("changes of leader");
        }
        for entry in &run.entries {
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
                    coverage.count("statuses written")
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
            *self.counts.entry(what).or_default() += count;
        }
    }

    /// What is expected and never happened.
    pub fn missing(&self) -> Vec<&'static str> {
        EXPECTED.into_iter().filter(|what| !self.counts.contains_key(what)).collect()
    }

    /// How often each sort of thing happened.
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }
}

/// The process that wrote the Lease.
fn wrote_lease(what: &What) -> Option<u32> {
    match what {
        What::Kubernetes(call) if call.object.resource == "leases" && call.changed => Some(call.process),
        _ => None,
    }
}
