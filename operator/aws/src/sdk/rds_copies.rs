//! Amazon RDS: copies of snapshots, and who a snapshot is shared with.

use aws_sdk_rds::Client;
use aws_sdk_rds::operation::RequestId;
use aws_sdk_rds::types::Tag;
use runbook_core::{CloudError, DatabaseKind};

use super::classify::classify;
use crate::call::{Call, Reply};
use crate::cloud::Answered;

/// The attribute that says who may restore, and copy, a snapshot (Amazon RDS API Reference, ModifyDBSnapshotAttribute).
const RESTORE: &str = "restore";

/// A copy to be made.
pub(super) struct Copy<'c> {
    pub(super) source: &'c str,
    pub(super) snapshot: &'c str,
    pub(super) kms_key: Option<String>,
    pub(super) option_group: Option<String>,
    pub(super) tags: &'c [(String, String)],
}

/// A request that is signed in advance is wanted between the regions of GovCloud only (Amazon RDS API Reference, CopyDBSnapshot,
/// PreSignedUrl); it is not planned for there.
pub(super) async fn copy(
    client: &Client,
    call: &Call,
    kind: DatabaseKind,
    copy: Copy<'_>,
) -> Result<Answered, CloudError> {
    let tags = Some(copy.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect());
    let request_id: Option<String> = match kind {
        DatabaseKind::Instance => {
            let request = client
                .copy_db_snapshot()
                .source_db_snapshot_identifier(copy.source)
                .target_db_snapshot_identifier(copy.snapshot)
                .set_kms_key_id(copy.kms_key)
                .set_option_group_name(copy.option_group)
                .copy_tags(false);
            let output = request.set_tags(tags).send().await.map_err(|error| classify(call, &error))?;
            output.request_id().map(Into::into)
        }
        DatabaseKind::Cluster => {
            let request = client
                .copy_db_cluster_snapshot()
                .source_db_cluster_snapshot_identifier(copy.source)
                .target_db_cluster_snapshot_identifier(copy.snapshot)
                .set_kms_key_id(copy.kms_key)
                .copy_tags(false);
            let output = request.set_tags(tags).send().await.map_err(|error| classify(call, &error))?;
            output.request_id().map(Into::into)
        }
    };
    Ok(Answered { reply: Reply::Done, request_id })
}

pub(super) async fn share(
    client: &Client,
    call: &Call,
    kind: DatabaseKind,
    snapshot: &str,
    account: &str,
) -> Result<Answered, CloudError> {
    let request_id: Option<String> = match kind {
        DatabaseKind::Instance => {
            let request = client.modify_db_snapshot_attribute().db_snapshot_identifier(snapshot);
            let request = request.attribute_name(RESTORE).values_to_add(account);
            let output = request.send().await.map_err(|error| classify(call, &error))?;
            output.request_id().map(Into::into)
        }
        DatabaseKind::Cluster => {
            let request = client.modify_db_cluster_snapshot_attribute().db_cluster_snapshot_identifier(snapshot);
            let request = request.attribute_name(RESTORE).values_to_add(account);
            let output = request.send().await.map_err(|error| classify(call, &error))?;
            output.request_id().map(Into::into)
        }
    };
    Ok(Answered { reply: Reply::Done, request_id })
}
