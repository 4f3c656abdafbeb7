//! What the objects mean, decided a second time and by other code than the operator's.

use jiff::Timestamp;
use runbook_api::aws_account::Verb;
use runbook_api::common::{DeletionPolicy, Mode};
use runbook_api::scaling_policy::ScalingPolicySpec;
use runbook_api::scheduled::Window;
use runbook_api::step_scaling::StepScaling as StepScalingSpec;
use runbook_api::{AwsAccount, ScalingPolicy};
use runbook_aws::Call;
use runbook_core::arn;
use runbook_core::observed::{
    AppliedPolicy, AppliedPolicyKind, Capacity, ScheduledAction, StepScaling, TargetTrackingConfiguration,
    TrackedMetric,
};
use serde_json::Value;

use super::knowledge::Objects;
use crate::cloud::resource_id;
use crate::journal::{Held, ObjectKey};

/// A policy, read.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its key.
    pub key: ObjectKey,
    /// It.
    pub object: ScalingPolicy,
}

/// The well-formed policies among some objects.
pub fn policies(objects: &Objects) -> Vec<Policy> {
    let all = objects.iter().filter(|(key, _)| key.resource == "scalingpolicies");
    all.filter_map(|(key, object)| Some(Policy { key: key.clone(), object: read(object)? })).collect()
}

/// An AwsAccount among some objects.
pub fn account(objects: &Objects, name: &str) -> Option<AwsAccount> {
    let key = ObjectKey { resource: "awsaccounts".into(), namespace: String::new(), name: name.into() };
    objects.get(&key).and_then(|object| read(object))
}

fn read<T: serde::de::DeserializeOwned>(object: &Value) -> Option<T> {
    serde_json::from_value(object.clone()).ok()
}

impl Policy {
    /// The spec.
    pub fn spec(&self) -> &ScalingPolicySpec {
        &self.object.spec
    }

    /// Cluster and service.
    pub fn target(&self) -> (&str, &str) {
        self.spec().target.ecs_service.as_ref().map_or(("", ""), |target| (&target.cluster, &target.service))
    }

    /// Account and region.
    pub fn place(&self, objects: &Objects) -> Option<(String, String)> {
        let account = account(objects, &self.spec().account_ref.name)?;
        let region = self.spec().region.clone().or_else(|| account.spec.regions.first().cloned())?;
        Some((account.spec.account_id, region))
    }

    /// Whether the policy's namespace may do this to its service.
    pub fn granted(&self, verb: Verb, objects: &Objects) -> bool {
        let (Some(account), Some((id, region))) =
            (account(objects, &self.spec().account_ref.name), self.place(objects))
        else {
            return false;
        };
        let (cluster, service) = self.target();
        let resource = format!("arn:aws:ecs:{region}:{id}:service/{cluster}/{service}");
        account.spec.grants.iter().any(|grant| {
            grant.namespaces.contains(&self.key.namespace)
                && (verb == Verb::Observe || grant.verbs.contains(&verb))
                && grant.resources.iter().any(|pattern| arn::matches(pattern, &resource))
        })
    }

    /// Whether the policy may write to its service, were it alone.
    pub fn wants(&self, objects: &Objects) -> bool {
        let account = account(objects, &self.spec().account_ref.name);
        !self.spec().suspend
            && self.spec().mode == Mode::Enforce
            && (!self.is_being_deleted() || self.is_guarded())
            && account.is_some_and(|account| account.spec.mode == Mode::Enforce)
            && self.granted(Verb::Scale, objects)
    }

    /// Whether it is being deleted.
    pub fn is_being_deleted(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
    }

    /// Whether it waits for the operator before it goes.
    pub fn is_guarded(&self) -> bool {
        let finalizers = self.object.metadata.finalizers.iter().flatten();
        finalizers.into_iter().any(|finalizer| finalizer == "ops.clocked.app/cleanup")
    }

    /// Whether it has to be guarded before it creates anything.
    pub fn needs_guard(&self) -> bool {
        self.spec().deletion_policy == DeletionPolicy::Delete
    }

    /// Whether a scalable target is its own, and everything on it.
    fn owns(&self, before: &Held) -> bool {
        let owner = format!("simulator/{}/{}", self.key.namespace, self.key.name);
        before.owner.as_deref() == Some(&owner)
    }

