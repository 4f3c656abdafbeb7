//! Which target tracking policies are to be put, in an order that AWS accepts.

use std::collections::BTreeMap;

use super::tracking;
use crate::ids::TargetId;
use crate::observed::{AppliedPolicy, AppliedPolicyKind, TargetTrackingConfiguration, TrackedMetric};
use crate::plan::{Finding, Plan};
use crate::step::Step;

/// Adds to `plan` what brings the `applied` policies of a service in line with the `declared` ones.
///
/// AWS refuses a second target tracking policy that follows the same metric ("Only one TargetTrackingScaling policy for a given
/// metric specification is allowed"), so a policy that gives a metric up is put before the one that takes it over.
pub fn put(
    id: &TargetId,
    declared: &[(String, TargetTrackingConfiguration)],
    applied: &[AppliedPolicy],
    plan: &mut Plan,
) {
    let of_name = |name: &str| applied.iter().find(|policy| policy.name == name).map(|policy| &policy.kind);
    let mut followed: BTreeMap<&str, &TrackedMetric> = BTreeMap::new();
    for policy in applied {
        if let AppliedPolicyKind::TargetTracking(configuration) = &policy.kind {
            followed.insert(&policy.name, &configuration.metric);
        }
    }
    let mut pending = Vec::new();
    for (name, configuration) in declared {
        match of_name(name) {
            Some(AppliedPolicyKind::TargetTracking(current)) if tracking::equivalent(configuration, current) => {}
            Some(AppliedPolicyKind::TargetTracking(_)) | None => pending.push((name, configuration)),
            Some(other) => plan.findings.push(name_taken(id, name, other)),
        }
    }
    let follower = |followed: &BTreeMap<&str, &TrackedMetric>, name: &str, metric: &TrackedMetric| {
        followed
            .iter()
            .find(|(other, taken)| **other != name && **taken == metric)
            .map(|(other, _)| (*other).to_owned())
    };
    while let Some(next) =
        pending.iter().position(|(name, configuration)| follower(&followed, name, &configuration.metric).is_none())
    {
        let (name, configuration) = pending.remove(next);
        followed.insert(name, &configuration.metric);
        plan.steps.push(Step::PutTargetTrackingPolicy {
            target: id.clone(),
            name: name.clone(),
            from: match of_name(name) {
                Some(AppliedPolicyKind::TargetTracking(current)) => Some(Box::new(current.clone())),
                _ => None,
            },
            configuration: configuration.clone(),
        });
    }
    for (name, configuration) in pending {
        let other = follower(&followed, name, &configuration.metric).unwrap_or_default();
        let advice = if declared.iter().any(|(declared, _)| *declared == other) {
            format!("delete {other}, which is then put as declared")
        } else {
            format!("declare it under the name {other}, or delete that policy")
        };
        plan.findings.push(Finding::stalled(
            "MetricTaken",
            format!(
                "policy {other} of {id} already follows the metric of targetTracking {name}, and AWS takes one policy for each \
                 metric: {advice}"
            ),
        ));
    }
}

/// AWS refuses to change the PolicyType of an existing policy.
pub(super) fn name_taken(id: &TargetId, name: &str, current: &AppliedPolicyKind) -> Finding {
    let kind = current.type_name();
    Finding::stalled(
        "PolicyNameTaken",
        format!("{id} already has a policy named {name} of type {kind}: choose another name, or delete that policy"),
    )
}
