//! The writes about databases and their snapshots, as data.

use std::fmt;

use jiff::Timestamp;
use runbook_api::aws_account::Verb;
use serde::Serialize;

use super::Effect;
use super::copy::CopyStep;
use super::restore::{RestoreFrom, RestoredInstance};
use crate::ids::{DatabaseId, DatabaseKind};
use crate::observed::BackupSettings;

/// One write about a database. It carries what it was decided on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all_fields = "camelCase")]
pub enum DatabaseStep {
    /// Change how RDS backs the database up (RDS ModifyDBInstance or ModifyDBCluster with these settings and nothing beside them).
    ModifyBackupSettings {
        /// The database.
        database: DatabaseId,
        /// What they are.
        from: Box<BackupSettings>,
        /// What changes.
        changes: SettingsChange,
        /// Whether a change that takes the database down for a moment is made now (ApplyImmediately) and not in the next maintenance
        /// window. Everything else that is pending would be done with it, so only while nothing is.
        apply_immediately: bool,
    },
    /// Take a snapshot (RDS CreateDBSnapshot or CreateDBClusterSnapshot).
    CreateSnapshot {
        /// The database.
        database: DatabaseId,
        /// DbiResourceId or DbClusterResourceId: another database of the same name is not meant.
        resource_id: String,
        /// Identifier of the snapshot, computed from the slot.
        snapshot: String,
        /// When it was due, where it is taken by a schedule.
        slot: Option<Timestamp>,
        /// Tags, which say whose it is.
        tags: Vec<(String, String)>,
    },
    /// Delete a snapshot that the policy took and keeps no longer (RDS DeleteDBSnapshot or DeleteDBClusterSnapshot).
    DeleteSnapshot {
        /// The database that it is of.
        database: DatabaseId,
        /// Identifier of the snapshot.
        snapshot: String,
        /// The tags that say whose it is, which must still be there: its owner, and its own ARN.
        tags: Vec<(String, String)>,
        /// When it was taken.
        created_at: Timestamp,
    },
    /// Restore into a new DB instance (RDS RestoreDBInstanceFromDBSnapshot or RestoreDBInstanceToPointInTime).
    RestoreInstance {
        /// The new one. There must be none of its name.
        database: DatabaseId,
        /// What is restored.
        from: RestoreFrom,
        /// How it is set up.
        instance: Box<RestoredInstance>,
        /// Tags, which say whose it is.
        tags: Vec<(String, String)>,
    },
    /// Give the master user of an instance that is being verified a password that nobody knows (RDS ModifyDBInstance with
    /// MasterUserPassword and ApplyImmediately). The password is made when the step is, and kept in memory alone.
    SetMasterPassword {
        /// The instance.
        database: DatabaseId,
        /// Its DbiResourceId.
        resource_id: String,
        /// The tags that say whose it is, which must be there.
        tags: Vec<(String, String)>,
    },
    /// Say on a snapshot that a restore of it was found good (RDS AddTagsToResource).
    TagVerified {
        /// The database that it is of.
        database: DatabaseId,
        /// Identifier of the snapshot.
        snapshot: String,
        /// When the restore was found good.
        verified_at: Timestamp,
    },
    /// Delete an instance that was restored to be verified (RDS DeleteDBInstance with SkipFinalSnapshot and DeleteAutomatedBackups).
    DeleteInstance {
        /// The instance: only one whose name begins with `rbv-`.
        database: DatabaseId,
        /// Its DbiResourceId: another database of the same name is not meant.
        resource_id: String,
        /// The tags that say whose it is, which must still be there.
        tags: Vec<(String, String)>,
    },
    /// Write something about a copy of a snapshot, in another region or account.
    Copy(CopyStep),
}

/// What the names of DB instances begin with that are restored to be verified. No other is ever deleted.
pub const VERIFICATION_PREFIX: &str = "rbv-";

/// Settings that change; those that are not set stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingsChange {
    /// BackupRetentionPeriod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<i32>,
    /// PreferredBackupWindow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// CopyTagsToSnapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_tags_to_snapshot: Option<bool>,
    /// DeletionProtection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
}

