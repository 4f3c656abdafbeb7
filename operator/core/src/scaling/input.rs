//! A ScalingPolicy, dereferenced and validated: what the plan needs, and nothing that can be wrong.

use runbook_api::common::{DeletionPolicy, Mode};
use runbook_api::drift::{Drift, OnScaleIn, OnScaleOut};
use runbook_api::scaling_policy::{AuroraReplicasRef, Autoscaling, EcsServiceRef, ScalingPolicySpec, ScalingTarget};

use super::overrides::bounds::Declared;
use super::overrides::intent::Memory;
use super::overrides::{Bounds, Override};
use super::scheduled::{self, Scheduled};
use super::{aurora, step_scaling, tracking};
use crate::account::{Access, Brakes};
use crate::ids::{ClusterId, ObjectId, ServiceId, TargetId};
use crate::observed::{Capacity, StepScalingConfiguration, Suspended, TargetTrackingConfiguration};
use crate::ownership::{OWNER_TAG, owner};
use crate::plan::Finding;

/// What a ScalingPolicy declares, where, and on whose behalf.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// What scales.
    pub target: TargetId,
    /// The size it is to have.
    pub size: Size,
    /// `replicas` is set beside `autoscaling`, which wins.
    pub leftover_replicas: Option<i32>,
    /// Tags that mark what the operator creates.
    pub owner_tags: Vec<(String, String)>,
    /// The policy.
    pub policy: ObjectId,
    /// Whether the size may be zero.
    pub allow_zero: bool,
    /// Whether the service is scaled although another manages it.
    pub take_ownership: bool,
    /// All overrides that name the policy, those that have ended among them.
    pub overrides: Vec<Override>,
    /// How far an override may raise the size.
    pub override_ceiling: Option<i32>,
    /// What is done about a size that somebody else has set.
    pub drift: DriftRules,
    /// What the policy's status remembers.
    pub memory: Memory,
    /// What the account's owner holds back.
    pub brakes: Brakes,
    /// Name of an adoption that cannot be made, because an object that is none of this policy's has it.
    pub taken: Option<String>,
    /// What becomes of AWS when the policy is deleted.
    pub deletion_policy: DeletionPolicy,
    /// What is to become of it now, where the policy is being deleted.
    pub deletion: Option<Deletion>,
}

/// A policy that is being deleted, and removes what it created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deletion {
    /// Another policy holds the service and goes on with what there is.
    pub held_by: Option<ObjectId>,
}

/// What is done about a size that somebody else has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriftRules {
    /// A larger one.
    pub scale_out: OnScaleOut,
    /// How long an adopted one holds, in seconds.
    pub adopt_for: i64,
    /// A smaller one.
    pub scale_in: OnScaleIn,
    /// Zero.
    pub from_zero: OnScaleIn,
}

impl Input {
    /// The input beside the overrides that name the policy, and what its status remembers.
    pub fn beside(self, overrides: Vec<Override>, memory: Memory) -> Self {
        Self { overrides, memory, ..self }
    }

    /// What the policy declares, as far as overrides change it, where `bounds` are what holds without them: its replicas, or the band
    /// that is right now.
    pub fn declared(&self, bounds: Bounds) -> Declared {
        Declared { bounds, autoscaled: matches!(self.size, Size::Band { .. }), ceiling: self.override_ceiling }
    }
}

/// How large a service is to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Size {
    /// This many tasks.
    Fixed(i32),
    /// Anything in a band, which the autoscaler moves in.
    Band(Band),
}

/// A band, and what moves the service in it or moves the band itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// The policy's own limits.
    pub capacity: Capacity,
    /// Target tracking policies by name.
    pub tracking: Vec<(String, TargetTrackingConfiguration)>,
    /// Step scaling policies by name.
    pub step_scaling: Vec<(String, StepScalingConfiguration)>,
    /// Scheduled actions, those of the windows included.
    pub scheduled: Vec<Scheduled>,
    /// Whether policies and actions that are not declared are deleted.
    pub prune: bool,
}

