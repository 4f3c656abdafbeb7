//! The end of a run: AWS as declared, objects that say so, acts in the histories, and silence.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use runbook_api::AwsAccount;
use runbook_api::aws_account::Verb;
use runbook_api::common::Mode;
use serde_json::Value;

use super::knowledge::Objects;
use super::oracle::{self, Policy};
use super::statuses::Conditions;
use super::{Violation, brakes, overrides};
use crate::journal::{AwsCall, Held, ObjectKey, What};
use crate::world::{ACCOUNT, OTHER_ACCOUNT, Run};

/// How long a process has to report an act before it dies.
pub const REPORTED_WITHIN: SignedDuration = SignedDuration::from_secs(30);
/// How long after it was asked to end a life tells what it did before: a plan of many steps that does not end within 20 s is broken off.
const LAST_WORDS: SignedDuration = SignedDuration::from_secs(10);
/// How soon after an outage a life leads again that has lost the Lease in it.
const LEADS_AGAIN_WITHIN: Duration = Duration::from_secs(60);
/// Acts that a history keeps.
const HISTORY: usize = 20;

/// What an object must say at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Situation {
    /// In line.
    InSync,
    /// Not looked at.
    Suspended,
    /// Nothing may be written.
    Held {
        /// Whether there is something to write.
        pending: bool,
    },
    /// A person must act: how the reason begins.
    Stalled(&'static str),
}

/// Judges the end of a run.
pub fn judge(run: &Run) -> Vec<Violation> {
    let objects: Objects = run.objects.iter().cloned().collect();
    let mut violations = Vec::new();
    let all = oracle::policies(&objects);
    for policy in &all {
        if policy.is_being_deleted() {
            violations.push(at_end(run, "every deletion ends", format!("{} is still there", policy.key)));
            continue;
        }
        let held = held(run, policy, &objects);
        let situation = situation(run, policy, &all, &objects, held);
        if situation == Situation::InSync && held.is_none_or(|held| !policy.is_satisfied(held, &objects, end_of(run))) {
            violations.push(at_end(run, "AWS is as declared", format!("{}: it is {held:?}", policy.key)));
        }
        violations.extend(said(run, &policy.key, &objects, situation));
        violations.extend(contested(run, policy));
        violations.extend(remembered(run, policy));
    }
    for (key, object) in run.objects.iter().filter(|(key, _)| key.resource == "awsaccounts") {
        let observes = object.pointer("/spec/mode").and_then(Value::as_str) == Some("Observe");
        let situation = match run.strangers.contains_key(&key.name) {
            true => Situation::Stalled("AccountMismatch"),
            false if observes => Situation::Held { pending: false },
            false => Situation::InSync,
        };
        violations.extend(said(run, key, &objects, situation));
    }
    violations.extend(overrides::judge(&objects, end_of(run)));
    violations.extend(silence(run));
    violations
}

/// A violation at the end of a run.
pub fn at_end(run: &Run, rule: &'static str, what: String) -> Violation {
    Violation { rule, at: end_of(run), what }
}

/// When a run ended.
pub fn end_of(run: &Run) -> Timestamp {
    run.entries.last().map_or(run.epoch, |entry| entry.at)
}

fn held<'r>(run: &'r Run, policy: &Policy, objects: &Objects) -> Option<&'r Held> {
    let (id, _) = policy.place(objects)?;
    let account = [ACCOUNT, OTHER_ACCOUNT].into_iter().find(|account| *account == id)?;
    let target = policy.target();
    run.held.iter().find(|((of, id), _)| *of == account && *id == target).and_then(|(_, held)| held.as_ref())
}

