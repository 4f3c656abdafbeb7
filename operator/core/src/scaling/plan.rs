//! The decision on a ScalingPolicy.

use jiff::{SignedDuration, Timestamp};

use super::capability::Lookup;
use super::expected::{self, Basis, Expected};
use super::input::{Band, Input, Size};
use super::overrides::bounds::Declared;
use super::overrides::{self, Bounds, Intent, Lift};
use super::{actions, aurora, deletion, foreign, held, policies, sizing, step_scaling};
use crate::account::{self, brakes::Pace};
use crate::contest::Contest;
use crate::facts::{Facts, Inquiry};
use crate::ids::TargetId;
use crate::observed::{AppliedPolicy, Capacity, ScalableTarget, Scaled, ScheduledAction};
use crate::plan::{Finding, Plan, Weight};
use crate::query::Query;
use crate::step::Step;

/// What waits for a time that is known.
const TIMED: [&str; 3] = ["ScaleInStep", "Contested", "ReplicasChanging"];
/// How soon to look again at something that happens by itself.
const SOON: SignedDuration = SignedDuration::from_secs(15);

/// Decides what is to be asked, or written, so that the service follows the policy.
pub fn plan(input: &Input, facts: &Facts, now: Timestamp) -> Plan {
    let scope = input.target.scope();
    // Whose account it is comes first: with the wrong credentials nothing is read either.
    let mut inquiry = Inquiry::new(facts);
    let identity = inquiry.caller_identity(Query::CallerIdentity(scope.clone()));
    if let Some(missing) = inquiry.open() {
        return Plan::missing(missing);
    }
    if let Some(finding) = identity.and_then(|identity| account::plan::mismatch(scope, identity)) {
        return Plan::only(finding);
    }
    if let Some(deleted) = &input.deletion {
        return deletion::plan(input, deleted, facts, now);
    }
    match observe(input, facts, now) {
        Ok(observed) => decide(input, &observed, now),
        Err(plan) => *plan,
    }
}

/// What AWS shows of the target.
struct Observed<'f> {
    scaled: Scaled<'f>,
    target: Option<&'f ScalableTarget>,
    policies: &'f [AppliedPolicy],
    actions: &'f [ScheduledAction],
}

/// Gathers what the decision rests on, or returns the plan that asks for it or says why there is nothing to decide.
fn observe<'f>(input: &'f Input, facts: &'f Facts, now: Timestamp) -> Result<Observed<'f>, Box<Plan>> {
    let id = &input.target;
    let mut inquiry = Inquiry::new(facts);
    let lookup = Lookup::ask(&mut inquiry, id);
    let target = inquiry.scalable_target(Query::ScalableTarget(id.clone()));
    // A fixed size has no policies; AWS gives them in pages of ten, so what is not needed is not asked.
    let (policies, actions) = match input.size {
        Size::Band { .. } => (
            inquiry.scaling_policies(Query::ScalingPolicies(id.clone())).map(Vec::as_slice),
            inquiry.scheduled_actions(Query::ScheduledActions(id.clone())).map(Vec::as_slice),
        ),
        Size::Fixed(_) => (Some(&[][..]), Some(&[][..])),
    };
    match (inquiry.open(), lookup, target, policies, actions) {
        (Some(missing), ..) => Err(Box::new(Plan::missing(missing))),
        (None, Some(lookup), Some(target), Some(policies), Some(actions)) => {
            let scaled = lookup.scalable(input.take_ownership, now)?;
            Ok(Observed { scaled, target: target.as_ref(), policies, actions })
        }
        // An inquiry that is not open has all its answers.
        (None, ..) => Err(Box::default()),
    }
}

fn decide(input: &Input, observed: &Observed<'_>, now: Timestamp) -> Plan {
    let id = &input.target;
    let scaled = &observed.scaled;
    let active = overrides::active(&input.overrides, input.allow_zero, now);
    let lift = Lift::of(&active);
    let Sized { mut plan, declared, wanted, settled } = match &input.size {
        Size::Fixed(replicas) => fixed(input, *replicas, &lift, observed, now),
        Size::Band(band) => autoscaled(input, band, &lift, observed, now),
    };
    if let Some(replicas) = input.leftover_replicas {
        plan.findings.push(Finding::note(
            "ReplicasIgnored",
            format!("replicas: {replicas} is ignored because autoscaling is set: remove one of the two"),
        ));
    }
    // Ready although no task runs is what users of other tools complain about.
    if plan.steps.is_empty() && scaled.desired_count > 0 && scaled.running_count == 0 {
        plan.findings.push(Finding::waiting(
            "NoTaskRunning",
            format!(
                "none of the {} tasks of {id} runs yet; its events in ECS say why if that lasts",
                scaled.desired_count
            ),
        ));
    }
    // A change of the spec, or the end of an override, is no correction.
    let drifted = input.memory.in_line && input.memory.follows(wanted);
    let contest = Contest::of(&input.memory.corrections, now);
    held::by_contest(id, contest.as_ref(), drifted, now, &mut plan);
    held::by_freeze(&input.brakes, !active.is_empty(), now, &mut plan);
    held::by_tag(id, scaled, now, &mut plan);
    // A change that a person must first make possible is not begun.
    if plan.findings.iter().any(|finding| finding.weight == Weight::Stalled) {
        plan.steps.clear();
    }
    // A step that waits for its time says when that is.
    let waits = |finding: &Finding| finding.weight == Weight::Waiting && !TIMED.contains(&&*finding.reason);
    if plan.findings.iter().any(waits) {
        now.checked_add(SOON).ok().into_iter().for_each(|soon| plan.wake(soon));
    }
    active.iter().map(|one| one.expires_at).min().into_iter().for_each(|end| plan.wake(end));
    plan.intent = Some(Box::new(Intent::new(wanted, settled, &input.memory, &active, &declared, contest)));
    plan
}

