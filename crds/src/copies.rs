//! Copies of a BackupPolicy's snapshots in another region, or in another account.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backup_policy::{Backup, Retention};
use crate::common::AccountRef;

/// The ARN of a key of KMS: aliases may come to mean another key, and keys do not leave their region.
const KEY_RULE: &str = "self.matches('^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$')";

/// Copies of the snapshots, in another region or in another account. Each is made when its snapshot is available, under the same
/// identifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.region) || has(self.accountRef)")
    .message("say where the copies go: set region, accountRef, or both"))]
#[x_kube(validation = Rule::new("has(self.retention) != has(self.deletion)")
    .message("say how long the copies are kept, and in one way only: set retention, or deletion: External where something else deletes them"))]
#[x_kube(validation = Rule::new("!has(self.retention) || !has(self.retention.minVerified)")
    .message("the copies are not verified: leave minVerified out of their retention"))]
#[x_kube(validation = Rule::new("!has(self.shareKmsKeyId) || has(self.accountRef)")
    .message("shareKmsKeyId is for copies in another account: set accountRef, or write kmsKeyId for the key of the copies"))]
#[x_kube(validation = Rule::new("!has(self.region) || !has(self.kmsKeyId) || self.kmsKeyId.contains(':kms:' + self.region + ':')")
    .message("kmsKeyId must be a key of the region that the copies are in: keys do not leave their region"))]
pub struct SnapshotCopy {
    /// Name of the copies, by which status and conditions speak of them.
    #[schemars(length(max = 40))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z](-?[a-z0-9])*$')")
        .message("name must be a lower-case letter, then lower-case letters, digits and single hyphens, none of them at the end"))]
    pub name: String,
    /// Region of the copies; the AwsAccount must list it. Default: the region of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(crate::schema::REGION_RULE).message("region must be an AWS region code such as eu-west-1"))]
    pub region: Option<String>,
    /// The AwsAccount of the copies, which must grant this namespace `snapshot` there. Default: that of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_ref: Option<AccountRef>,
    /// ARN of the KMS key that the copies are encrypted with, in their region. Needed where the snapshots are encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new(KEY_RULE)
        .message("kmsKeyId must be the ARN of a key, not an alias: arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"))]
    pub kms_key_id: Option<String>,
    /// ARN of a key of the policy's own account, in the region of the copies, that the other account may use: a snapshot is encrypted
    /// again under it before it is shared, because one under the default key cannot be. Needed where the snapshots are encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new(KEY_RULE)
        .message("shareKmsKeyId must be the ARN of a key, not an alias: arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"))]
    pub share_kms_key_id: Option<String>,
    /// Option group of the copies, which must be there: where that of the database is not a default one. Instances only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub option_group: Option<String>,
    /// How long the copies are kept. Only snapshots that it would keep are copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// Who deletes the copies, where no retention does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<CopyDeletion>,
}

/// Who deletes copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum CopyDeletion {
    /// Something or somebody else: nothing here ever deletes one, and the operator's role there needs no right to.
    External,
}

/// Where copies stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CopyStatus {
    /// Name of the copies.
    #[schemars(length(max = 40))]
    pub name: String,
    /// Where they are: the region, and the AwsAccount where it is another.
    #[schemars(length(max = 128))]
    pub place: String,
    /// The newest copy that is available; its time is that of the slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_copy: Option<Backup>,
    /// Slot of the newest snapshot that was ever copied: where something else deletes the copies, older ones are not copied again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied_until: Option<Time>,
    /// How many copies there are.
    #[schemars(range(min = 0))]
    pub snapshots: i32,
    /// Snapshots that are being copied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(max = 255)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub in_progress: Vec<String>,
    /// How many further snapshots are still to be copied.
    #[schemars(range(min = 0))]
    pub waiting: i32,
    /// Since when a snapshot is to be copied that is not: the slot of the oldest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Time>,
    /// Copies that RDS says have failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(max = 255)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub failed: Vec<String>,
    /// Why nothing is copied there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
}