    /// Whether its deletion removes what a write removes.
    fn removes(&self, call: &Call, before: &Held) -> bool {
        let (cluster, service) = self.target();
        let id = resource_id(cluster, service);
        let ours = |policy: &AppliedPolicy| {
            self.spec().autoscaling.as_ref().is_some_and(|band| match policy.kind {
                AppliedPolicyKind::TargetTracking(_) => {
                    band.target_tracking.iter().any(|entry| entry.name == policy.name)
                }
                AppliedPolicyKind::StepScaling(_) => band.step_scaling.iter().any(|entry| entry.name == policy.name),
                AppliedPolicyKind::Other(_) => false,
            })
        };
        let actions = self.actions();
        let scheduled = |name: &str| actions.iter().any(|action| action.name == name);
        let alone = before.policies.iter().all(ours) && before.actions.iter().all(|action| scheduled(&action.name));
        let wanted = match call {
            Call::DeregisterScalableTarget { resource_id } => *resource_id == id && alone,
            // One that somebody has deleted meanwhile is nobody's.
            Call::DeleteScalingPolicy { resource_id, name } => {
                let mut of_name = before.policies.iter().filter(|policy| policy.name == *name);
                *resource_id == id && !alone && of_name.all(ours)
            }
            Call::DeleteScheduledAction { resource_id, name } => *resource_id == id && !alone && scheduled(name),
            _ => false,
        };
        wanted && self.needs_guard() && self.owns(before)
    }

