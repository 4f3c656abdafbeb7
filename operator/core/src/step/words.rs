//! A step as one line.

use std::fmt;

use super::Step;
use crate::ids::TargetId;
use crate::observed::Capacity;

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetDesiredCount { service, from, to } => {
                write!(formatter, "set desiredCount of {service} from {from} to {to}")
            }
            Self::RegisterScalableTarget { target, from, to, desired_count, .. } => {
                match from {
                    // Registered as it is, it brings the size into the band.
                    Some(from) if from == to => {
                        write!(formatter, "register scalable target of {target} again with {}", describe(to))?;
                    }
                    None => write!(formatter, "register scalable target of {target} with {}", describe(to))?,
                    Some(from) => write!(
                        formatter,
                        "change scalable target of {target} from {} to {}",
                        describe(from),
                        describe(to)
                    )?,
                }
                let size = size_of(target);
                match to.clamp(*desired_count) {
                    moved if moved == *desired_count => Ok(()),
                    moved => write!(formatter, ", which moves {size} from {desired_count} to {moved} at once"),
                }
            }
            Self::PutTargetTrackingPolicy { target, name, from: None, configuration } => {
                write!(formatter, "create target tracking policy {name} of {target}: {configuration}")
            }
            Self::PutTargetTrackingPolicy { target, name, from: Some(from), configuration } => {
                let changes = configuration.changes_from(from).join(", ");
                write!(formatter, "change target tracking policy {name} of {target}: {changes}")
            }
            // Until when is in the object: a plan that waits says the same at each look.
            Self::AdoptScaleOut { service, desired_count, adoption } => {
                write!(formatter, "adopt desiredCount {desired_count} of {service} as ScalingOverride {}", adoption.id)
            }
            Self::VerifyBackup { database, verification } => {
                write!(formatter, "verify snapshot {} of {database} {verification}", verification.snapshot)
            }
            Self::PutStepScalingPolicy { target, name, from: None, configuration } => {
                write!(formatter, "create step scaling policy {name} of {target}: {configuration}")
            }
            Self::PutStepScalingPolicy { target, name, from: Some(from), configuration } => {
                let changes = configuration.changes_from(from).join(", ");
                write!(formatter, "change step scaling policy {name} of {target}: {changes}")
            }
            Self::DeleteScalingPolicy { target, name, from } => {
                write!(formatter, "delete {} policy {name} of {target}", from.type_name())
            }
            Self::PutScheduledAction { target, from: None, action } => {
                write!(formatter, "create scheduled action {} of {target}: {action}", action.name)
            }
            Self::PutScheduledAction { target, from: Some(from), action } => {
                let changes = action.changes_from(from).join(", ");
                write!(formatter, "change scheduled action {} of {target}: {changes}", action.name)
            }
            Self::DeleteScheduledAction { target, from } => {
                write!(formatter, "delete scheduled action {} of {target}: {from}", from.name)
            }
            Self::DeregisterScalableTarget { target, from } => {
                write!(formatter, "deregister scalable target of {target} with {}", describe(&from.capacity))?;
                for (what, names) in
                    [("scaling policies", &from.policies), ("scheduled actions", &from.scheduled_actions)]
                {
                    if !names.is_empty() {
                        write!(formatter, ", {what} {}", names.join(", "))?;
                    }
                }
                write!(formatter, "; {} stays", size_of(target))
            }
            Self::ExportDatabase { database, export } => write!(formatter, "export {database} {export}"),
            Self::Database(step) => step.fmt(formatter),
            Self::Export(step) => step.fmt(formatter),
        }
    }
}

/// What its size is called.
fn size_of(target: &TargetId) -> &'static str {
    match target {
        TargetId::EcsService(_) => "desiredCount",
        TargetId::AuroraReplicas(_) => "the number of Aurora Replicas",
    }
}

fn describe(capacity: &Capacity) -> String {
    let mut text = format!("minCapacity {}, maxCapacity {}", capacity.min, capacity.max);
    let suspended = [
        (capacity.suspended.dynamic_scaling_in, "scaling in"),
        (capacity.suspended.dynamic_scaling_out, "scaling out"),
        (capacity.suspended.scheduled_scaling, "scheduled scaling"),
    ];
    let names: Vec<&str> = suspended.into_iter().filter_map(|(set, name)| set.then_some(name)).collect();
    if !names.is_empty() {
        text.push_str(&format!(" ({} suspended)", names.join(", ")));
    }
    text
}
