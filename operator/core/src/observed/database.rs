//! A database of RDS and its snapshots, as far as a decision about backups looks at them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A DB instance or a DB cluster (Amazon RDS API Reference, DBInstance and DBCluster).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// DBInstanceArn, DBClusterArn.
    pub arn: String,
    /// DbiResourceId, DbClusterResourceId: stays when the database is renamed, and is another when one of the same name is made anew.
    pub resource_id: String,
    /// `available`, `backing-up`, `modifying` and the like.
    pub status: String,
    /// `postgres`, `aurora-postgresql` and the like.
    pub engine: String,
    /// DBClusterIdentifier of an instance that is a member of a cluster.
    pub member_of: Option<String>,
    /// How it is backed up.
    pub settings: BackupSettings,
    /// PendingModifiedValues: what somebody has asked for and RDS has not done yet, by name.
    pub pending: BTreeMap<String, String>,
    /// PreferredMaintenanceWindow, in UTC: `sun:04:00-sun:04:30`.
    pub maintenance_window: Option<String>,
    /// LatestRestorableTime, where there are automated backups.
    pub latest_restorable_time: Option<Timestamp>,
    /// AwsBackupRecoveryPointArn, where AWS Backup keeps the automated backups.
    pub aws_backup: Option<String>,
    /// What a DB instance has and a DB cluster has not.
    pub instance: Option<Box<Instance>>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// How a DB instance is set up: what a restore of it must be told, or RDS takes its own defaults (Amazon RDS API Reference,
/// RestoreDBInstanceFromDBSnapshot).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// DBInstanceClass.
    pub class: String,
    /// DBSubnetGroupName.
    pub subnet_group: Option<String>,
    /// VpcSecurityGroupIds.
    pub security_groups: Vec<String>,
    /// DBParameterGroupName.
    pub parameter_group: Option<String>,
    /// OptionGroupName.
    pub option_group: Option<String>,
    /// MultiAZ.
    pub multi_az: bool,
    /// AllocatedStorage, in GiB.
    pub allocated_storage: Option<i32>,
    /// StorageType.
    pub storage_type: Option<String>,
    /// Iops, where the storage has a number of its own.
    pub iops: Option<i32>,
    /// IAMDatabaseAuthenticationEnabled.
    pub iam_authentication: bool,
    /// MasterUsername.
    pub master_username: Option<String>,
    /// DBName.
    pub db_name: Option<String>,
    /// InstanceCreateTime, once it is created.
    pub created_at: Option<Timestamp>,
    /// Where it is reached, once it is.
    pub endpoint: Option<Endpoint>,
}

/// Where a database is reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Endpoint.Address.
    pub address: String,
    /// Endpoint.Port.
    pub port: u16,
}

/// RDS's own settings about backups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupSettings {
    /// BackupRetentionPeriod, in days.
    pub retention_days: i32,
    /// PreferredBackupWindow, in UTC: `03:00-04:00`.
    pub window: Option<String>,
    /// CopyTagsToSnapshot.
    pub copy_tags_to_snapshot: bool,
    /// DeletionProtection.
    pub deletion_protection: bool,
}

/// A DB snapshot or a DB cluster snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseSnapshot {
    /// DBSnapshotIdentifier, DBClusterSnapshotIdentifier.
    pub identifier: String,
    /// DBSnapshotArn, DBClusterSnapshotArn.
    pub arn: String,
    /// DbiResourceId, DbClusterResourceId of the database that it is of.
    pub source_resource_id: Option<String>,
    /// `manual`, `automated`, `awsbackup`.
    pub snapshot_type: String,
    /// `creating`, `available`, `failed`, `copying`, `deleting` and the like.
    pub status: String,
    /// SnapshotCreateTime. Absent while it is being created.
    pub created_at: Option<Timestamp>,
    /// PercentProgress.
    pub percent_progress: i32,
    /// Encrypted, StorageEncrypted.
    #[serde(default)]
    pub encrypted: bool,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A snapshot, and the database that it is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotOf {
    /// DBInstanceIdentifier, DBClusterIdentifier: what the database was called when the snapshot was taken.
    pub source: String,
    /// The snapshot.
    pub snapshot: DatabaseSnapshot,
}

/// How much of a quota is used (Amazon RDS API Reference, AccountQuota).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quota {
    /// Used.
    pub used: i64,
    /// Max.
    pub max: i64,
}
