//! What a ScalingPolicy with `deletionPolicy: Delete` removes when it is deleted: what the operator created, and nothing else.
//!
//! Application Auto Scaling keeps tags on scalable targets only ("TagResource", Application Auto Scaling API Reference), so the owner tag
//! of the target is the only proof there is. On a target that carries it, the scaling policies and scheduled actions that the spec
//! declares are ours, because the operator has written each of them. On any other target they may have been there before under the same
//! names, so nothing of it is touched.

use jiff::Timestamp;
use runbook_api::scaling_policy::ScalingTarget;

use super::capability::Lookup;
use super::held;
use super::input::{Band, Deletion, Input, Size};
use crate::deletion::left_behind;
use crate::facts::{Answer, Facts, Inquiry};
use crate::observed::{AppliedPolicy, AppliedPolicyKind, ScalableTarget, Scaled, ScheduledAction};
use crate::ownership::OWNER_TAG;
use crate::plan::Plan;
use crate::query::{Query, TargetArn};
use crate::step::{Registration, Step};

/// Whether deleting the policy may have to remove something: a scalable target is there, or the plan registers one.
pub fn leaves_behind(facts: &Facts, steps: &[Step]) -> bool {
    let registered = |(_, answer): (_, &Result<Answer, _>)| matches!(answer, Ok(Answer::ScalableTarget(Some(_))));
    steps.iter().any(|step| matches!(step, Step::RegisterScalableTarget { .. })) || facts.iter().any(registered)
}

/// What may stay in AWS when the policy goes without having looked.
pub fn remains(target: &ScalingTarget, owner: &str) -> String {
    let service = target.ecs_service.as_ref().map(|one| format!("ECS service {}/{}", one.cluster, one.service));
    let cluster = target.aurora_replicas.as_ref().map(|one| format!("Aurora cluster {}", one.cluster));
    format!(
        "the scalable target of {}, if it carries the tag {OWNER_TAG}={owner}, with its scaling policies and \
         scheduled actions",
        service.or(cluster).unwrap_or_default()
    )
}

/// Decides what is to be asked, or removed. A plan without steps, needs and more than notes has nothing left to remove.
pub fn plan(input: &Input, deletion: &Deletion, facts: &Facts, now: Timestamp) -> Plan {
    let id = &input.target;
    if let Some(holder) = &deletion.held_by {
        return Plan::only(left_behind(format!("{id} is held by {holder}, which goes on with what there is")));
    }
    let mut inquiry = Inquiry::new(facts);
    let lookup = Lookup::ask(&mut inquiry, id);
    let target = inquiry.scalable_target(Query::ScalableTarget(id.clone()));
    let policies = inquiry.scaling_policies(Query::ScalingPolicies(id.clone()));
    let actions = inquiry.scheduled_actions(Query::ScheduledActions(id.clone()));
    if let Some(missing) = inquiry.open() {
        return Plan::missing(missing);
    }
    let (Some(lookup), Some(Some(target)), Some(policies), Some(actions)) = (lookup, target, policies, actions) else {
        // Without a target there is neither policy nor action.
        return Plan::default();
    };
    let mut plan = match owned(input, target, facts) {
        Err(plan) => return *plan,
        Ok((arn, owner)) => removal(input, target, arn, owner, policies, actions),
    };
    // Nothing left to remove is nothing to hold back.
    if !plan.steps.is_empty() {
        held::by_freeze(&input.brakes, false, now, &mut plan);
        if let Some(scaled) = lookup.found() {
            hold_by_tag(input, &scaled, now, &mut plan);
        }
    }
    plan
}

fn hold_by_tag(input: &Input, scaled: &Scaled<'_>, now: Timestamp, plan: &mut Plan) {
    held::by_tag(&input.target, scaled, now, plan);
    if plan.findings.iter().any(|finding| finding.weight == crate::plan::Weight::Stalled) {
        plan.steps.clear();
    }
}

