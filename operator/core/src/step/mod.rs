//! Every write, as data.
//!
//! A step prints as one line of `plan`, is the action of an event, a label of a metric and an action of IAM.

mod copy;
mod database;
mod export;
mod restore;
mod words;

use runbook_api::aws_account::Verb;
use serde::Serialize;

pub use self::copy::{CopyStep, place};
pub use self::database::{DatabaseStep, SettingsChange, VERIFICATION_PREFIX};
pub use self::export::ExportStep;
pub use self::restore::{RestoreFrom, RestoredInstance};
use crate::backup::exports::DueExport;
use crate::backup::verification::Verification;
use crate::ids::{AwsResource, DatabaseId, Scope, ServiceId, TargetId};
use crate::observed::{
    AppliedPolicyKind, Capacity, ScheduledAction, StepScalingConfiguration, TargetTrackingConfiguration,
};
use crate::scaling::overrides::Adoption;

/// One write with one effect. It carries what it was decided on (`from`), so that it can be read without the state around it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all_fields = "camelCase")]
pub enum Step {
    /// Change how many tasks ECS is to run (ECS UpdateService with desiredCount and nothing beside it, so that no deployment starts).
    SetDesiredCount {
        /// The service.
        service: ServiceId,
        /// What it is.
        from: i32,
        /// What it is to be.
        to: i32,
    },
    /// Register or change the band (Application Auto Scaling RegisterScalableTarget). Moves the service into the band at once.
    RegisterScalableTarget {
        /// What scales.
        target: TargetId,
        /// What is registered.
        from: Option<Capacity>,
        /// What is to be registered.
        to: Capacity,
        /// What the size is; AWS moves it into the band at once.
        desired_count: i32,
        /// Tags for a target that is registered for the first time; AWS refuses them on a change.
        tags: Vec<(String, String)>,
    },
    /// Create or change a target tracking policy (Application Auto Scaling PutScalingPolicy).
    PutTargetTrackingPolicy {
        /// What scales.
        target: TargetId,
        /// PolicyName.
        name: String,
        /// What the policy of that name does now, where there is one.
        from: Option<Box<TargetTrackingConfiguration>>,
        /// What it is to do.
        configuration: TargetTrackingConfiguration,
    },
    /// Make a ScalingOverride of a scale-out that somebody else has made. Writes to Kubernetes alone.
    AdoptScaleOut {
        /// The service.
        service: ServiceId,
        /// What somebody set its size to.
        desired_count: i32,
        /// The override.
        adoption: Box<Adoption>,
    },
    /// Make the DatabaseRestore that verifies a backup. Writes to Kubernetes alone.
    VerifyBackup {
        /// The database that the backup is of.
        database: DatabaseId,
        /// The DatabaseRestore.
        verification: Box<Verification>,
    },
    /// Create or change a step scaling policy (Application Auto Scaling PutScalingPolicy).
    PutStepScalingPolicy {
        /// What scales.
        target: TargetId,
        /// PolicyName.
        name: String,
        /// What the policy of that name does now, where there is one.
        from: Option<Box<StepScalingConfiguration>>,
        /// What it is to do.
        configuration: StepScalingConfiguration,
    },
    /// Delete a scaling policy that is not declared, or whose ScalingPolicy is deleted (Application Auto Scaling DeleteScalingPolicy).
    DeleteScalingPolicy {
        /// What scales.
        target: TargetId,
        /// PolicyName.
        name: String,
        /// What it does.
        from: Box<AppliedPolicyKind>,
    },
    /// Create or change a scheduled action (Application Auto Scaling PutScheduledAction).
    PutScheduledAction {
        /// What scales.
        target: TargetId,
        /// The action of that name, where there is one.
        from: Option<Box<ScheduledAction>>,
        /// What it is to be: always the whole of it, because AWS deletes a StartTime and an EndTime that are left out.
        action: Box<ScheduledAction>,
    },
    /// Delete a scheduled action that is not declared, or whose ScalingPolicy is deleted (Application Auto Scaling DeleteScheduledAction).
    DeleteScheduledAction {
        /// What scales.
        target: TargetId,
        /// The action.
        from: Box<ScheduledAction>,
    },
    /// Remove the scalable target (Application Auto Scaling DeregisterScalableTarget), which takes its scaling policies and scheduled
    /// actions along. The size stays as it is.
    DeregisterScalableTarget {
        /// What scales.
        target: TargetId,
        /// What is removed.
        from: Box<Registration>,
    },
    /// Write something about a database.
    Database(DatabaseStep),
    /// Make the DatabaseBackup that exports a database when a policy says so. Writes to Kubernetes alone.
    ExportDatabase {
        /// The database.
        database: DatabaseId,
        /// The DatabaseBackup.
        export: Box<DueExport>,
    },
    /// Export a database to S3, by a Job.
    Export(Box<ExportStep>),
}

