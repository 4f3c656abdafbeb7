//! What all runs share: kinds of which each object is one act, made once.

use serde::{Deserialize, Serialize};

use crate::backup_policy::DatabaseSource;

/// A spec of a run says what is done once: what has begun is not done otherwise.
pub(crate) const IMMUTABLE: &str = "self == oldSelf";

/// The label that says which BackupPolicy a run was made for.
pub const POLICY: &str = "ops.clocked.app/policy";
/// The label that says which of the policy's exports it is.
pub const EXPORT: &str = "ops.clocked.app/export";
/// The annotation that says for which slot of its schedule.
pub const SLOT: &str = "ops.clocked.app/slot";

/// Names of the conditions that say how a run ended, as of a Job.
pub mod condition {
    /// It has done what it was for.
    pub const COMPLETE: &str = "Complete";
    /// It has ended, and has not done what it was for.
    pub const FAILED: &str = "Failed";
}

/// Where a database can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, kube::KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Host name (Endpoint.Address).
    #[schemars(length(max = 255))]
    pub address: String,
    /// Port (Endpoint.Port).
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
}

impl DatabaseSource {
    /// The identifier of whichever it names.
    pub fn identifier(&self) -> Option<&str> {
        self.rds_instance.as_deref().or(self.rds_cluster.as_deref())
    }
}
