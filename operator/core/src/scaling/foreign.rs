//! What others put on a service: reported, or deleted where the spec says `prune`.
//!
//! The lists come from AWS whole or not at all, so nothing is taken for foreign because a page was missing.

use crate::ids::TargetId;
use crate::observed::{AppliedPolicy, ScheduledAction};
use crate::plan::{Finding, Plan};
use crate::step::Step;

/// Deletes or reports the scaling policies that `is_declared` does not know, and returns those that stay.
pub fn policies(
    id: &TargetId,
    is_declared: impl Fn(&str) -> bool,
    applied: &[AppliedPolicy],
    prune: bool,
    plan: &mut Plan,
) -> Vec<AppliedPolicy> {
    let (kept, foreign): (Vec<_>, Vec<_>) = applied.iter().cloned().partition(|policy| is_declared(&policy.name));
    if prune {
        plan.steps.extend(foreign.into_iter().map(|policy| Step::DeleteScalingPolicy {
            target: id.clone(),
            name: policy.name,
            from: Box::new(policy.kind),
        }));
        return kept;
    }
    report(
        "ForeignPolicies",
        &format!("{id} has scaling policies that are not declared here and are left alone"),
        foreign.iter().map(|policy| policy.name.as_str()),
        plan,
    );
    applied.to_vec()
}

/// Deletes or reports the scheduled actions that `is_declared` does not know.
pub fn actions(
    id: &TargetId,
    is_declared: impl Fn(&str) -> bool,
    applied: &[ScheduledAction],
    prune: bool,
    plan: &mut Plan,
) {
    let foreign: Vec<&ScheduledAction> = applied.iter().filter(|action| !is_declared(&action.name)).collect();
    if prune {
        plan.steps.extend(
            foreign
                .into_iter()
                .map(|action| Step::DeleteScheduledAction { target: id.clone(), from: Box::new(action.clone()) }),
        );
        return;
    }
    report(
        "ForeignScheduledActions",
        &format!("{id} has scheduled actions that are not declared here and are left alone"),
        foreign.iter().map(|action| action.name.as_str()),
        plan,
    );
}

fn report<'a>(reason: &str, what: &str, names: impl Iterator<Item = &'a str>, plan: &mut Plan) {
    let names: Vec<&str> = names.collect();
    if !names.is_empty() {
        let advice = "declare them, or set autoscaling.prune: true to have them deleted";
        plan.findings.push(Finding::note(reason, format!("{what}: {} ({advice})", names.join(", "))));
    }
}