    /// The older policy that holds the same service, if this one does not.
    pub fn rival<'p>(&self, all: &'p [Self], objects: &Objects) -> Option<&'p Self> {
        let age = |policy: &Self| {
            let created = policy.object.metadata.creation_timestamp.as_ref().map(|time| time.0);
            (created, policy.key.namespace.clone(), policy.key.name.clone())
        };
        let same = |policy: &&Self| policy.target() == self.target() && policy.place(objects) == self.place(objects);
        all.iter()
            .filter(same)
            .filter(|policy| policy.wants(objects) && age(policy) < age(self))
            .min_by_key(|policy| age(policy))
    }

    /// Whether AWS is as the policy declares.
    pub fn is_satisfied(&self, held: &Held, at: Timestamp) -> bool {
        match &self.spec().autoscaling {
            None => Some(held.desired) == self.spec().replicas,
            Some(band) => {
                let right = self.capacity_at(at);
                let policies = band.target_tracking.iter().map(|entry| &entry.name);
                let policies: Vec<&String> =
                    policies.chain(band.step_scaling.iter().map(|entry| &entry.name)).collect();
                let actions = self.actions();
                held.capacity == right
                    && right.is_some_and(|right| (right.min..=right.max).contains(&held.desired))
                    && band.step_scaling.iter().all(|entry| {
                        held.policies.iter().any(|applied| applied.name == entry.name && is_step(entry, &applied.kind))
                    })
                    && actions.iter().all(|wanted| held.actions.iter().any(|action| same_action(wanted, action)))
                    && (!band.prune
                        || held.policies.iter().all(|applied| policies.contains(&&applied.name))
                            && held.actions.iter().all(|action| actions.iter().any(|one| one.name == action.name)))
                    && self
                        .tracking()
                        .iter()
                        .all(|wanted| held.policies.iter().any(|applied| same_policy(wanted, applied)))
            }
        }
    }

    /// The limits that the policy declares.
    pub fn capacity(&self) -> Option<Capacity> {
        let band = self.spec().autoscaling.as_ref()?;
        Some(Capacity {
            min: band.min_capacity,
            max: band.max_capacity,
            suspended: runbook_core::observed::Suspended::default(),
        })
    }

    /// Every band that the policy declares: its own, and those of its windows.
    pub fn bands(&self) -> Vec<Capacity> {
        let windows = self.spec().autoscaling.iter().flat_map(|band| &band.windows);
        let windows = windows.map(|window| Capacity {
            min: window.min_capacity,
            max: window.max_capacity,
            suspended: runbook_core::observed::Suspended::default(),
        });
        self.capacity().into_iter().chain(windows).collect()
    }

    /// The band that is right, long after the last firing. A window lasts from a minute to another, every day, in UTC.
    pub fn capacity_at(&self, at: Timestamp) -> Option<Capacity> {
        let time = at.to_zoned(jiff::tz::TimeZone::UTC).time();
        let now = i32::from(time.hour()) * 60 + i32::from(time.minute());
        let windows = self.spec().autoscaling.iter().flat_map(|band| &band.windows);
        let open = windows.enumerate().find(|(_, window)| match (minute(&window.start), minute(&window.end)) {
            (Some(start), Some(end)) => (start..end).contains(&now),
            _ => false,
        });
        match open {
            Some((index, _)) => self.bands().get(index + 1).copied(),
            None => self.capacity(),
        }
    }

    /// The scheduled actions of the windows.
    pub fn actions(&self) -> Vec<ScheduledAction> {
        let Some(band) = &self.spec().autoscaling else { return Vec::new() };
        let action = |name: String, schedule: &String, min: i32, max: i32| ScheduledAction {
            name,
            schedule: schedule.clone(),
            time_zone: None,
            start_time: None,
            end_time: None,
            min_capacity: Some(min),
            max_capacity: Some(max),
            created_at: None,
        };
        let both = |window: &Window| {
            [
                action(format!("{}-start", window.name), &window.start, window.min_capacity, window.max_capacity),
                action(format!("{}-end", window.name), &window.end, band.min_capacity, band.max_capacity),
            ]
        };
        band.windows.iter().flat_map(both).collect()
    }

    /// Whether the policy deletes what it does not declare, and does not declare a scaling policy or scheduled action of this name.
    fn prunes(&self, name: &str) -> bool {
        self.spec().autoscaling.as_ref().is_some_and(|band| {
            band.prune
                && band.target_tracking.iter().all(|entry| entry.name != name)
                && band.step_scaling.iter().all(|entry| entry.name != name)
                && self.actions().iter().all(|action| action.name != name)
        })
    }

    /// The scaling policies that the policy declares.
    pub fn tracking(&self) -> Vec<AppliedPolicy> {
        let entries = self.spec().autoscaling.iter().flat_map(|band| &band.target_tracking);
        entries
            .map(|entry| {
                let metric = match (&entry.predefined_metric, &entry.customized_metric) {
                    (Some(metric), _) => TrackedMetric::Predefined {
                        metric_type: metric.as_str().into(),
                        resource_label: entry.resource_label.clone(),
                    },
                    (None, Some(metric)) => TrackedMetric::Customized {
                        namespace: metric.namespace.clone(),
                        metric_name: metric.metric_name.clone(),
                        dimensions: metric
                            .dimensions
                            .iter()
                            .map(|(name, value)| (name.clone(), value.0.clone()))
                            .collect(),
                        statistic: metric.statistic.as_str().into(),
                        unit: metric.unit.clone(),
                    },
                    (None, None) => TrackedMetric::MetricMath(Vec::new()),
                };
                let seconds = |duration: &Option<runbook_api::duration::Duration>| {
                    duration.as_ref().and_then(|duration| i32::try_from(duration.seconds().ok()?).ok())
                };
                let configuration = TargetTrackingConfiguration {
                    metric,
                    target_value: entry.target_value.value().unwrap_or_default(),
                    scale_out_cooldown: seconds(&entry.scale_out_cooldown),
                    scale_in_cooldown: seconds(&entry.scale_in_cooldown),
                    disable_scale_in: entry.disable_scale_in,
                };
                AppliedPolicy { name: entry.name.clone(), kind: AppliedPolicyKind::TargetTracking(configuration) }
            })
            .collect()
    }

    /// Whether the policy declares what a write makes, of a service that was so before.
    pub fn declares(&self, call: &Call, before: &Held) -> bool {
        if self.is_being_deleted() {
            return self.removes(call, before);
        }
        let (cluster, service) = self.target();
        match call {
            Call::UpdateService { cluster: in_cluster, service: of, desired_count } => {
                let wanted = match (&self.spec().autoscaling, self.spec().replicas) {
                    (Some(_), _) => self.bands().iter().any(|band| band.clamp(before.desired) == *desired_count),
                    (None, replicas) => replicas == Some(*desired_count),
                };
                (in_cluster.as_str(), of.as_str()) == (cluster, service) && wanted
            }
            Call::RegisterScalableTarget { resource_id: id, capacity, .. } => {
                *id == resource_id(cluster, service) && self.bands().contains(capacity)
            }
            Call::PutTargetTrackingPolicy { resource_id: id, name, configuration } => {
                let put = AppliedPolicy {
                    name: name.clone(),
                    kind: AppliedPolicyKind::TargetTracking(configuration.clone()),
                };
                *id == resource_id(cluster, service) && self.tracking().iter().any(|wanted| same_policy(wanted, &put))
            }
            Call::PutStepScalingPolicy { resource_id: id, name, configuration } => {
                let put = AppliedPolicyKind::StepScaling(StepScaling {
                    configuration: configuration.clone(),
                    arn: None,
                    alarms: 0,
                });
                let mut entries = self.spec().autoscaling.iter().flat_map(|band| &band.step_scaling);
                *id == resource_id(cluster, service) && entries.any(|entry| entry.name == *name && is_step(entry, &put))
            }
            Call::PutScheduledAction { resource_id: id, action } => {
                *id == resource_id(cluster, service) && self.actions().iter().any(|wanted| same_action(wanted, action))
            }
            Call::DeleteScalingPolicy { resource_id: id, name }
            | Call::DeleteScheduledAction { resource_id: id, name } => {
                *id == resource_id(cluster, service) && self.prunes(name)
            }
            _ => false,
        }
    }

    /// Whether the status says that this write is about to be made: its plan has the step, and it works.
    pub fn claims(&self, call: &Call) -> bool {
        let Some(status) = &self.object.status else { return false };
        let works =
            status.conditions.iter().any(|condition| condition.type_ == "Reconciling" && condition.status == "True");
        let steps = status.plan.iter().flat_map(|plan| &plan.steps);
        works
            && steps.into_iter().any(|step| match call {
                Call::UpdateService { desired_count, .. } => {
                    step.step == "SetDesiredCount" && step.description.ends_with(&format!(" to {desired_count}"))
                }
                Call::RegisterScalableTarget { .. } => step.step == "RegisterScalableTarget",
                Call::PutTargetTrackingPolicy { name, .. } => {
                    step.step == "PutTargetTrackingPolicy" && step.description.contains(name.as_str())
                }
                Call::DeregisterScalableTarget { .. } => step.step == "DeregisterScalableTarget",
                Call::PutStepScalingPolicy { name, .. } => {
                    step.step == "PutStepScalingPolicy" && step.description.contains(name.as_str())
                }
                Call::PutScheduledAction { action, .. } => {
                    step.step == "PutScheduledAction" && step.description.contains(action.name.as_str())
                }
                Call::DeleteScalingPolicy { name, .. } | Call::DeleteScheduledAction { name, .. } => {
                    step.step == call.operation() && step.description.contains(name.as_str())
                }
                _ => false,
            })
    }
}