/// A scalable target, with everything that goes when it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// ScalableTargetARN.
    pub arn: String,
    /// The band.
    pub capacity: Capacity,
    /// Value of the tag that says whose it is.
    pub owner: String,
    /// Names of its scaling policies.
    pub policies: Vec<String>,
    /// Names of its scheduled actions.
    pub scheduled_actions: Vec<String>,
}

/// What becomes of what a step writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Something comes into being that is not there yet.
    Creates,
    /// Something that is there changes.
    Changes,
    /// Something that is there goes.
    Deletes,
}

impl Step {
    /// The name, as in metrics, events and history.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SetDesiredCount { .. } => "SetDesiredCount",
            Self::RegisterScalableTarget { .. } => "RegisterScalableTarget",
            Self::PutTargetTrackingPolicy { .. } => "PutTargetTrackingPolicy",
            Self::AdoptScaleOut { .. } => "AdoptScaleOut",
            Self::VerifyBackup { .. } => "VerifyBackup",
            Self::PutStepScalingPolicy { .. } => "PutStepScalingPolicy",
            Self::DeleteScalingPolicy { .. } => "DeleteScalingPolicy",
            Self::PutScheduledAction { .. } => "PutScheduledAction",
            Self::DeleteScheduledAction { .. } => "DeleteScheduledAction",
            Self::DeregisterScalableTarget { .. } => "DeregisterScalableTarget",
            Self::Database(step) => step.name(),
            Self::ExportDatabase { .. } => "ExportDatabase",
            Self::Export(_) => "CreateExportJob",
        }
    }

    /// Where it is made.
    pub fn scope(&self) -> Scope {
        self.resource().scope().clone()
    }

    /// What it changes.
    pub fn resource(&self) -> AwsResource {
        match self {
            Self::SetDesiredCount { service, .. } | Self::AdoptScaleOut { service, .. } => {
                AwsResource::Target(service.clone().into())
            }
            Self::RegisterScalableTarget { target, .. }
            | Self::PutTargetTrackingPolicy { target, .. }
            | Self::PutStepScalingPolicy { target, .. }
            | Self::DeleteScalingPolicy { target, .. }
            | Self::PutScheduledAction { target, .. }
            | Self::DeleteScheduledAction { target, .. }
            | Self::DeregisterScalableTarget { target, .. } => AwsResource::Target(target.clone()),
            Self::VerifyBackup { database, .. } | Self::ExportDatabase { database, .. } => {
                AwsResource::Database(database.clone())
            }
            Self::Database(step) => AwsResource::Database(step.database().clone()),
            Self::Export(step) => AwsResource::Database(step.database.clone()),
        }
    }

    /// What scales, of a step about scaling.
    pub fn target(&self) -> Option<TargetId> {
        match self.resource() {
            AwsResource::Target(target) => Some(target),
            AwsResource::Database(_) => None,
        }
    }

    /// What it changes, by name: of its target the one policy, action or snapshot, else the target itself.
    pub fn part(&self) -> String {
        match self {
            Self::SetDesiredCount { service, .. } | Self::AdoptScaleOut { service, .. } => service.resource_id(),
            Self::RegisterScalableTarget { target, .. } | Self::DeregisterScalableTarget { target, .. } => {
                target.resource_id()
            }
            Self::PutTargetTrackingPolicy { name, .. }
            | Self::PutStepScalingPolicy { name, .. }
            | Self::DeleteScalingPolicy { name, .. } => name.clone(),
            Self::PutScheduledAction { action, .. } => action.name.clone(),
            Self::DeleteScheduledAction { from, .. } => from.name.clone(),
            Self::VerifyBackup { verification, .. } => verification.snapshot.clone(),
            Self::ExportDatabase { export, .. } => export.name.clone(),
            Self::Export(step) => step.key.clone(),
            Self::Database(step) => step.snapshot().unwrap_or(&step.database().identifier).to_owned(),
        }
    }

    /// From which size to which it takes its target, where it does. AWS moves the size into a band that is registered.
    pub fn sizes(&self) -> Option<(i32, i32)> {
        let (from, to) = match self {
            Self::SetDesiredCount { from, to, .. } => (*from, *to),
            Self::RegisterScalableTarget { to, desired_count, .. } => (*desired_count, to.clamp(*desired_count)),
            _ => return None,
        };
        (from != to).then_some((from, to))
    }

    /// What becomes of what it writes.
    pub fn effect(&self) -> Effect {
        let put = |is_new: bool| if is_new { Effect::Creates } else { Effect::Changes };
        match self {
            Self::SetDesiredCount { .. } => Effect::Changes,
            Self::Database(step) => step.effect(),
            Self::AdoptScaleOut { .. } | Self::VerifyBackup { .. } | Self::ExportDatabase { .. } | Self::Export(_) => {
                Effect::Creates
            }
            Self::RegisterScalableTarget { from, .. } => put(from.is_none()),
            Self::PutTargetTrackingPolicy { from, .. } => put(from.is_none()),
            Self::PutStepScalingPolicy { from, .. } => put(from.is_none()),
            Self::PutScheduledAction { from, .. } => put(from.is_none()),
            Self::DeleteScalingPolicy { .. }
            | Self::DeleteScheduledAction { .. }
            | Self::DeregisterScalableTarget { .. } => Effect::Deletes,
        }
    }

    /// Whether it changes something in AWS; otherwise it writes an object in Kubernetes.
    pub fn is_in_aws(&self) -> bool {
        let kubernetes = matches!(self, Self::AdoptScaleOut { .. } | Self::VerifyBackup { .. } | Self::Export(_));
        !kubernetes && !matches!(self, Self::ExportDatabase { .. })
    }

    /// Whether it changes what its policy is about: a snapshot leaves its database as it is.
    pub fn changes_target(&self) -> bool {
        let Self::Database(step) = self else { return self.is_in_aws() };
        matches!(step, DatabaseStep::ModifyBackupSettings { .. })
    }

    /// The verb that a grant must give.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Database(step) => step.verb(),
            Self::VerifyBackup { .. } => Verb::Restore,
            Self::ExportDatabase { .. } | Self::Export(_) => Verb::Export,
            _ => Verb::Scale,
        }
    }

    /// The ARNs that a grant must cover.
    pub fn resources(&self) -> Vec<String> {
        match self {
            Self::Database(step) => step.resources(),
            Self::ExportDatabase { export, .. } => export.resources.clone(),
            Self::Export(step) => step.resources(),
            step => vec![step.resource().arn()],
        }
    }

    /// What it reads in another place than the one it is made in, which must be granted there with the same verb.
    pub fn reads_elsewhere(&self) -> Option<&DatabaseId> {
        match self {
            Self::Database(DatabaseStep::Copy(step)) => step.reads(),
            _ => None,
        }
    }

    /// The action of IAM.
    pub fn iam_action(&self) -> &'static str {
        match self {
            Self::SetDesiredCount { .. } => "ecs:UpdateService",
            Self::RegisterScalableTarget { .. } => "application-autoscaling:RegisterScalableTarget",
            // Of AWS it needs only what it was decided on.
            Self::AdoptScaleOut { .. } => "ecs:DescribeServices",
            Self::VerifyBackup { .. } => "rds:DescribeDBSnapshots",
            Self::PutTargetTrackingPolicy { .. } | Self::PutStepScalingPolicy { .. } => {
                "application-autoscaling:PutScalingPolicy"
            }
            Self::DeleteScalingPolicy { .. } => "application-autoscaling:DeleteScalingPolicy",
            Self::PutScheduledAction { .. } => "application-autoscaling:PutScheduledAction",
            Self::DeleteScheduledAction { .. } => "application-autoscaling:DeleteScheduledAction",
            Self::DeregisterScalableTarget { .. } => "application-autoscaling:DeregisterScalableTarget",
            Self::Database(step) => step.iam_action(),
            // The same: what the Job writes it writes by its own role.
            Self::ExportDatabase { .. } | Self::Export(_) => "rds:DescribeDBInstances",
        }
    }
}