/// The target's ARN and owner where the owner is this policy; else the plan that asks, or leaves the target.
fn owned<'a>(input: &'a Input, target: &'a ScalableTarget, facts: &Facts) -> Result<(&'a str, &'a str), Box<Plan>> {
    let id = &input.target;
    let stays = |why: String| Box::new(Plan::only(left_behind(format!("the scalable target of {id} stays: {why}"))));
    let owner = input.owner_tags.iter().find(|(key, _)| key == OWNER_TAG).map(|(_, owner)| owner.as_str());
    let (Some(arn), Some(owner)) = (&target.arn, owner) else {
        return Err(stays(
            "it is older than ARNs of scalable targets, and cannot carry the tag that would say whose it is".into(),
        ));
    };
    let mut inquiry = Inquiry::new(facts);
    let tags = inquiry.target_tags(Query::ScalableTargetTags(TargetArn { target: id.clone(), arn: arn.clone() }));
    if let Some(missing) = inquiry.open() {
        return Err(Box::new(Plan::missing(missing)));
    }
    match tags.and_then(|tags| tags.get(OWNER_TAG)) {
        Some(tag) if tag == owner => Ok((arn, owner)),
        Some(other) => Err(stays(format!("its tag {OWNER_TAG} says {other}, not {owner}"))),
        None => Err(stays(format!("it does not carry the tag {OWNER_TAG}, so somebody else registered it"))),
    }
}

/// The target as a whole where everything on it is ours; else what is ours, by name.
fn removal(
    input: &Input,
    target: &ScalableTarget,
    arn: &str,
    owner: &str,
    policies: &[AppliedPolicy],
    actions: &[ScheduledAction],
) -> Plan {
    let id = &input.target;
    let (our_policies, their_policies): (Vec<_>, Vec<_>) =
        policies.iter().partition(|policy| declares_policy(&input.size, policy));
    let (our_actions, their_actions): (Vec<_>, Vec<_>) =
        actions.iter().partition(|action| declares_action(&input.size, &action.name));
    let foreign = their_policies.iter().map(|policy| format!("scaling policy {}", policy.name));
    let foreign = foreign.chain(their_actions.iter().map(|action| format!("scheduled action {}", action.name)));
    let foreign: Vec<String> = foreign.collect();
    if foreign.is_empty() {
        let from = Registration {
            arn: arn.into(),
            capacity: target.capacity,
            owner: owner.into(),
            policies: our_policies.iter().map(|policy| policy.name.clone()).collect(),
            scheduled_actions: our_actions.iter().map(|action| action.name.clone()).collect(),
        };
        let step = Step::DeregisterScalableTarget { target: id.clone(), from: Box::new(from) };
        return Plan { steps: vec![step], ..Plan::default() };
    }
    let delete_policy = |policy: &AppliedPolicy| Step::DeleteScalingPolicy {
        target: id.clone(),
        name: policy.name.clone(),
        from: Box::new(policy.kind.clone()),
    };
    let delete_action =
        |action: &ScheduledAction| Step::DeleteScheduledAction { target: id.clone(), from: Box::new(action.clone()) };
    let steps = our_policies.into_iter().map(delete_policy);
    let steps = steps.chain(our_actions.into_iter().map(delete_action)).collect();
    let finding = left_behind(format!(
        "the scalable target of {id} stays, because removing it would remove what is not declared here: {}",
        foreign.join(", ")
    ));
    Plan { steps, findings: vec![finding], ..Plan::default() }
}

/// Whether the spec declares a policy of this name and type: AWS refuses to change a type, so one of another type was never written.
fn declares_policy(size: &Size, policy: &AppliedPolicy) -> bool {
    let Size::Band(Band { tracking, step_scaling, .. }) = size else { return false };
    match &policy.kind {
        AppliedPolicyKind::TargetTracking(_) => tracking.iter().any(|(name, _)| *name == policy.name),
        AppliedPolicyKind::StepScaling(_) => step_scaling.iter().any(|(name, _)| *name == policy.name),
        AppliedPolicyKind::Other(_) => false,
    }
}

fn declares_action(size: &Size, name: &str) -> bool {
    let Size::Band(Band { scheduled, .. }) = size else { return false };
    scheduled.iter().any(|declared| declared.action.name == name)
}
