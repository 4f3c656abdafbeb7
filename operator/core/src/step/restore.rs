//! What a restore begins from, and what it is told.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::ids::DatabaseId;

/// What is restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all_fields = "camelCase")]
pub enum RestoreFrom {
    /// A snapshot (RDS RestoreDBInstanceFromDBSnapshot).
    Snapshot {
        /// The database that it is of.
        source: DatabaseId,
        /// DBSnapshotIdentifier.
        snapshot: String,
    },
    /// A database at a time (RDS RestoreDBInstanceToPointInTime).
    PointInTime {
        /// The database.
        source: DatabaseId,
        /// Its DbiResourceId: another database of the same name is not meant.
        resource_id: String,
        /// RestoreTime; none is UseLatestRestorableTime.
        time: Option<Timestamp>,
    },
}

impl RestoreFrom {
    /// The database that the data is of: it must be granted as what is made of it.
    pub fn source(&self) -> &DatabaseId {
        match self {
            Self::Snapshot { source, .. } | Self::PointInTime { source, .. } => source,
        }
    }
}

impl fmt::Display for RestoreFrom {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot { source, snapshot } => write!(formatter, "snapshot {snapshot} of {source}"),
            Self::PointInTime { source, time: Some(time), .. } => write!(formatter, "{source} as of {time}"),
            Self::PointInTime { source, time: None, .. } => {
                write!(formatter, "{source} as of its latest restorable time")
            }
        }
    }
}

/// How the new DB instance is set up. Everything is said: RDS's own defaults are a public address, the default security group and
/// parameter group, and the tags of the source. What is the same for every restore is not in here: PubliclyAccessible=false,
/// DeletionProtection=false and AutoMinorVersionUpgrade=false.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoredInstance {
    /// DBInstanceClass.
    pub class: String,
    /// DBSubnetGroupName.
    pub subnet_group: String,
    /// VpcSecurityGroupIds.
    pub security_groups: Vec<String>,
    /// DBParameterGroupName.
    pub parameter_group: String,
    /// OptionGroupName, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option_group: Option<String>,
    /// MultiAZ.
    pub multi_az: bool,
    /// StorageType, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_type: Option<String>,
    /// Iops, where the storage type demands it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iops: Option<i32>,
    /// EnableIAMDatabaseAuthentication.
    pub iam_authentication: bool,
}

impl fmt::Display for RestoredInstance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class, subnet_group, security_groups, parameter_group, multi_az, .. } = self;
        write!(
            formatter,
            "{class}, subnet group {subnet_group}, security groups {}, parameter group {parameter_group}{}",
            security_groups.join(" "),
            if *multi_az { ", Multi-AZ" } else { "" }
        )
    }
}
