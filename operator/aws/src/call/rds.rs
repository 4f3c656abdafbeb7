//! The calls of Amazon RDS about databases and their snapshots. Instances and clusters have operations of their own for the same things.

use runbook_core::DatabaseKind::{self, Cluster, Instance};
use runbook_core::step::{RestoreFrom, RestoredInstance, SettingsChange};

use crate::vault::Password;

/// One call of Amazon RDS.
#[derive(Clone, Debug, PartialEq)]
pub enum RdsCall {
    /// DescribeDBInstances or DescribeDBClusters with a filter for these, or of all where none is named; pages of at most 100. A missing
    /// one is absent.
    DescribeDatabases {
        /// Instances or clusters.
        kind: DatabaseKind,
        /// DBInstanceIdentifiers or DBClusterIdentifiers.
        identifiers: Vec<String>,
        /// Marker of the page before.
        marker: Option<String>,
    },
    /// DescribeDBSnapshots or DescribeDBClusterSnapshots, manual and automated ones; pages of at most 100.
    DescribeSnapshots {
        /// Of instances or clusters.
        kind: DatabaseKind,
        /// Identifier of one database, or all.
        source: Option<String>,
        /// A filter for one snapshot, or all. One that is missing is absent.
        snapshot: Option<String>,
        /// Marker of the page before.
        marker: Option<String>,
    },
    /// DescribeAccountAttributes: the quotas of the region.
    DescribeAccountAttributes,
    /// ModifyDBInstance or ModifyDBCluster with these settings and nothing beside them.
    Modify {
        /// Instance or cluster.
        kind: DatabaseKind,
        /// Its identifier.
        identifier: String,
        /// What changes.
        changes: SettingsChange,
        /// ApplyImmediately.
        apply_immediately: bool,
    },
    /// CreateDBSnapshot or CreateDBClusterSnapshot.
    CreateSnapshot {
        /// Of an instance or a cluster.
        kind: DatabaseKind,
        /// Identifier of the database.
        source: String,
        /// Identifier of the snapshot.
        snapshot: String,
        /// Tags.
        tags: Vec<(String, String)>,
    },
    /// CopyDBSnapshot or CopyDBClusterSnapshot, in the region of the copy. No tags are copied.
    CopySnapshot {
        /// Of an instance or a cluster.
        kind: DatabaseKind,
        /// What is copied: its ARN where it is elsewhere, else its identifier.
        source: String,
        /// Identifier of the copy.
        snapshot: String,
        /// KmsKeyId of the copy.
        kms_key: Option<String>,
        /// OptionGroupName of the copy, of an instance.
        option_group: Option<String>,
        /// Tags.
        tags: Vec<(String, String)>,
    },
    /// ModifyDBSnapshotAttribute or ModifyDBClusterSnapshotAttribute: `restore` for one account more.
    ShareSnapshot {
        /// Of an instance or a cluster.
        kind: DatabaseKind,
        /// Identifier of the snapshot.
        snapshot: String,
        /// The account.
        account: String,
    },
    /// DeleteDBSnapshot or DeleteDBClusterSnapshot. One that is gone already is deleted.
    DeleteSnapshot {
        /// Of an instance or a cluster.
        kind: DatabaseKind,
        /// Identifier of the snapshot.
        snapshot: String,
    },
    /// RestoreDBInstanceFromDBSnapshot or RestoreDBInstanceToPointInTime, with everything said that RDS has a default for.
    Restore {
        /// DBInstanceIdentifier or TargetDBInstanceIdentifier.
        identifier: String,
        /// What is restored.
        from: RestoreFrom,
        /// How the new instance is set up.
        instance: Box<RestoredInstance>,
        /// Tags.
        tags: Vec<(String, String)>,
    },
    /// ModifyDBInstance with MasterUserPassword and ApplyImmediately.
    SetMasterPassword {
        /// DBInstanceIdentifier.
        identifier: String,
        /// MasterUserPassword.
        password: Password,
    },
    /// AddTagsToResource.
    AddTags {
        /// ResourceName: its ARN.
        arn: String,
        /// Tags.
        tags: Vec<(String, String)>,
    },
    /// DeleteDBInstance with SkipFinalSnapshot and DeleteAutomatedBackups. One that is gone already is deleted.
    DeleteInstance {
        /// DBInstanceIdentifier.
        identifier: String,
    },
}

