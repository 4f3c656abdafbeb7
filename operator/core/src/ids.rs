//! What is where: identifiers computed from objects, never random.

use std::fmt;

use serde::Serialize;

use crate::arn::partition_of;

/// The place of an AWS resource, and the way there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// Name of the AwsAccount whose credentials and endpoint are used.
    pub connection: String,
    /// Twelve digits.
    pub account_id: String,
    /// Region code.
    pub region: String,
}

/// An ECS service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceId {
    /// Where the cluster is.
    pub scope: Scope,
    /// Name of the cluster.
    pub cluster: String,
    /// Name of the service.
    pub service: String,
}

impl ServiceId {
    /// The service's ARN, in the long format (the only one for services created since 2021).
    pub fn arn(&self) -> String {
        let Scope { account_id, region, .. } = &self.scope;
        let partition = partition_of(region);
        format!("arn:{partition}:ecs:{region}:{account_id}:service/{}/{}", self.cluster, self.service)
    }

    /// The ResourceId by which Application Auto Scaling knows the service.
    pub fn resource_id(&self) -> String {
        format!("service/{}/{}", self.cluster, self.service)
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.cluster, self.service)
    }
}

/// An Aurora DB cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterId {
    /// Where it is.
    pub scope: Scope,
    /// DBClusterIdentifier.
    pub cluster: String,
}

impl ClusterId {
    /// The cluster's ARN.
    pub fn arn(&self) -> String {
        let Scope { account_id, region, .. } = &self.scope;
        format!("arn:{}:rds:{region}:{account_id}:{}", partition_of(region), self.resource_id())
    }

    /// The ResourceId by which Application Auto Scaling knows the cluster.
    pub fn resource_id(&self) -> String {
        format!("cluster:{}", self.cluster)
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Aurora cluster {}", self.cluster)
    }
}

/// A database that is backed up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseId {
    /// Where it is.
    pub scope: Scope,
    /// What it is.
    pub kind: DatabaseKind,
    /// DBInstanceIdentifier or DBClusterIdentifier.
    pub identifier: String,
}

/// The two sorts of databases of RDS: each has operations of its own for the same things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum DatabaseKind {
    /// A DB instance that is no member of a cluster.
    Instance,
    /// An Aurora or Multi-AZ DB cluster.
    Cluster,
}

impl DatabaseId {
    /// The database's ARN.
    pub fn arn(&self) -> String {
        let sort = match self.kind {
            DatabaseKind::Instance => "db",
            DatabaseKind::Cluster => "cluster",
        };
        self.arn_of(&format!("{sort}:{}", self.identifier))
    }

    /// The ARN of a snapshot of it.
    pub fn snapshot_arn(&self, snapshot: &str) -> String {
        let sort = match self.kind {
            DatabaseKind::Instance => "snapshot",
            DatabaseKind::Cluster => "cluster-snapshot",
        };
        self.arn_of(&format!("{sort}:{snapshot}"))
    }

    fn arn_of(&self, resource: &str) -> String {
        let Scope { account_id, region, .. } = &self.scope;
        format!("arn:{}:rds:{region}:{account_id}:{resource}", partition_of(region))
    }
}

impl fmt::Display for DatabaseId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            DatabaseKind::Instance => write!(formatter, "DB instance {}", self.identifier),
            DatabaseKind::Cluster => write!(formatter, "DB cluster {}", self.identifier),
        }
    }
}

/// A snapshot, by its own identifier: whose it is is not known yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct SnapshotId {
    /// Where it is, and the way there.
    pub scope: Scope,
    /// Whether it is of an instance or of a cluster.
    pub kind: DatabaseKind,
    /// DBSnapshotIdentifier or DBClusterSnapshotIdentifier.
    pub identifier: String,
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            DatabaseKind::Instance => write!(formatter, "DB snapshot {}", self.identifier),
            DatabaseKind::Cluster => write!(formatter, "DB cluster snapshot {}", self.identifier),
        }
    }
}

/// What scales: a service of AWS that Application Auto Scaling knows by a namespace, a dimension and a ResourceId.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum TargetId {
    /// An ECS service, by the number of its tasks.
    EcsService(ServiceId),
    /// An Aurora cluster, by the number of its Aurora Replicas.
    AuroraReplicas(ClusterId),
}

impl TargetId {
    /// Where it is, and the way there.
    pub fn scope(&self) -> &Scope {
        match self {
            Self::EcsService(service) => &service.scope,
            Self::AuroraReplicas(cluster) => &cluster.scope,
        }
    }

    /// The same in another scope.
    pub fn within(mut self, of: &Scope) -> Self {
        match &mut self {
            Self::EcsService(service) => service.scope = of.clone(),
            Self::AuroraReplicas(cluster) => cluster.scope = of.clone(),
        }
        self
    }

    /// The namespace it belongs to.
    pub fn namespace(&self) -> Namespace {
        match self {
            Self::EcsService(_) => Namespace::Ecs,
            Self::AuroraReplicas(_) => Namespace::Rds,
        }
    }

    /// Its ARN: what grants are checked on.
    pub fn arn(&self) -> String {
        match self {
            Self::EcsService(service) => service.arn(),
            Self::AuroraReplicas(cluster) => cluster.arn(),
        }
    }

    /// The ResourceId by which Application Auto Scaling knows it.
    pub fn resource_id(&self) -> String {
        match self {
            Self::EcsService(service) => service.resource_id(),
            Self::AuroraReplicas(cluster) => cluster.resource_id(),
        }
    }
}

impl From<ServiceId> for TargetId {
    fn from(service: ServiceId) -> Self {
        Self::EcsService(service)
    }
}

impl From<ClusterId> for TargetId {
    fn from(cluster: ClusterId) -> Self {
        Self::AuroraReplicas(cluster)
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EcsService(service) => service.fmt(formatter),
            Self::AuroraReplicas(cluster) => cluster.fmt(formatter),
        }
    }
}

/// What a step changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AwsResource {
    /// Something that scales.
    Target(TargetId),
    /// A database, or a snapshot of it.
    Database(DatabaseId),
}

impl AwsResource {
    /// Where it is, and the way there.
    pub fn scope(&self) -> &Scope {
        match self {
            Self::Target(target) => target.scope(),
            Self::Database(database) => &database.scope,
        }
    }

    /// Its ARN: what grants are checked on.
    pub fn arn(&self) -> String {
        match self {
            Self::Target(target) => target.arn(),
            Self::Database(database) => database.arn(),
        }
    }
}

impl fmt::Display for AwsResource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(target) => target.fmt(formatter),
            Self::Database(database) => database.fmt(formatter),
        }
    }
}

/// A ServiceNamespace of Application Auto Scaling, each with the one dimension that is scaled here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Namespace {
    /// ECS services.
    Ecs,
    /// Aurora DB clusters.
    Rds,
}

impl Namespace {
    /// The namespace that a ResourceId is of: each has a form of its own.
    pub fn of(resource_id: &str) -> Self {
        if resource_id.starts_with("cluster:") { Self::Rds } else { Self::Ecs }
    }

    /// As AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Rds => "rds",
        }
    }

    /// ScalableDimension.
    pub fn dimension(self) -> &'static str {
        match self {
            Self::Ecs => "ecs:service:DesiredCount",
            Self::Rds => "rds:cluster:ReadReplicaCount",
        }
    }
}

/// A Kubernetes object of a namespaced kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ObjectId {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}
