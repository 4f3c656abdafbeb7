//! Aurora Replicas: what of a spec has no meaning for them, whether a cluster's can be scaled, and how they get into their band.
//!
//! A cluster keeps no number of replicas that is wanted. Application Auto Scaling counts those that there are, makes more of the writer's
//! class, and removes none but its own (Amazon Aurora User Guide, "Amazon Aurora Auto Scaling with Aurora Replicas"). So nothing but the
//! scalable target is written, and registering it as it is brings the number into the band.

use jiff::{SignedDuration, Timestamp};
use runbook_api::ScalingPolicySpec;
use runbook_api::scaling_policy::ScalingTarget;

use super::input::{Input, scheduled_limits};
use crate::account::brakes::Pace;
use crate::ids::ClusterId;
use crate::observed::{Capacity, DbCluster, Scaled};
use crate::plan::{Finding, Plan};
use crate::step::Step;

/// "Aurora supports up to 15 Aurora Replicas" (Amazon Aurora User Guide, "Aurora Replicas").
const MOST: i32 = 15;
/// An instance takes minutes to come or to go: so long none is ordered again.
const SETTLES: SignedDuration = SignedDuration::from_mins(10);
/// How often it is looked at meanwhile.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// Refuses what says nothing of Aurora Replicas, and what Application Auto Scaling refuses of them; and their metrics for anything else.
/// The schema refuses such an object, an older one may still exist.
///
/// # Errors
/// A stalled finding that says which field is wrong and what to write.
pub fn judge(spec: &ScalingPolicySpec) -> Result<(), Finding> {
    let invalid = |message: String| Err(Finding::stalled("InvalidSpec", message));
    let ScalingTarget { ecs_service, aurora_replicas } = &spec.target;
    if ecs_service.is_some() && aurora_replicas.is_some() {
        return invalid("spec.target names two things: keep ecsService or auroraReplicas".into());
    }
    let is_aurora = aurora_replicas.is_some();
    for entry in spec.autoscaling.iter().flat_map(|autoscaling| &autoscaling.target_tracking) {
        if let Some(metric) = entry.predefined_metric
            && metric.as_str().starts_with("RDSReader") != is_aurora
        {
            return invalid(format!(
                "autoscaling.targetTracking {}: {} is no metric of the target: write RDSReaderAverageCPUUtilization or \
                 RDSReaderAverageDatabaseConnections for auroraReplicas, another for ecsService",
                entry.name,
                metric.as_str()
            ));
        }
    }
    if !is_aurora {
        return Ok(());
    }
    if spec.replicas.is_some() {
        return Err(no_fixed_size());
    }
    if spec.drift.is_some() {
        return invalid("drift is about the desired count of an ECS service: leave it out for Aurora Replicas".into());
    }
    if spec.take_ownership {
        return invalid(
            "takeOwnership is about the template of an ECS service: leave it out for Aurora Replicas".into(),
        );
    }
    let own = spec.autoscaling.iter().map(|own| ("autoscaling.maxCapacity".to_owned(), own.max_capacity));
    let scheduled = spec.autoscaling.iter().flat_map(scheduled_limits);
    let ceiling = spec.override_ceiling.map(|ceiling| ("overrideCeiling".to_owned(), ceiling));
    match own.chain(scheduled).chain(ceiling).find(|(_, value)| *value > MOST) {
        Some((field, value)) => {
            invalid(format!("{field}: {value}: a cluster has at most {MOST} Aurora Replicas, so write {MOST} or less"))
        }
        None => Ok(()),
    }
}

/// Of `replicas` for Aurora Replicas.
pub fn no_fixed_size() -> Finding {
    Finding::stalled(
        "InvalidSpec",
        "replicas says nothing of Aurora Replicas, which have no desired count of their own: write autoscaling instead, with minCapacity \
         and maxCapacity the same for a fixed number",
    )
}

