//! Amazon RDS.

use std::collections::BTreeMap;

use aws_sdk_rds::Client;
use aws_sdk_rds::operation::RequestId;
use aws_sdk_rds::types::{DbCluster as SdkCluster, Filter};
use runbook_core::CloudError;
use runbook_core::observed::{ClusterMember, DbCluster};

use super::classify::classify;
use crate::call::{Call, Reply};
use crate::cloud::Answered;
use crate::door::failure;

/// Amazon RDS API Reference, DescribeDBClusters: MaxRecords.
const CLUSTERS_A_PAGE: i32 = 100;

pub(super) async fn describe_db_clusters(
    client: &Client,
    call: &Call,
    clusters: &[String],
    marker: Option<String>,
) -> Result<Answered, CloudError> {
    // Asked by a filter and not by name: then one that is missing is no error, and several are one call.
    let filter = Filter::builder().name("db-cluster-id").set_values(Some(clusters.to_vec())).build();
    let request = client.describe_db_clusters().filters(filter).max_records(CLUSTERS_A_PAGE).set_marker(marker);
    let output = request.send().await.map_err(|error| classify(call, &error))?;
    let found = output.db_clusters().iter().map(|cluster| observed(call, cluster)).collect::<Result<_, _>>()?;
    let reply = Reply::DbClusters { clusters: found, marker: output.marker().map(Into::into) };
    Ok(Answered { reply, request_id: output.request_id().map(Into::into) })
}

/// The cluster as decisions see it, by its identifier. What is absent is an error, and not false or nothing.
fn observed(call: &Call, cluster: &SdkCluster) -> Result<(String, DbCluster), CloudError> {
    let incomplete =
        |field: &str| failure(call, "IncompleteAnswer", format!("RDS described a DB cluster without {field}"));
    let required = |field: &str, value: Option<&str>| value.map(str::to_owned).ok_or_else(|| incomplete(field));
    let members = cluster.db_cluster_members().iter().map(|member| {
        Ok(ClusterMember {
            instance: required("DBInstanceIdentifier", member.db_instance_identifier())?,
            is_writer: member.is_cluster_writer().ok_or_else(|| incomplete("IsClusterWriter"))?,
        })
    });
    let tags: BTreeMap<String, String> = cluster
        .tag_list()
        .iter()
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
        .collect();
    let found = DbCluster {
        arn: required("DBClusterArn", cluster.db_cluster_arn())?,
        status: required("Status", cluster.status())?,
        engine: required("Engine", cluster.engine())?,
        members: members.collect::<Result<_, CloudError>>()?,
        tags,
    };
    Ok((required("DBClusterIdentifier", cluster.db_cluster_identifier())?, found))
}
