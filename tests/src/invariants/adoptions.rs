//! Scale-outs by hand: each is adopted once, only where it is a colleague's and the policy says so, and what is to be adopted is not
//! undone.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use runbook_api::drift::OnScaleOut;
use runbook_aws::Call;
use serde_json::Value;

use super::Violation;
use super::knowledge::{Objects, before};
use super::oracle::overrides::Override;
use super::oracle::{self, Policy};
use super::statuses::Conditions;
use crate::journal::{AwsCall, Entry, Held, KubernetesCall, ObjectKey, What};
use crate::world::Run;

/// What a colleague does to a size, as the journal names it.
const BY_HAND: &str = "colleague sets desiredCount";
/// How long people must have left a policy and its overrides alone, so that there is no doubt about what was followed.
const LEFT_ALONE: SignedDuration = SignedDuration::from_mins(3);

/// A change of a service's size.
#[derive(Clone, Debug)]
struct Change {
    /// Its place in the journal.
    index: usize,
    at: Timestamp,
    size: i32,
    /// Whether the operator did not make it, or had given it up before it came.
    foreign: bool,
    /// The policy that is to adopt it without any doubt.
    due: Option<ObjectKey>,
}

#[derive(Default)]
struct Judge {
    violations: Vec<Violation>,
    /// Kubernetes as it is.
    now: Objects,
    /// When people last changed an object.
    edited: BTreeMap<ObjectKey, Timestamp>,
    /// The changes of each service's size.
    changes: HashMap<String, Vec<Change>>,
    /// Which change became which override.
    adopted: BTreeMap<usize, ObjectKey>,
}

/// Judges every adoption of a run.
pub fn judge(run: &Run) -> Vec<Violation> {
    let mut judge = Judge::default();
    for (index, entry) in run.entries.iter().enumerate() {
        judge.entry(index, entry);
    }
    judge.violations
}

impl Judge {
    fn entry(&mut self, index: usize, entry: &Entry) {
        let at = entry.at;
        match &entry.what {
            What::Edited { object, state, .. } => {
                self.edited.insert(object.clone(), at);
                match state {
                    Some(state) => self.now.insert(object.clone(), state.clone()),
                    None => {
                        // Who deletes it wants to go back; what is set afterwards may be adopted again.
                        self.adopted.retain(|_, key| key != object);
                        self.now.remove(object)
                    }
                };
            }
            What::Kubernetes(call) if call.changed => {
                let Some(state) = &call.state else { return };
                if call.method == "POST" && call.object.resource == "scalingoverrides" {
                    self.created(at, call, state);
                }
                self.now.insert(call.object.clone(), state.clone());
            }
            What::Outside { act, resource, before: Some(before), after: Some(after) }
                if before.desired != after.desired =>
            {
                let due = if act == BY_HAND { self.due(at, resource, before, after) } else { None };
                let change = Change { index, at, size: after.desired, foreign: true, due };
                self.changes.entry(resource.clone()).or_default().push(change);
            }
            What::Aws(call) => self.wrote(index, at, call),
            _ => {}
        }
    }

    /// The policy that must adopt a change: it was in line, with nothing else going on.
    fn due(&self, at: Timestamp, service: &str, before_it: &Held, after: &Held) -> Option<ObjectKey> {
        let mut of_service = oracle::policies(&self.now).into_iter().filter(|policy| is_of(policy, service));
        let (Some(policy), None) = (of_service.next(), of_service.next()) else { return None };
        let declared = policy.declared_at(at)?;
        let adopts = policy.spec().drift.as_ref().is_some_and(|drift| drift.scale_out == OnScaleOut::Adopt);
        let plain = policy.bands().len() == 1 && policy.overrides(&self.now).is_empty();
        let allowed = policy.ceiling(&declared).is_none_or(|ceiling| after.desired <= ceiling);
        let larger = declared.most.is_some_and(|most| after.desired > most);
        let settled = declared.has(before_it.desired)
            && (policy.spec().autoscaling.is_none() || before_it.capacity == declared.capacity());
        let object = self.now.get(&policy.key)?;
        let conditions = Conditions(object);
        let in_line = conditions.status("Synced") == "True" && conditions.reason("Synced") == "InSync";
        let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64);
        let seen = number("/status/observedGeneration") == number("/metadata/generation");
        let all = [adopts, plain, allowed, larger, settled, in_line, seen, policy.wants(&self.now)];
        (all.iter().all(|one| *one) && self.left_alone(&policy, before(at, LEFT_ALONE))).then_some(policy.key)
    }

    /// Whether nobody has changed the policy, an override or an account since.
    fn left_alone(&self, policy: &Policy, since: Timestamp) -> bool {
        let concerns = |key: &ObjectKey| *key == policy.key || key.resource != "scalingpolicies";
        !self.edited.iter().any(|(key, at)| concerns(key) && *at > since)
    }

    fn created(&mut self, at: Timestamp, call: &KubernetesCall, state: &Value) {
        let Ok(object) = serde_json::from_value(state.clone()) else { return };
        let made = Override { key: call.object.clone(), object };
        let mut say =
            |rule, why: String| self.violations.push(Violation { rule, at, what: format!("{}: {why}", made.key) });
        if !made.is_adopted() {
            say("what the operator makes says so", "it has no label".into());
        }
        let policies = oracle::policies(&self.now);
        let name = &made.object.spec.policy_ref.name;
        let Some(policy) =
            policies.iter().find(|policy| policy.key.name == *name && policy.key.namespace == made.key.namespace)
        else {
            return;
        };
        let drift = policy.spec().drift.clone().unwrap_or_default();
        if drift.scale_out != OnScaleOut::Adopt {
            say("a scale-out is adopted where drift says so", format!("{} says {:?}", policy.key, drift.scale_out));
        }
        let seconds = drift.adopt_for.seconds().unwrap_or_default();
        let longest = made.made() + SignedDuration::from_secs(seconds + 1);
        if made.ends() > longest {
            say("an adoption ends when drift says", format!("it ends {}, later than {longest}", made.ends()));
        }
        let size = made.object.spec.at_least.unwrap_or_default();
        let changes = self.changes.get(&policy.target());
        let act = changes.and_then(|changes| changes.iter().rev().find(|change| change.foreign && change.size >= size));
        match act {
            None => say("an adoption rests on somebody's scale-out", format!("nobody has set the size to {size}")),
            Some(act) => {
                if let Some(other) = self.adopted.insert(act.index, made.key.clone()) {
                    say("a scale-out is adopted once", format!("{other} is of the same"));
                }
            }
        }
    }

    fn wrote(&mut self, index: usize, at: Timestamp, call: &AwsCall) {
        let (Some((service, before, after)), Ok(_)) = (&call.effect, &call.result) else { return };
        if before.desired == after.desired {
            return;
        }
        let last = self.changes.get(service).and_then(|changes| changes.last());
        if let Some(Change { index, at: since, due: Some(key), .. }) = last
            && matches!(call.call, Call::UpdateService { .. })
            && after.desired < before.desired
            && !self.adopted.contains_key(index)
            && let Some(policy) = oracle::policies(&self.now).iter().find(|policy| policy.key == *key)
            && self.left_alone(policy, *since)
        {
            let what = format!("op{} sets {service} from {} back to {}", call.process, before.desired, after.desired);
            self.violations.push(Violation { rule: "what is to be adopted is not undone", at, what });
        }
        let foreign = !call.answered;
        let change = Change { index, at, size: after.desired, foreign, due: None };
        self.changes.entry(service.clone()).or_default().push(change);
    }
}

fn is_of(policy: &Policy, service: &str) -> bool {
    policy.target() == service
}