impl RdsCall {
    /// Name of the operation in AWS's API.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::DescribeDatabases { kind: Instance, .. } => "DescribeDBInstances",
            Self::DescribeDatabases { kind: Cluster, .. } => "DescribeDBClusters",
            Self::DescribeSnapshots { kind: Instance, .. } => "DescribeDBSnapshots",
            Self::DescribeSnapshots { kind: Cluster, .. } => "DescribeDBClusterSnapshots",
            Self::DescribeAccountAttributes => "DescribeAccountAttributes",
            Self::Modify { kind: Instance, .. } => "ModifyDBInstance",
            Self::Modify { kind: Cluster, .. } => "ModifyDBCluster",
            Self::CreateSnapshot { kind: Instance, .. } => "CreateDBSnapshot",
            Self::CreateSnapshot { kind: Cluster, .. } => "CreateDBClusterSnapshot",
            Self::CopySnapshot { kind: Instance, .. } => "CopyDBSnapshot",
            Self::CopySnapshot { kind: Cluster, .. } => "CopyDBClusterSnapshot",
            Self::ShareSnapshot { kind: Instance, .. } => "ModifyDBSnapshotAttribute",
            Self::ShareSnapshot { kind: Cluster, .. } => "ModifyDBClusterSnapshotAttribute",
            Self::DeleteSnapshot { kind: Instance, .. } => "DeleteDBSnapshot",
            Self::DeleteSnapshot { kind: Cluster, .. } => "DeleteDBClusterSnapshot",
            Self::Restore { from: RestoreFrom::Snapshot { .. }, .. } => "RestoreDBInstanceFromDBSnapshot",
            Self::Restore { from: RestoreFrom::PointInTime { .. }, .. } => "RestoreDBInstanceToPointInTime",
            Self::SetMasterPassword { .. } => "ModifyDBInstance",
            Self::AddTags { .. } => "AddTagsToResource",
            Self::DeleteInstance { .. } => "DeleteDBInstance",
        }
    }

    /// Whether it changes anything.
    pub fn is_write(&self) -> bool {
        match self {
            Self::DescribeDatabases { .. } | Self::DescribeSnapshots { .. } | Self::DescribeAccountAttributes => false,
            Self::Modify { .. }
            | Self::CreateSnapshot { .. }
            | Self::CopySnapshot { .. }
            | Self::ShareSnapshot { .. }
            | Self::DeleteSnapshot { .. }
            | Self::Restore { .. }
            | Self::SetMasterPassword { .. }
            | Self::AddTags { .. }
            | Self::DeleteInstance { .. } => true,
        }
    }

    /// What it is about, for errors and the audit log.
    pub fn resource(&self) -> String {
        match self {
            Self::DescribeDatabases { kind, identifiers, .. } => match identifiers.as_slice() {
                [identifier] => format!("{} {identifier}", one(*kind)),
                [] => format!("all {}s", one(*kind)),
                _ => format!("{} {}s", identifiers.len(), one(*kind)),
            },
            Self::DescribeSnapshots { snapshot: Some(snapshot), .. } => format!("snapshot {snapshot}"),
            Self::DescribeSnapshots { kind, source: Some(source), .. } => {
                format!("the snapshots of {} {source}", one(*kind))
            }
            Self::DescribeSnapshots { kind, source: None, .. } => format!("the snapshots of all {}s", one(*kind)),
            Self::DescribeAccountAttributes => "the quotas of RDS".into(),
            Self::Modify { kind, identifier, .. } => format!("{} {identifier}", one(*kind)),
            Self::CreateSnapshot { snapshot, .. }
            | Self::CopySnapshot { snapshot, .. }
            | Self::ShareSnapshot { snapshot, .. }
            | Self::DeleteSnapshot { snapshot, .. } => format!("snapshot {snapshot}"),
            Self::Restore { identifier, .. }
            | Self::SetMasterPassword { identifier, .. }
            | Self::DeleteInstance { identifier } => format!("{} {identifier}", one(Instance)),
            Self::AddTags { arn, .. } => arn.clone(),
        }
    }
}

fn one(kind: DatabaseKind) -> &'static str {
    match kind {
        Instance => "DB instance",
        Cluster => "DB cluster",
    }
}
