//! The kinds of the Runbook operator (`ops.clocked.app/v1alpha1`): Rust types, validation rules and the CRDs made of them.
//!
//! What a field means is said once, in its doc comment here: `kubectl explain`, the YAML in `crds/yaml` and the reference in
//! `docs/` are made from it. Rules that a schema can check stand here; rules that need AWS or a second object are in `runbook-core`.

pub mod aws_account;
pub mod backup_policy;
pub mod common;
pub mod copies;
pub mod crd;
// Columns of one type are no duplicates.
#[allow(clippy::duplicated_attributes)]
pub mod database_backup;
#[allow(clippy::duplicated_attributes)]
pub mod database_restore;
pub mod drift;
pub mod duration;
pub mod export;
pub mod metric_math;
pub mod number;
pub mod reference;
pub mod retention;
pub mod run;
pub mod safety;
// Columns of one type are no duplicates.
#[allow(clippy::duplicated_attributes)]
pub mod scaling_override;
pub mod scaling_policy;
pub mod scheduled;
pub mod scheduled_export;
pub mod scheduled_verification;
mod schema;
pub mod signed;
pub mod step_scaling;
pub mod target_tracking;
pub mod verification;

pub use aws_account::{AwsAccount, AwsAccountSpec, AwsAccountStatus};
pub use backup_policy::{BackupPolicy, BackupPolicySpec, BackupPolicyStatus};
pub use database_backup::{DatabaseBackup, DatabaseBackupSpec, DatabaseBackupStatus};
pub use database_restore::{DatabaseRestore, DatabaseRestoreSpec, DatabaseRestoreStatus};
pub use scaling_override::{ScalingOverride, ScalingOverrideSpec, ScalingOverrideStatus};
pub use scaling_policy::{ScalingPolicy, ScalingPolicySpec, ScalingPolicyStatus};

/// API group of every kind.
pub const GROUP: &str = "ops.clocked.app";
/// Version of every kind.
pub const VERSION: &str = "v1alpha1";
/// Annotation that asks for a reconcile now; its value is echoed in `status.lastHandledReconcileAt`.
pub const RECONCILE_REQUESTED_AT: &str = "ops.clocked.app/reconcile-requested-at";
/// Annotation that gives up whatever an object with `deletionPolicy: Delete` has created outside of Kubernetes: its finalizer is taken
/// off at once. Its value does not matter.
pub const ABANDON: &str = "ops.clocked.app/abandon";
/// Finalizer of an object for which something outside of Kubernetes must be undone before it may go.
pub const CLEANUP_FINALIZER: &str = "ops.clocked.app/cleanup";