/// The minute of the day of `cron(MINUTE HOUR * * ? *)`.
fn minute(cron: &str) -> Option<i32> {
    let mut fields = cron.strip_prefix("cron(")?.split(' ');
    let (minute, hour): (i32, i32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(hour * 60 + minute)
}

/// Whether an action is as one that is declared: when it was made is AWS's.
fn same_action(one: &ScheduledAction, other: &ScheduledAction) -> bool {
    let zone = |action: &ScheduledAction| action.time_zone.clone().filter(|zone| zone != "UTC");
    let what = |action: &ScheduledAction| {
        (action.name.clone(), action.schedule.clone(), zone(action), action.min_capacity, action.max_capacity)
    };
    what(one) == what(other)
}

/// Whether a scaling policy is as an entry of `stepScaling` with one step from the threshold up.
fn is_step(entry: &StepScalingSpec, applied: &AppliedPolicyKind) -> bool {
    let AppliedPolicyKind::StepScaling(StepScaling { configuration, .. }) = applied else { return false };
    let declared: Vec<i32> = entry.step_adjustments.iter().map(|step| step.scaling_adjustment).collect();
    let there: Vec<i32> = configuration.steps.iter().map(|step| step.adjustment).collect();
    configuration.adjustment_type == entry.adjustment_type.as_str() && declared == there
}

/// Whether two scaling policies do the same: an absent cooldown is AWS's default of 300 s.
fn same_policy(one: &AppliedPolicy, other: &AppliedPolicy) -> bool {
    let (AppliedPolicyKind::TargetTracking(a), AppliedPolicyKind::TargetTracking(b)) = (&one.kind, &other.kind) else {
        return false;
    };
    let cooldowns = |configuration: &TargetTrackingConfiguration| {
        (configuration.scale_out_cooldown.unwrap_or(300), configuration.scale_in_cooldown.unwrap_or(300))
    };
    one.name == other.name
        && a.metric == b.metric
        && (a.target_value - b.target_value).abs() < 1e-6
        && cooldowns(a) == cooldowns(b)
        && a.disable_scale_in == b.disable_scale_in
}