/// A plan for the size, and what it works towards.
struct Sized {
    plan: Plan,
    /// What holds without overrides.
    declared: Declared,
    /// The size that is wanted.
    wanted: Bounds,
    /// Whether AWS shows it.
    settled: bool,
}

/// A band, and everything that moves the service in it or moves the band itself.
fn autoscaled(input: &Input, size: &Band, lift: &Lift<'_>, observed: &Observed<'_>, now: Timestamp) -> Sized {
    let Band { capacity: own, tracking, step_scaling, scheduled, prune } = size;
    let (id, &Observed { scaled, target, policies, actions: applied }) = (&input.target, observed);
    let (prune, override_ceiling) = (*prune, input.override_ceiling);
    let basis = Basis { id, own, scheduled, applied, prune, target, lift, override_ceiling };
    let Expected { declared, capacity, findings, next_at } = expected::expected(&basis, now);
    let wanted = Bounds::between(capacity.min, capacity.max);
    let settled = findings.is_empty()
        && target.is_some_and(|target| target.capacity == capacity)
        && scaled.within(&capacity) == scaled.desired_count;
    let mut plan = band(input, &declared, &capacity, &scaled, target, now);
    aurora::note_permanent(input, &capacity, &scaled, &mut plan);
    plan.findings.extend(findings);
    next_at.into_iter().for_each(|at| plan.wake(at));
    // AWS takes neither policy nor action for a service without a scalable target.
    if target.is_some() || !plan.steps.is_empty() {
        let declares = |name: &str| {
            tracking.iter().any(|(declared, _)| declared == name)
                || step_scaling.iter().any(|(declared, _)| declared == name)
        };
        // What goes makes room, and sets its metric free, for what comes.
        let kept = foreign::policies(id, declares, policies, prune, &mut plan);
        policies::put(id, tracking, &kept, &mut plan);
        step_scaling::put(id, step_scaling, &kept, &mut plan);
        let declares = |name: &str| scheduled.iter().any(|declared| declared.action.name == name);
        foreign::actions(id, declares, applied, prune, &mut plan);
        actions::put(id, scheduled, applied, target, now, &mut plan);
    }
    actions::notes(scheduled, now, &mut plan);
    Sized { plan, declared, wanted, settled }
}

fn fixed(input: &Input, replicas: i32, lift: &Lift<'_>, observed: &Observed<'_>, now: Timestamp) -> Sized {
    let declared = input.declared(Bounds::exactly(replicas));
    let wanted = lift.bounds(&declared);
    let scaled = &observed.scaled;
    let settled = wanted.clamp(scaled.desired_count) == scaled.desired_count;
    let plan = sized(input, &declared, wanted, observed, now);
    Sized { plan, declared, wanted, settled }
}

fn sized(input: &Input, declared: &Declared, wanted: Bounds, observed: &Observed<'_>, now: Timestamp) -> Plan {
    let (id, &Observed { scaled, target, .. }) = (&input.target, observed);
    let TargetId::EcsService(service) = id else { return Plan::only(aurora::no_fixed_size()) };
    // Two who move one number would undo each other's work for ever.
    if let Some(target) = target {
        return Plan::only(Finding::stalled(
            "AutoscalerPresent",
            format!(
                "replicas is fixed, but {id} has a scalable target ({} to {}) that would move it: declare autoscaling instead, or remove the \
                 target with aws application-autoscaling deregister-scalable-target --service-namespace ecs --scalable-dimension \
                 ecs:service:DesiredCount --resource-id {}",
                target.capacity.min,
                target.capacity.max,
                id.resource_id()
            ),
        ));
    }
    sizing::bring(input, service, declared, wanted, &scaled, now)
}

fn band(
    input: &Input,
    declared: &Declared,
    capacity: &Capacity,
    scaled: &Scaled<'_>,
    target: Option<&ScalableTarget>,
    now: Timestamp,
) -> Plan {
    let id = &input.target;
    let registered = target.map(|target| target.capacity);
    let size = scaled.within(capacity);
    if registered == Some(*capacity) {
        // Inside the band the size is the autoscaler's. Outside it nobody moves it back: AWS clamps when the target is registered, not later.
        let wanted = Bounds::between(capacity.min, capacity.max);
        return match id {
            TargetId::EcsService(service) => sizing::bring(input, service, declared, wanted, scaled, now),
            TargetId::AuroraReplicas(_) => aurora::bring(input, capacity, scaled, now),
        };
    }
    // Registering moves the service into the band at once, so it waits as any other scale-in does.
    if size < scaled.desired_count && scaled.deploying {
        return sizing::wait_for_deployment(input, scaled.desired_count, size);
    }
    let mut to = *capacity;
    if size != scaled.desired_count {
        let goal = capacity.clamp(scaled.desired_count);
        match input.brakes.pace(scaled.desired_count, goal, input.memory.moved_at, now) {
            Pace::Wait(until) => return sizing::wait_for_step(input, scaled.desired_count, size, until),
            // Registering the maximum would go all the way at once.
            Pace::Go(next) if next > to.max => to.max = next,
            Pace::Go(_) => {}
        }
    }
    let tags = if target.is_none() { input.owner_tags.clone() } else { Vec::new() };
    let step = Step::RegisterScalableTarget {
        target: id.clone(),
        from: registered,
        to,
        desired_count: scaled.desired_count,
        tags,
    };
    Plan { steps: vec![step], ..Plan::default() }
}