fn situation(run: &Run, policy: &Policy, all: &[Policy], objects: &Objects, held: Option<&Held>) -> Situation {
    let spec = policy.spec();
    if spec.suspend {
        return Situation::Suspended;
    }
    let Some(account) = oracle::account(objects, &spec.account_ref.name) else { return Situation::Stalled("Account") };
    if spec.mode == Mode::Enforce && policy.rival(all, objects).is_some() {
        return Situation::Stalled("TargetConflict");
    }
    if !policy.granted(Verb::Observe, objects) {
        return Situation::Stalled("NotGranted");
    }
    if run.strangers.contains_key(&spec.account_ref.name) {
        return Situation::Stalled("AccountMismatch");
    }
    let Some(held) = held else { return Situation::Stalled("TargetNotFound") };
    if spec.autoscaling.is_none() && held.capacity.is_some() {
        return Situation::Stalled("AutoscalerPresent");
    }
    let satisfied = policy.is_satisfied(held, objects, end_of(run));
    if spec.mode == Mode::Observe || account.spec.mode == Mode::Observe {
        return Situation::Held { pending: !satisfied };
    }
    if !satisfied && !policy.granted(Verb::Scale, objects) {
        return Situation::Stalled("NotGranted");
    }
    if !satisfied && changes_few(&account) {
        return Situation::Stalled("BlastRadius");
    }
    Situation::InSync
}

/// Whether only some of the account's targets may be changed within an hour: a run is shorter, and which they are is chance.
pub fn changes_few(account: &AwsAccount) -> bool {
    account.spec.safety.as_ref().is_some_and(|safety| safety.max_changed_targets_percent.is_some())
}

/// Judges what an object says of its situation.
pub fn said(run: &Run, key: &ObjectKey, objects: &Objects, situation: Situation) -> Vec<Violation> {
    let Some(object) = objects.get(key) else { return Vec::new() };
    let mut violations = Vec::new();
    let conditions = Conditions(object);
    let row = ["Ready", "Synced", "Stalled", "Reconciling"].map(|type_| conditions.status(type_));
    let wanted = match situation {
        Situation::InSync | Situation::Held { pending: false } => ["True", "True", "False", "False"],
        Situation::Held { pending: true } => ["True", "False", "False", "False"],
        // AWS is not looked at.
        Situation::Suspended => ["True", "Unknown", "False", "False"],
        Situation::Stalled(_) => ["False", "False", "True", "False"],
    };
    let reason = conditions.reason("Synced");
    let reason_fits = match situation {
        Situation::Stalled(wanted) => reason.starts_with(wanted),
        _ => true,
    };
    if row != wanted || !reason_fits {
        let what = format!("{key}: {situation:?} should read {wanted:?}, but reads {row:?} for {reason}");
        violations.push(at_end(run, "the conditions say how it is", what));
    }
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64);
    if number("/status/observedGeneration") != number("/metadata/generation") {
        let what = format!("{key}: {:?} of {:?}", number("/status/observedGeneration"), number("/metadata/generation"));
        violations.push(at_end(run, "the last generation was observed", what));
    }
    let steps = object.pointer("/status/plan/steps").and_then(Value::as_array).map_or(0, Vec::len);
    let planned = match situation {
        Situation::InSync | Situation::Suspended | Situation::Held { pending: false } => steps == 0,
        Situation::Held { pending: true } => steps > 0,
        Situation::Stalled(_) => true,
    };
    if !planned {
        violations.push(at_end(
            run,
            "status.plan says what would be written",
            format!("{key}: {situation:?} with {steps} steps"),
        ));
    }
    violations
}

/// A policy whose size somebody keeps changing says so.
fn contested(run: &Run, policy: &Policy) -> Option<Violation> {
    let conditions = policy.object.status.as_ref()?.conditions.iter();
    let said = conditions.into_iter().any(|condition| condition.type_ == "Contested" && condition.status == "True");
    let undone = brakes::undone(&policy.object, end_of(run)).len();
    // What else was put right may be contested too.
    (undone >= brakes::CONTEST && !said).then(|| {
        at_end(run, "what is contested is said to be", format!("{}: its size was put right {undone} times", policy.key))
    })
}

