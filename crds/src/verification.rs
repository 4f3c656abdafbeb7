//! Checks by SQL of a restored database, and what came of them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A question to a restored database, and what its answer must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Name of the check, unique among them.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')").message("name must be lower-case letters, digits and hyphens, as in users"))]
    pub name: String,
    /// One SQL statement, as in `SELECT count(*) FROM users`. It runs in a read-only transaction.
    #[schemars(length(min = 1, max = 4096))]
    pub sql: String,
    /// CEL expression that must be true: `value` is the first column of the first row, `row` the first row by column, `rows` how many
    /// rows there are. As in `value > 0`.
    #[schemars(length(min = 1, max = 1024))]
    pub expect: String,
}

/// What a restored database answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerificationStatus {
    /// What follows from it.
    pub result: VerificationResult,
    /// When the database was asked.
    pub time: Time,
    /// Each check.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub checks: Vec<CheckStatus>,
    /// Why, where the database could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub message: Option<String>,
}

/// What follows from the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum VerificationResult {
    /// All checks passed: the backup can be restored, and is good.
    Passed,
    /// A check did not pass: the backup can be restored, and is not as expected.
    Failed,
    /// The database could not be asked: nothing is known of the backup.
    Unknown,
}

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckStatus {
    /// Name of the check.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Whether its answer was as expected.
    pub passed: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub message: Option<String>,
}
