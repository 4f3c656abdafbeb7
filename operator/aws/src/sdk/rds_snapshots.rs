//! Amazon RDS: snapshots of DB instances and DB clusters, and how many there may be.

use std::collections::BTreeMap;

use aws_sdk_rds::Client;
use aws_sdk_rds::operation::RequestId;
use aws_sdk_rds::types::{DbClusterSnapshot, DbSnapshot, Filter, Tag};
use runbook_core::observed::{DatabaseSnapshot, Quota};
use runbook_core::{CloudError, DatabaseKind};

use super::autoscaling::deleted;
use super::autoscaling_scheduled::timestamp;
use super::classify::classify;
use super::rds_databases::{A_PAGE, required, tags};
use crate::call::{Call, Reply};
use crate::cloud::Answered;

pub(super) async fn describe(
    client: &Client,
    call: &Call,
    kind: DatabaseKind,
    source: Option<String>,
    snapshot: Option<String>,
    marker: Option<String>,
) -> Result<Answered, CloudError> {
    // Asked by a filter and not by name: then one that is missing is no error.
    let filter = |name: &str| {
        let of = |identifier: String| vec![Filter::builder().name(name).values(identifier).build()];
        snapshot.clone().map(of)
    };
    // Without a SnapshotType both the manual and the automated ones.
    let (snapshots, marker, request_id) = match kind {
        DatabaseKind::Instance => {
            let request = client
                .describe_db_snapshots()
                .set_db_instance_identifier(source)
                .set_filters(filter("db-snapshot-id"))
                .max_records(A_PAGE);
            let output = request.set_marker(marker).send().await.map_err(|error| classify(call, &error))?;
            let found = output.db_snapshots().iter().map(|found| of_instance(call, found)).collect::<Result<_, _>>()?;
            (found, output.marker().map(Into::into), output.request_id().map(Into::into))
        }
        DatabaseKind::Cluster => {
            let request = client
                .describe_db_cluster_snapshots()
                .set_db_cluster_identifier(source)
                .set_filters(filter("db-cluster-snapshot-id"))
                .max_records(A_PAGE);
            let output = request.set_marker(marker).send().await.map_err(|error| classify(call, &error))?;
            let found = output.db_cluster_snapshots().iter();
            let found = found.map(|found| of_cluster(call, found)).collect::<Result<_, _>>()?;
            (found, output.marker().map(Into::into), output.request_id().map(Into::into))
        }
    };
    Ok(Answered { reply: Reply::Snapshots { snapshots, marker }, request_id })
}

pub(super) async fn create(
    client: &Client,
    call: &Call,
    kind: DatabaseKind,
    source: &str,
    snapshot: &str,
    tags: &[(String, String)],
) -> Result<Answered, CloudError> {
    let tags = Some(tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect());
    let request_id: Option<String> = match kind {
        DatabaseKind::Instance => {
            let request = client.create_db_snapshot().db_instance_identifier(source).db_snapshot_identifier(snapshot);
            let output = request.set_tags(tags).send().await.map_err(|error| classify(call, &error))?;
            output.request_id().map(Into::into)
        }
        DatabaseKind::Cluster => {
            let request = client
                .create_db_cluster_snapshot()
                .db_cluster_identifier(source)
                .db_cluster_snapshot_identifier(snapshot);
            let output = request.set_tags(tags).send().await.map_err(|error| classify(call, &error))?;
            output.request_id().map(Into::into)
        }
    };
    Ok(Answered { reply: Reply::Done, request_id })
}

pub(super) async fn delete(
    client: &Client,
    call: &Call,
    kind: DatabaseKind,
    snapshot: &str,
) -> Result<Answered, CloudError> {
    let request_id: Result<Option<String>, CloudError> = match kind {
        DatabaseKind::Instance => {
            let output = client.delete_db_snapshot().db_snapshot_identifier(snapshot).send().await;
            output.map(|output| output.request_id().map(Into::into)).map_err(|error| classify(call, &error))
        }
        DatabaseKind::Cluster => {
            let output = client.delete_db_cluster_snapshot().db_cluster_snapshot_identifier(snapshot).send().await;
            output.map(|output| output.request_id().map(Into::into)).map_err(|error| classify(call, &error))
        }
    };
    deleted(request_id)
}

pub(super) async fn describe_account_attributes(client: &Client, call: &Call) -> Result<Answered, CloudError> {
    let output = client.describe_account_attributes().send().await.map_err(|error| classify(call, &error))?;
    let quotas: BTreeMap<String, Quota> = output
        .account_quotas()
        .iter()
        .map(|quota| {
            let name = required(call, "AccountQuotaName", quota.account_quota_name())?;
            let used = required(call, "Used", quota.used())?;
            let max = required(call, "Max", quota.max())?;
            Ok((name.to_owned(), Quota { used, max }))
        })
        .collect::<Result<_, CloudError>>()?;
    Ok(Answered { reply: Reply::Quotas(quotas), request_id: output.request_id().map(Into::into) })
}

fn of_instance(call: &Call, found: &DbSnapshot) -> Result<(String, DatabaseSnapshot), CloudError> {
    let text = |field: &str, value: Option<&str>| required(call, field, value.map(str::to_owned));
    let snapshot = DatabaseSnapshot {
        identifier: text("DBSnapshotIdentifier", found.db_snapshot_identifier())?,
        arn: text("DBSnapshotArn", found.db_snapshot_arn())?,
        source_resource_id: found.dbi_resource_id().map(Into::into),
        snapshot_type: text("SnapshotType", found.snapshot_type())?,
        status: text("Status", found.status())?,
        created_at: found.snapshot_create_time().and_then(timestamp),
        percent_progress: found.percent_progress().unwrap_or_default(),
        encrypted: found.encrypted().unwrap_or_default(),
        tags: tags(found.tag_list()),
    };
    Ok((text("DBInstanceIdentifier", found.db_instance_identifier())?, snapshot))
}

fn of_cluster(call: &Call, found: &DbClusterSnapshot) -> Result<(String, DatabaseSnapshot), CloudError> {
    let text = |field: &str, value: Option<&str>| required(call, field, value.map(str::to_owned));
    let snapshot = DatabaseSnapshot {
        identifier: text("DBClusterSnapshotIdentifier", found.db_cluster_snapshot_identifier())?,
        arn: text("DBClusterSnapshotArn", found.db_cluster_snapshot_arn())?,
        source_resource_id: found.db_cluster_resource_id().map(Into::into),
        snapshot_type: text("SnapshotType", found.snapshot_type())?,
        status: text("Status", found.status())?,
        created_at: found.snapshot_create_time().and_then(timestamp),
        percent_progress: found.percent_progress().unwrap_or_default(),
        encrypted: found.storage_encrypted().unwrap_or_default(),
        tags: tags(found.tag_list()),
    };
    Ok((text("DBClusterIdentifier", found.db_cluster_identifier())?, snapshot))
}
