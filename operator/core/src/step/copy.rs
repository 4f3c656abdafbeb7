//! The writes about copies of snapshots in another region or account, as data.

use std::fmt;

use jiff::Timestamp;
use runbook_api::aws_account::Verb;
use serde::Serialize;

use super::Effect;
use crate::ids::{DatabaseId, DatabaseKind, Scope};

/// One write about a copy of a snapshot. It carries what it was decided on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all_fields = "camelCase")]
pub enum CopyStep {
    /// Copy a snapshot (RDS CopyDBSnapshot or CopyDBClusterSnapshot, asked for where the copy is to be).
    CopySnapshot {
        /// The database that it is of, where the snapshot is that is copied.
        from: DatabaseId,
        /// Identifier of the snapshot that is copied.
        source: String,
        /// The database that it is of, where the copy is to be.
        to: DatabaseId,
        /// Identifier of the copy, computed from that of the snapshot.
        snapshot: String,
        /// The slot that the snapshot was taken for.
        slot: Timestamp,
        /// ARN of the KMS key of the copy.
        kms_key: Option<String>,
        /// Option group of the copy.
        option_group: Option<String>,
        /// Tags of the copy, which say whose it is: none are copied.
        tags: Vec<(String, String)>,
    },
    /// Let another account restore, and copy, a snapshot (RDS ModifyDBSnapshotAttribute or ModifyDBClusterSnapshotAttribute).
    ShareSnapshot {
        /// The database that it is of, where the snapshot is.
        database: DatabaseId,
        /// Identifier of the snapshot: one that was made to be shared.
        snapshot: String,
        /// The account, twelve digits.
        account: String,
        /// The tags that say whose it is and what it was made for, which must be there.
        tags: Vec<(String, String)>,
    },
    /// Delete a copy that is kept no longer (RDS DeleteDBSnapshot or DeleteDBClusterSnapshot).
    DeleteCopy {
        /// The database that it is of, where the copy is.
        database: DatabaseId,
        /// Identifier of the copy.
        snapshot: String,
        /// The tags that say whose it is, which must still be there.
        tags: Vec<(String, String)>,
        /// The slot that the snapshot was taken for.
        slot: Timestamp,
    },
    /// Delete what was made to be shared, and is not needed any more (RDS DeleteDBSnapshot or DeleteDBClusterSnapshot): who it is shared
    /// with goes with it.
    DeleteShared {
        /// The database that it is of, where it is.
        database: DatabaseId,
        /// Identifier of the snapshot.
        snapshot: String,
        /// The tags that say whose it is and what it was made for, which must still be there.
        tags: Vec<(String, String)>,
    },
}

impl CopyStep {
    /// The name, as in metrics, events and history.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CopySnapshot { .. } => "CopySnapshot",
            Self::ShareSnapshot { .. } => "ShareSnapshot",
            Self::DeleteCopy { .. } => "DeleteCopy",
            Self::DeleteShared { .. } => "DeleteShared",
        }
    }

    /// The database that it is about, where it is made.
    pub fn database(&self) -> &DatabaseId {
        match self {
            Self::CopySnapshot { to: database, .. }
            | Self::ShareSnapshot { database, .. }
            | Self::DeleteCopy { database, .. }
            | Self::DeleteShared { database, .. } => database,
        }
    }

    /// Identifier of the snapshot that it writes.
    pub fn snapshot(&self) -> &str {
        match self {
            Self::CopySnapshot { snapshot, .. }
            | Self::ShareSnapshot { snapshot, .. }
            | Self::DeleteCopy { snapshot, .. }
            | Self::DeleteShared { snapshot, .. } => snapshot,
        }
    }

    /// What becomes of what it writes.
    pub fn effect(&self) -> Effect {
        match self {
            Self::CopySnapshot { .. } => Effect::Creates,
            Self::ShareSnapshot { .. } => Effect::Changes,
            Self::DeleteCopy { .. } | Self::DeleteShared { .. } => Effect::Deletes,
        }
    }

    /// The verb that a grant must give.
    pub fn verb(&self) -> Verb {
        match self {
            Self::CopySnapshot { .. } | Self::ShareSnapshot { .. } => Verb::Snapshot,
            Self::DeleteCopy { .. } | Self::DeleteShared { .. } => Verb::DeleteSnapshot,
        }
    }

    /// The ARNs that the account in which it is made must grant: the database's there, and the key's.
    pub fn resources(&self) -> Vec<String> {
        let key = match self {
            Self::CopySnapshot { kms_key, .. } => kms_key.clone(),
            _ => None,
        };
        std::iter::once(self.database().arn()).chain(key).collect()
    }

    /// What it reads elsewhere, which must be granted there: the database that is copied.
    pub fn reads(&self) -> Option<&DatabaseId> {
        match self {
            Self::CopySnapshot { from, .. } => Some(from),
            _ => None,
        }
    }

    /// The action of IAM.
    pub fn iam_action(&self) -> &'static str {
        match (self, self.database().kind) {
            (Self::CopySnapshot { .. }, DatabaseKind::Instance) => "rds:CopyDBSnapshot",
            (Self::CopySnapshot { .. }, DatabaseKind::Cluster) => "rds:CopyDBClusterSnapshot",
            (Self::ShareSnapshot { .. }, DatabaseKind::Instance) => "rds:ModifyDBSnapshotAttribute",
            (Self::ShareSnapshot { .. }, DatabaseKind::Cluster) => "rds:ModifyDBClusterSnapshotAttribute",
            (Self::DeleteCopy { .. } | Self::DeleteShared { .. }, DatabaseKind::Instance) => "rds:DeleteDBSnapshot",
            (Self::DeleteCopy { .. } | Self::DeleteShared { .. }, DatabaseKind::Cluster) => {
                "rds:DeleteDBClusterSnapshot"
            }
        }
    }
}

/// Where copies are, for a person: `eu-west-1 of AwsAccount default`.
pub fn place(scope: &Scope) -> String {
    format!("{} of AwsAccount {}", scope.region, scope.connection)
}

impl fmt::Display for CopyStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (database, there) = (self.database(), place(&self.database().scope));
        match self {
            Self::CopySnapshot { source, snapshot, kms_key, .. } => {
                write!(formatter, "copy snapshot {source} of {database}")?;
                if source != snapshot {
                    write!(formatter, " as {snapshot}")?;
                }
                if let Some(key) = kms_key {
                    write!(formatter, " under key {}", key.rsplit_once('/').map_or(key.as_str(), |(_, id)| id))?;
                }
                write!(formatter, " to {there}")
            }
            Self::ShareSnapshot { snapshot, account, .. } => {
                write!(formatter, "share snapshot {snapshot} of {database} in {there} with account {account}")
            }
            Self::DeleteCopy { snapshot, slot, .. } => {
                write!(formatter, "delete copy {snapshot} of {database} for the slot of {slot} in {there}")
            }
            Self::DeleteShared { snapshot, .. } => {
                write!(formatter, "delete snapshot {snapshot} of {database}, which was made to be shared, in {there}")
            }
        }
    }
}