/// The cluster, where it is there and its Aurora Replicas can be scaled.
///
/// # Errors
/// The plan that says why they cannot.
pub fn scalable<'f>(id: &ClusterId, found: Option<&'f DbCluster>, now: Timestamp) -> Result<Scaled<'f>, Box<Plan>> {
    let ClusterId { scope, cluster: name } = id;
    let stalled = |reason, message: String| Box::new(Plan::only(Finding::stalled(reason, message)));
    let Some(cluster) = found else {
        return Err(stalled(
            "TargetNotFound",
            format!(
                "account {} in {} has no DB cluster {name}: create it, or correct spec.target.auroraReplicas.cluster",
                scope.account_id, scope.region
            ),
        ));
    };
    if !cluster.engine.starts_with("aurora") {
        return Err(stalled(
            "Unsupported",
            format!(
                "DB cluster {name} has engine {}, and only Aurora has replicas that scale: delete this policy",
                cluster.engine
            ),
        ));
    }
    let unavailable = |why: String| {
        let mut plan = Plan::only(Finding::waiting("ClusterNotAvailable", format!("{id} {why}")));
        now.checked_add(LOOK_AGAIN).ok().into_iter().for_each(|again| plan.wake(again));
        Box::new(plan)
    };
    if cluster.status != "available" {
        return Err(unavailable(format!("is {}; nothing is changed before it is available", cluster.status)));
    }
    if !cluster.has_writer() {
        return Err(unavailable("has no writer, whose class its Aurora Replicas get: create one".into()));
    }
    Ok(cluster.scaled())
}

/// What brings the Aurora Replicas back within `capacity`, which is registered: AWS does so when it is registered, and not before.
pub fn bring(input: &Input, capacity: &Capacity, scaled: &Scaled<'_>, now: Timestamp) -> Plan {
    let id = &input.target;
    let (from, to) = (scaled.desired_count, scaled.within(capacity));
    if from == to {
        return Plan::default();
    }
    if let Some(settled) = input.memory.moved_at.and_then(|moved| moved.checked_add(SETTLES).ok())
        && now < settled
    {
        let mut plan = Plan::only(Finding::waiting(
            "ReplicasChanging",
            format!(
                "{id} goes from {from} to {to} Aurora Replicas; if it has not, the band is registered again at {settled}"
            ),
        ));
        plan.wake(now.checked_add(LOOK_AGAIN).map_or(settled, |again| again.min(settled)));
        return plan;
    }
    let mut band = *capacity;
    match input.brakes.pace(from, capacity.clamp(from), input.memory.moved_at, now) {
        Pace::Wait(until) => return super::sizing::wait_for_step(input, from, to, until),
        Pace::Go(next) => band.max = band.max.max(next),
    }
    let (target, from_band) = (id.clone(), Some(*capacity));
    let step =
        Step::RegisterScalableTarget { target, from: from_band, to: band, desired_count: from, tags: Vec::new() };
    Plan { steps: vec![step], ..Plan::default() }
}

/// Says which of the Aurora Replicas are more than wanted and stay nevertheless.
pub fn note_permanent(input: &Input, capacity: &Capacity, scaled: &Scaled<'_>, plan: &mut Plan) {
    if scaled.permanent > capacity.max {
        plan.findings.push(Finding::note(
            "ReplicasOfOthers",
            format!(
                "{} of the Aurora Replicas of {} were not made by Application Auto Scaling, which never removes them: delete {}, or raise \
                 maxCapacity, which is {}",
                scaled.permanent,
                input.target,
                scaled.permanent - capacity.max,
                capacity.max
            ),
        ));
    }
}

/// An identifier of a DB cluster as RDS keeps it (Amazon RDS API Reference, CreateDBCluster). Grants are checked on an ARN made of it.
pub fn is_identifier(text: &str) -> bool {
    let parts = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    text.len() <= 63 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.split('-').all(parts)
}

#[cfg(test)]
mod tests {
    use super::is_identifier;

    #[test]
    fn identifiers_are_those_of_rds() {
        for (text, is) in [
            ("shop", true),
            ("shop-2-eu", true),
            ("2shop", false),
            ("shop-", false),
            ("shop--eu", false),
            ("Shop", false),
            ("shop*", false),
            ("cluster:shop", false),
            ("", false),
        ] {
            assert_eq!(is_identifier(text), is, "{text}");
        }
        assert!(is_identifier(&"s".repeat(63)) && !is_identifier(&"s".repeat(64)));
    }
}
