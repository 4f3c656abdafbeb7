//! Which writes a policy declares, and which its status has said are about to be made.

use jiff::Timestamp;
use runbook_aws::Call;
use runbook_core::observed::{AppliedPolicy, AppliedPolicyKind, ScheduledAction, StepScaling};

use super::entries::{is_step, same_action, same_policy};
use super::size::Pace;
use super::{Objects, Policy};
use crate::cloud::resource_id;
use crate::journal::Held;

impl Policy {
    /// Whether a scalable target is its own, and everything on it.
    fn owns(&self, before: &Held) -> bool {
        let owner = format!("simulator/{}/{}", self.key.namespace, self.key.name);
        before.owner.as_deref() == Some(&owner)
    }

    /// Whether its deletion removes what a write removes.
    fn removes(&self, call: &Call, before: &Held, actions: &[ScheduledAction]) -> bool {
        let id = self.target();
        let ours = |policy: &AppliedPolicy| {
            self.spec().autoscaling.as_ref().is_some_and(|band| match policy.kind {
                AppliedPolicyKind::TargetTracking(_) => {
                    band.target_tracking.iter().any(|entry| entry.name == policy.name)
                }
                AppliedPolicyKind::StepScaling(_) => band.step_scaling.iter().any(|entry| entry.name == policy.name),
                AppliedPolicyKind::Other(_) => false,
            })
        };
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

    /// Whether the policy deletes what it does not declare, and does not declare a scaling policy or scheduled action of this name.
    fn prunes(&self, name: &str, actions: &[ScheduledAction]) -> bool {
        self.spec().autoscaling.as_ref().is_some_and(|band| {
            band.prune
                && band.target_tracking.iter().all(|entry| entry.name != name)
                && band.step_scaling.iter().all(|entry| entry.name != name)
                && actions.iter().all(|action| action.name != name)
        })
    }

    /// Whether the policy declares what a write makes, of a service that was so before, at one of these moments.
    pub fn declares(&self, call: &Call, before: &Held, objects: &Objects, moments: &[Timestamp]) -> bool {
        let pace = self.pace(objects);
        let actions = self.actions(pace.is_some());
        if self.is_being_deleted() {
            return self.removes(call, before, &actions);
        }
        let possible = self.possible(objects, moments);
        let target = self.target();
        match call {
            Call::UpdateService { cluster, service, desired_count } => {
                let wanted = possible.iter().any(|right| {
                    Pace::next(pace.as_ref(), before.desired, right.clamp(before.desired)) == *desired_count
                });
                resource_id(cluster, service) == target && wanted
            }
            Call::RegisterScalableTarget { resource_id: id, capacity, .. } => {
                *id == target
                    && self.spec().autoscaling.is_some()
                    && possible.iter().any(|right| right.registered_as(*capacity, before, pace.as_ref()))
            }
            Call::PutTargetTrackingPolicy { resource_id: id, name, configuration } => {
                let put = AppliedPolicy {
                    name: name.clone(),
                    kind: AppliedPolicyKind::TargetTracking(configuration.clone()),
                };
                *id == target && self.tracking().iter().any(|wanted| same_policy(wanted, &put))
            }
            Call::PutStepScalingPolicy { resource_id: id, name, configuration } => {
                let put = AppliedPolicyKind::StepScaling(StepScaling {
                    configuration: configuration.clone(),
                    arn: None,
                    alarms: 0,
                });
                let mut entries = self.spec().autoscaling.iter().flat_map(|band| &band.step_scaling);
                *id == target && entries.any(|entry| entry.name == *name && is_step(entry, &put))
            }
            Call::PutScheduledAction { resource_id: id, action } => {
                *id == target && actions.iter().any(|wanted| same_action(wanted, action))
            }
            Call::DeleteScalingPolicy { resource_id: id, name }
            | Call::DeleteScheduledAction { resource_id: id, name } => *id == target && self.prunes(name, &actions),
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