/// The target that a spec names, in the place in which it may work. What stands for a conflict between two policies.
///
/// # Errors
/// A stalled finding when the spec names no target, or by what is no name; the schema refuses such an object, an older one may still
/// exist.
pub fn target(spec: &ScalingPolicySpec, access: &Access) -> Result<TargetId, Finding> {
    let scope = access.scope.clone();
    let invalid = |message: String| Finding::stalled("InvalidSpec", message);
    if let Some(AuroraReplicasRef { cluster }) = &spec.target.aurora_replicas {
        if !aurora::is_identifier(cluster) {
            return Err(invalid(format!(
                "target.auroraReplicas.cluster: {cluster:?} is no identifier: write lower-case letters, digits and single hyphens, and no ARN"
            )));
        }
        return Ok(ClusterId { scope, cluster: cluster.clone() }.into());
    }
    let Some(EcsServiceRef { cluster, service }) = &spec.target.ecs_service else {
        return Err(invalid(
            "spec.target names nothing: set target.ecsService with cluster and service, or target.auroraReplicas with cluster".into(),
        ));
    };
    for (field, name) in [("cluster", cluster), ("service", service)] {
        if !is_name(name) {
            return Err(invalid(format!(
                "target.ecsService.{field}: {name:?} is no name: write letters, digits, hyphens and underscores, and no ARN"
            )));
        }
    }
    Ok(ServiceId { scope, cluster: cluster.clone(), service: service.clone() }.into())
}

/// Whether the size may be zero. Of Aurora Replicas it may without leave: no reader is no outage, the writer goes on.
pub fn allows_zero(spec: &ScalingPolicySpec) -> bool {
    spec.allow_zero || spec.target.aurora_replicas.is_some()
}

/// The ResourceId of what a spec names.
pub fn resource_id(target: &ScalingTarget) -> Option<String> {
    match (&target.ecs_service, &target.aurora_replicas) {
        (_, Some(replicas)) => Some(format!("cluster:{}", replicas.cluster)),
        (Some(service), None) => Some(format!("service/{}/{}", service.cluster, service.service)),
        (None, None) => None,
    }
}

/// A name of a cluster or a service (Amazon ECS API Reference, CreateCluster and CreateService). Grants are checked on an ARN made of
/// names: with a slash or a wildcard in one, that would be the ARN of something else.
fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=255).contains(&text.len()) && text.chars().all(allowed)
}

/// Whether a policy lays claim to its target: suspended and observing ones do not.
pub fn claims_target(spec: &ScalingPolicySpec) -> bool {
    !spec.suspend && spec.mode == Mode::Enforce
}

/// Checks what no schema can see, and gathers what the plan needs.
///
/// # Errors
/// A stalled finding that says which field is wrong and what to write.
pub fn validate(
    spec: &ScalingPolicySpec,
    policy: &ObjectId,
    cluster_id: &str,
    access: &Access,
) -> Result<Input, Finding> {
    let target = target(spec, access)?;
    aurora::judge(spec)?;
    let allow_zero = allows_zero(spec);
    let check = |field: &str, value: i32| match value {
        ..0 => Err(Finding::stalled("InvalidSpec", format!("{field}: {value} is no size: write 0 or more"))),
        0 if !allow_zero => Err(Finding::stalled(
            "InvalidSpec",
            format!("{field}: 0 stops {target}; set allowZero: true if that is meant"),
        )),
        _ => Ok(()),
    };
    let (size, leftover_replicas) = match (&spec.autoscaling, spec.replicas) {
        (Some(autoscaling), replicas) => {
            check("autoscaling.minCapacity", autoscaling.min_capacity)?;
            check("autoscaling.maxCapacity", autoscaling.max_capacity)?;
            for (entry, value) in scheduled_limits(autoscaling) {
                check(&entry, value)?;
            }
            (band(autoscaling, &access.brakes)?, replicas)
        }
        (None, Some(replicas)) => {
            check("replicas", replicas)?;
            (Size::Fixed(replicas), None)
        }
        (None, None) => {
            return Err(Finding::stalled(
                "InvalidSpec",
                "the spec says no size: set replicas to a fixed number, or autoscaling with minCapacity and maxCapacity",
            ));
        }
    };
    Ok(Input {
        target,
        size,
        leftover_replicas,
        owner_tags: vec![(OWNER_TAG.into(), owner(cluster_id, policy))],
        policy: policy.clone(),
        allow_zero,
        take_ownership: spec.take_ownership,
        overrides: Vec::new(),
        override_ceiling: spec.override_ceiling,
        drift: drift_rules(spec)?,
        memory: Memory::default(),
        brakes: access.brakes.clone(),
        taken: None,
        deletion_policy: spec.deletion_policy,
        deletion: None,
    })
}

