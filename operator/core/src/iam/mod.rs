//! IAM: what must be allowed for a question to be asked or a step to be made, and the least policy that allows it.

mod copies;
mod database;
mod document;
mod needs;

use serde::Serialize;

pub(crate) use copies::key_of;
pub use document::{Breadth, Document, Effect, Statement, Strings, document};

/// One action on one resource, where a condition holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Permission {
    /// What it is for.
    pub purpose: Purpose,
    /// The action, as in `ecs:UpdateService`.
    pub action: &'static str,
    /// What it is done to.
    pub resource: Resource,
    /// Where it is needed.
    pub condition: Option<Condition>,
}

/// What a permission is for. Statements of a policy are named after it, and come in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Purpose {
    /// To see services.
    ReadServices,
    /// To change how many tasks run, ourselves or by Application Auto Scaling in our name.
    SetDesiredCount,
    /// To see DB clusters.
    ReadClusters,
    /// To let Application Auto Scaling make and remove Aurora Replicas in our name.
    SetReplicaCount,
    /// To see scalable targets and what moves them.
    ReadAutoscaling,
    /// To change them.
    WriteAutoscaling,
    /// To mark what we create, and to read the mark again before it is removed.
    TagAutoscaling,
    /// What Application Auto Scaling does in our name for a target tracking policy.
    AlarmsOfAutoscaling,
    /// What Application Auto Scaling needs once in an account.
    FirstUseOfAutoscaling,
    /// To see databases, their snapshots and the quotas.
    ReadDatabases,
    /// To keep the backup settings of databases as declared.
    ModifyDatabases,
    /// To take snapshots, and to mark whose they are.
    TakeSnapshots,
    /// To copy snapshots to other regions and accounts, to mark whose the copies are, and to share what is made for it.
    CopySnapshots,
    /// To use the keys that copies are encrypted with.
    KeysOfCopies,
    /// To delete snapshots that are kept no longer, of those that we took.
    DeleteSnapshots,
    /// To restore into new databases, and to mark whose they are.
    RestoreDatabases,
    /// To verify backups on instances that are restored for it (`rbv-…`), and to delete these; to mark what was found good.
    VerifyBackups,
    /// To be told by AWS when something has changed.
    ReceiveEvents,
}

/// What an action is done to, in IAM's terms.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Resource {
    /// The narrowest ARN, or `*` where the action knows no resources.
    pub arn: String,
    /// The ARN that covers all of the same cluster, where there is one.
    pub of_cluster: Option<String>,
}

/// A condition of a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Condition {
    /// Condition operator.
    pub operator: &'static str,
    /// Condition key.
    pub key: &'static str,
    /// The value that is wanted.
    pub value: String,
}

impl Purpose {
    /// As the Sid of a statement.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadServices => "ReadServices",
            Self::SetDesiredCount => "SetDesiredCount",
            Self::ReadClusters => "ReadClusters",
            Self::SetReplicaCount => "SetReplicaCount",
            Self::ReadAutoscaling => "ReadAutoscaling",
            Self::WriteAutoscaling => "WriteAutoscaling",
            Self::TagAutoscaling => "TagAutoscaling",
            Self::AlarmsOfAutoscaling => "WhatAutoscalingDoesInOurName",
            Self::FirstUseOfAutoscaling => "FirstUseOfAutoscaling",
            Self::ReadDatabases => "ReadDatabases",
            Self::ModifyDatabases => "ModifyDatabases",
            Self::TakeSnapshots => "TakeSnapshots",
            Self::CopySnapshots => "CopySnapshots",
            Self::KeysOfCopies => "KeysOfCopies",
            Self::DeleteSnapshots => "DeleteSnapshots",
            Self::RestoreDatabases => "RestoreDatabases",
            Self::VerifyBackups => "VerifyBackups",
            Self::ReceiveEvents => "ReceiveEvents",
        }
    }
}