impl DatabaseStep {
    /// The name, as in metrics, events and history.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ModifyBackupSettings { .. } => "ModifyBackupSettings",
            Self::CreateSnapshot { .. } => "CreateSnapshot",
            Self::DeleteSnapshot { .. } => "DeleteSnapshot",
            Self::RestoreInstance { .. } => "RestoreInstance",
            Self::SetMasterPassword { .. } => "SetMasterPassword",
            Self::TagVerified { .. } => "TagVerified",
            Self::DeleteInstance { .. } => "DeleteInstance",
            Self::Copy(step) => step.name(),
        }
    }

    /// The database that it is about.
    pub fn database(&self) -> &DatabaseId {
        match self {
            Self::ModifyBackupSettings { database, .. }
            | Self::CreateSnapshot { database, .. }
            | Self::DeleteSnapshot { database, .. }
            | Self::RestoreInstance { database, .. }
            | Self::SetMasterPassword { database, .. }
            | Self::TagVerified { database, .. }
            | Self::DeleteInstance { database, .. } => database,
            Self::Copy(step) => step.database(),
        }
    }

    /// The snapshot that it makes, changes or deletes.
    pub fn snapshot(&self) -> Option<&str> {
        match self {
            Self::CreateSnapshot { snapshot, .. }
            | Self::DeleteSnapshot { snapshot, .. }
            | Self::TagVerified { snapshot, .. } => Some(snapshot),
            Self::ModifyBackupSettings { .. }
            | Self::RestoreInstance { .. }
            | Self::SetMasterPassword { .. }
            | Self::DeleteInstance { .. } => None,
            Self::Copy(step) => Some(step.snapshot()),
        }
    }

    /// What becomes of what it writes.
    pub fn effect(&self) -> Effect {
        match self {
            Self::ModifyBackupSettings { .. } | Self::SetMasterPassword { .. } | Self::TagVerified { .. } => {
                Effect::Changes
            }
            Self::CreateSnapshot { .. } | Self::RestoreInstance { .. } => Effect::Creates,
            Self::DeleteSnapshot { .. } | Self::DeleteInstance { .. } => Effect::Deletes,
            Self::Copy(step) => step.effect(),
        }
    }

    /// The verb that a grant must give.
    pub fn verb(&self) -> Verb {
        match self {
            Self::ModifyBackupSettings { .. } | Self::CreateSnapshot { .. } => Verb::Snapshot,
            Self::DeleteSnapshot { .. } => Verb::DeleteSnapshot,
            Self::RestoreInstance { .. }
            | Self::SetMasterPassword { .. }
            | Self::TagVerified { .. }
            | Self::DeleteInstance { .. } => Verb::Restore,
            Self::Copy(step) => step.verb(),
        }
    }

    /// The ARNs that a grant must cover: of what is restored, too.
    pub fn resources(&self) -> Vec<String> {
        let source = match self {
            Self::RestoreInstance { from, .. } => Some(from.source().arn()),
            Self::Copy(step) => return step.resources(),
            _ => None,
        };
        std::iter::once(self.database().arn()).chain(source).collect()
    }

    /// The action of IAM.
    pub fn iam_action(&self) -> &'static str {
        match (self, self.database().kind) {
            (Self::ModifyBackupSettings { .. }, DatabaseKind::Instance) => "rds:ModifyDBInstance",
            (Self::ModifyBackupSettings { .. }, DatabaseKind::Cluster) => "rds:ModifyDBCluster",
            (Self::CreateSnapshot { .. }, DatabaseKind::Instance) => "rds:CreateDBSnapshot",
            (Self::CreateSnapshot { .. }, DatabaseKind::Cluster) => "rds:CreateDBClusterSnapshot",
            (Self::DeleteSnapshot { .. }, DatabaseKind::Instance) => "rds:DeleteDBSnapshot",
            (Self::DeleteSnapshot { .. }, DatabaseKind::Cluster) => "rds:DeleteDBClusterSnapshot",
            (Self::RestoreInstance { from: RestoreFrom::Snapshot { .. }, .. }, _) => {
                "rds:RestoreDBInstanceFromDBSnapshot"
            }
            (Self::RestoreInstance { from: RestoreFrom::PointInTime { .. }, .. }, _) => {
                "rds:RestoreDBInstanceToPointInTime"
            }
            (Self::SetMasterPassword { .. }, _) => "rds:ModifyDBInstance",
            (Self::TagVerified { .. }, _) => "rds:AddTagsToResource",
            (Self::DeleteInstance { .. }, _) => "rds:DeleteDBInstance",
            (Self::Copy(step), _) => step.iam_action(),
        }
    }
}

impl SettingsChange {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What they are afterwards.
    pub fn applied_to(&self, from: &BackupSettings) -> BackupSettings {
        BackupSettings {
            retention_days: self.retention_days.unwrap_or(from.retention_days),
            window: self.window.clone().or_else(|| from.window.clone()),
            copy_tags_to_snapshot: self.copy_tags_to_snapshot.unwrap_or(from.copy_tags_to_snapshot),
            deletion_protection: self.deletion_protection.unwrap_or(from.deletion_protection),
        }
    }

    /// Each change in words.
    pub fn changes_from(&self, from: &BackupSettings) -> Vec<String> {
        let mut changes = Vec::new();
        let mut change = |name: &str, from: String, to: Option<String>| {
            changes.extend(to.map(|to| format!("{name} {from} to {to}")));
        };
        let days = |days: i32| days.to_string();
        change("BackupRetentionPeriod", days(from.retention_days), self.retention_days.map(days));
        let window = from.window.clone().unwrap_or_else(|| "none".into());
        change("PreferredBackupWindow", window, self.window.clone());
        let flag = |flag: bool| flag.to_string();
        change("CopyTagsToSnapshot", flag(from.copy_tags_to_snapshot), self.copy_tags_to_snapshot.map(flag));
        change("DeletionProtection", flag(from.deletion_protection), self.deletion_protection.map(flag));
        changes
    }
}

impl fmt::Display for DatabaseStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ModifyBackupSettings { database, from, changes, apply_immediately } => {
                write!(formatter, "change {database}: {}", changes.changes_from(from).join(", "))?;
                if *apply_immediately {
                    write!(formatter, ", at once, which takes it down for a moment")?;
                }
                Ok(())
            }
            Self::CreateSnapshot { database, snapshot, slot, .. } => {
                write!(formatter, "take snapshot {snapshot} of {database}")?;
                slot.map_or(Ok(()), |slot| write!(formatter, " for the slot of {slot}"))
            }
            Self::DeleteSnapshot { database, snapshot, created_at, .. } => {
                write!(formatter, "delete snapshot {snapshot} of {database}, taken at {created_at}")
            }
            Self::RestoreInstance { database, from, instance, .. } => {
                write!(formatter, "restore {from} into new {database}: {instance}")
            }
            Self::SetMasterPassword { database, .. } => {
                write!(formatter, "set an ephemeral password for the master user of {database}")
            }
            Self::TagVerified { database, snapshot, verified_at } => {
                write!(formatter, "tag snapshot {snapshot} of {database} as verified at {verified_at}")
            }
            Self::DeleteInstance { database, .. } => {
                write!(formatter, "delete {database} without a final snapshot: it was restored to be verified")
            }
            Self::Copy(step) => step.fmt(formatter),
        }
    }
}