fn drift_rules(spec: &ScalingPolicySpec) -> Result<DriftRules, Finding> {
    let Drift { scale_out, adopt_for, scale_in, from_zero } = spec.drift.clone().unwrap_or_default();
    let adopt_for = match adopt_for.seconds() {
        Ok(seconds @ 1..) => seconds,
        Ok(_) => {
            return Err(Finding::stalled(
                "InvalidSpec",
                "drift.adoptFor: 0 would adopt for no time at all: write how long, for example 1h, or scaleOut: Correct",
            ));
        }
        Err(error) => return Err(Finding::stalled("InvalidSpec", format!("drift.adoptFor: {error}"))),
    };
    Ok(DriftRules { scale_out, adopt_for, scale_in, from_zero })
}

fn band(autoscaling: &Autoscaling, brakes: &Brakes) -> Result<Size, Finding> {
    let Autoscaling { min_capacity, max_capacity, suspended, target_tracking, prune, .. } = autoscaling;
    if min_capacity > max_capacity {
        return Err(Finding::stalled(
            "InvalidSpec",
            format!(
                "autoscaling.minCapacity {min_capacity} exceeds maxCapacity {max_capacity}: lower the one or raise the other"
            ),
        ));
    }
    let suspended = suspended.unwrap_or_default();
    let suspended = Suspended {
        dynamic_scaling_in: suspended.dynamic_scaling_in,
        dynamic_scaling_out: suspended.dynamic_scaling_out,
        scheduled_scaling: suspended.scheduled_scaling,
    };
    let capacity = Capacity { min: *min_capacity, max: *max_capacity, suspended };
    let tracking: Vec<_> = target_tracking.iter().map(tracking::desired).collect::<Result<_, _>>()?;
    let step_scaling: Vec<_> = autoscaling.step_scaling.iter().map(step_scaling::desired).collect::<Result<_, _>>()?;
    if let Some((name, _)) = step_scaling.iter().find(|(name, _)| tracking.iter().any(|(other, _)| other == name)) {
        return Err(Finding::stalled(
            "InvalidSpec",
            format!("autoscaling.targetTracking and stepScaling both name a policy {name}: rename one of the two"),
        ));
    }
    let scheduled = scheduled::declared(autoscaling, &capacity, brakes.scale_in.is_some())?;
    Ok(Size::Band(Band { capacity, tracking, step_scaling, scheduled, prune: *prune }))
}

/// Every limit that a schedule sets, and where it stands.
pub(super) fn scheduled_limits(autoscaling: &Autoscaling) -> impl Iterator<Item = (String, i32)> + '_ {
    let windows = autoscaling.windows.iter().flat_map(|window| {
        let entry = |field: &str| format!("autoscaling.windows {}: {field}", window.name);
        [(entry("minCapacity"), window.min_capacity), (entry("maxCapacity"), window.max_capacity)]
    });
    let actions = autoscaling.scheduled_actions.iter().flat_map(|action| {
        let entry = |field: &str| format!("autoscaling.scheduledActions {}: {field}", action.name);
        let limits = [(entry("minCapacity"), action.min_capacity), (entry("maxCapacity"), action.max_capacity)];
        limits.into_iter().filter_map(|(entry, value)| Some((entry, value?)))
    });
    windows.chain(actions)
}
