//! A DB cluster of RDS, as far as a decision about its Aurora Replicas looks at it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Scaled;

/// What the names of the readers begin with that Application Auto Scaling makes, and of which alone it removes any (Amazon Aurora User
/// Guide, "Amazon Aurora Auto Scaling with Aurora Replicas").
pub const MADE_BY_AUTOSCALING: &str = "application-autoscaling-";

/// A DB cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DbCluster {
    /// DBClusterArn.
    pub arn: String,
    /// `available`, `modifying`, `stopped` and the like.
    pub status: String,
    /// `aurora-postgresql`, `aurora-mysql`; or, of a Multi-AZ DB cluster, `postgres` or `mysql`.
    pub engine: String,
    /// Its instances.
    pub members: Vec<ClusterMember>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// An instance of a DB cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterMember {
    /// DBInstanceIdentifier.
    pub instance: String,
    /// IsClusterWriter.
    pub is_writer: bool,
}

impl DbCluster {
    /// Its Aurora Replicas: all members but the writer, those that come or go among them.
    pub fn readers(&self) -> impl Iterator<Item = &ClusterMember> {
        self.members.iter().filter(|member| !member.is_writer)
    }

    /// Whether an instance writes: readers are made after it.
    pub fn has_writer(&self) -> bool {
        self.members.iter().any(|member| member.is_writer)
    }

    /// As a decision about its size looks at it. A cluster keeps no number that is wanted, and tells of no reader whether it is ready.
    pub fn scaled(&self) -> Scaled<'_> {
        let count = |readers: usize| i32::try_from(readers).unwrap_or(i32::MAX);
        let readers = count(self.readers().count());
        let others = self.readers().filter(|member| !member.instance.starts_with(MADE_BY_AUTOSCALING));
        Scaled {
            arn: &self.arn,
            desired_count: readers,
            running_count: readers,
            pending_count: 0,
            deploying: false,
            permanent: count(others.count()),
            tags: &self.tags,
        }
    }
}
