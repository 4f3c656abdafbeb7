//! What overrides and their policies say of each other at the end.

use jiff::Timestamp;
use serde_json::Value;

use super::Violation;
use super::knowledge::Objects;
use super::oracle::overrides::{Override, overrides};
use super::oracle::{self, Policy};
use super::statuses::Conditions;

/// Judges the statuses of all overrides, and the overrides that policies list.
pub fn judge(objects: &Objects, end: Timestamp) -> Vec<Violation> {
    let policies = oracle::policies(objects);
    let mut violations: Vec<Violation> =
        overrides(objects).iter().flat_map(|one| said(one, &policies, objects, end)).collect();
    violations.extend(policies.iter().filter_map(|policy| listed(policy, objects, end)));
    violations
}

fn said(one: &Override, policies: &[Policy], objects: &Objects, end: Timestamp) -> Vec<Violation> {
    let Some(object) = objects.get(&one.key) else { return Vec::new() };
    let name = &one.object.spec.policy_ref.name;
    let policy = policies.iter().find(|policy| policy.key.name == *name && policy.key.namespace == one.key.namespace);
    let wanted = match policy {
        _ if one.ends() <= end => "Expired",
        None => "PolicyNotFound",
        Some(policy) if one.stops() && !policy.allows_zero() => "ZeroNotAllowed",
        Some(policy) if policy.word(objects, end).deciders().contains(&&*one.key.name) => "Active",
        Some(_) => "Superseded",
    };
    let (ready, stalled) = match wanted {
        "PolicyNotFound" | "ZeroNotAllowed" => ("False", "True"),
        _ => ("True", "False"),
    };
    let holds = if wanted == "Active" { "True" } else { "False" };
    let conditions = Conditions(object);
    let row = ["Ready", "Stalled", "Reconciling", "Active"].map(|type_| conditions.status(type_));
    let mut violations = Vec::new();
    let mut say = |rule, what| violations.push(Violation { rule, at: end, what: format!("{}: {what}", one.key) });
    if row != [ready, stalled, "False", holds] || conditions.reason("Active") != wanted {
        let reason = conditions.reason("Active");
        say("an override says whether it holds", format!("it is {wanted}, but says {row:?} for {reason:?}"));
    }
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64);
    if number("/status/observedGeneration") != number("/metadata/generation") {
        say("the last generation was observed", format!("{:?}", number("/status/observedGeneration")));
    }
    let changes = object.pointer("/status/changes").and_then(Value::as_str);
    if (wanted == "Active") != changes.is_some() {
        say("an override that holds says what it changes", format!("it is {wanted} and says {changes:?}"));
    }
    violations
}

/// A policy that is in line lists the overrides that decide anything.
fn listed(policy: &Policy, objects: &Objects, end: Timestamp) -> Option<Violation> {
    let conditions = Conditions(objects.get(&policy.key)?);
    if conditions.status("Synced") != "True" {
        return None;
    }
    let status = policy.object.status.as_ref()?;
    let mut names: Vec<&str> = status.overrides.iter().map(|one| one.name.as_str()).collect();
    names.sort_unstable();
    let word = policy.word(objects, end);
    (names != word.deciders()).then(|| Violation {
        rule: "a policy lists the overrides that hold",
        at: end,
        what: format!("{}: it lists {names:?}, and {:?} hold", policy.key, word.deciders()),
    })
}