/// Every write whose answer the operator lived to report is in the history of its policy.
fn remembered(run: &Run, policy: &Policy) -> Vec<Violation> {
    let deaths = deaths(run);
    let uid = policy.object.metadata.uid.as_deref();
    let acts: Vec<(Timestamp, &AwsCall)> = run
        .entries
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Aws(call) if call.call.is_write() && claimed_by(call, policy, uid) => Some((entry.at, &**call)),
            _ => None,
        })
        .collect();
    let history: Vec<&str> = policy
        .object
        .status
        .iter()
        .flat_map(|status| &status.history)
        .filter_map(|act| act.request_id.as_deref())
        .collect();
    // What nobody can tell of takes its place, too.
    let all = policy.object.status.iter().flat_map(|status| &status.history);
    let unknown = all.filter(|act| act.outcome == "Unknown").count();
    let skip = acts.len().saturating_sub((HISTORY / 2).saturating_sub(unknown));
    acts.into_iter()
        .skip(skip)
        .filter(|(at, call)| {
            let lived = deaths.get(&call.process).is_none_or(|died| *died > *at + REPORTED_WITHIN);
            call.answered && call.result.is_ok() && lived && call.fault.is_none()
        })
        .filter(|(_, call)| !history.contains(&call.request_id.as_str()))
        .map(|(at, call)| {
            let what = format!(
                "{}: {} of op{} ({}) is not in it",
                policy.key,
                call.call.operation(),
                call.process,
                call.request_id
            );
            Violation { rule: "the history has every act", at, what }
        })
        .collect()
}

/// When each life of the operator could tell nothing more: when it died; or, where it died or was asked to end while the API server was
/// away or before it can have led again, when that began.
pub fn deaths(run: &Run) -> BTreeMap<u32, Timestamp> {
    let mut away: Vec<(Timestamp, Timestamp)> = Vec::new();
    let mut deaths = BTreeMap::new();
    for entry in &run.entries {
        match &entry.what {
            What::Crashed { process, .. } => {
                let silent = away.iter().find(|(from, to)| (*from..=*to).contains(&entry.at)).map(|(from, _)| *from);
                let since = silent.unwrap_or(entry.at);
                let died = deaths.entry(*process).or_insert(since);
                *died = since.min(*died);
            }
            What::Away { length } => away.push((entry.at, entry.at + *length + LEADS_AGAIN_WITHIN)),
            What::AskedToEnd { process } => {
                if let Some((from, _)) = away.iter().find(|(from, to)| (*from..=*to).contains(&entry.at)) {
                    deaths.entry(*process).or_insert(*from);
                }
                deaths.entry(*process).or_insert(entry.at + LAST_WORDS);
            }
            _ => {}
        }
    }
    deaths
}

/// Whether a write was made for this policy: its status alone said that it was about to be made. (Two may say so of one service
/// when it has just passed from one to the other.)
fn claimed_by(call: &AwsCall, policy: &Policy, uid: Option<&str>) -> bool {
    let Some((service, ..)) = &call.effect else { return false };
    let objects: Objects = call.intent.iter().cloned().collect();
    let claimants: Vec<Policy> = oracle::policies(&objects)
        .into_iter()
        .filter(|policy| policy.target() == *service && policy.claims(&call.call))
        .collect();
    matches!(claimants.as_slice(), [only] if only.key == policy.key && only.object.metadata.uid.as_deref() == uid)
}

/// Nothing is written any more, but for the Lease.
fn silence(run: &Run) -> Vec<Violation> {
    let late = run.entries.iter().filter(|entry| entry.at >= run.steady_from);
    late.filter_map(|entry| match &entry.what {
        What::Aws(call) if call.call.is_write() => {
            let what = format!("{} of {}", call.call.operation(), call.call.resource());
            Some(Violation { rule: "in the steady state nothing is written to AWS", at: entry.at, what })
        }
        What::Kubernetes(call) if call.method != "GET" && call.object.resource != "leases" => {
            let what = format!("{} {} {}", call.method, call.object, call.subresource);
            Some(Violation { rule: "in the steady state nothing is written to Kubernetes", at: entry.at, what })
        }
        _ => None,
    })
    .collect()
}
