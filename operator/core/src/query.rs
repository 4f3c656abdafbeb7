//! What a plan may ask the observation plane.

use jiff::SignedDuration;
use serde::Serialize;

use crate::ids::{ClusterId, DatabaseId, DatabaseKind, ObjectId, Scope, ServiceId, SnapshotId, TargetId};
use crate::observed::Endpoint;
use crate::step::VERIFICATION_PREFIX;

/// One question about AWS. Equal questions have one answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Query {
    /// Whose credentials are these? (STS GetCallerIdentity)
    CallerIdentity(Scope),
    /// The service, its counts and deployments. (ECS DescribeServices)
    EcsService(ServiceId),
    /// The DB cluster and its members. (RDS DescribeDBClusters)
    DbCluster(ClusterId),
    /// The band registered for the target, if any. (Application Auto Scaling DescribeScalableTargets)
    ScalableTarget(TargetId),
    /// All scaling policies of the target. (Application Auto Scaling DescribeScalingPolicies)
    ScalingPolicies(TargetId),
    /// All scheduled actions of the target. (Application Auto Scaling DescribeScheduledActions)
    ScheduledActions(TargetId),
    /// The database and how it is backed up. (RDS DescribeDBInstances or DescribeDBClusters)
    Database(DatabaseId),
    /// All snapshots of the database, automated ones too. (RDS DescribeDBSnapshots or DescribeDBClusterSnapshots)
    DatabaseSnapshots(DatabaseId),
    /// One snapshot, and the database that it is of. (RDS DescribeDBSnapshots or DescribeDBClusterSnapshots with a filter)
    Snapshot(SnapshotId),
    /// All DB instances that were restored to be verified, by their names. (RDS DescribeDBInstances of all)
    VerificationInstances(Scope),
    /// Whether a password of a restored database is kept here. It is asked of nobody else.
    Credential(DatabaseId),
    /// What a restored database answers. (SQL, in one read-only transaction)
    Sql(Box<SqlQuestion>),
    /// How much of each quota is used. (RDS DescribeAccountAttributes)
    RdsQuotas(Scope),
    /// The Job of an export, and what its pods say. (Kubernetes)
    ExportJob(KubernetesObject),
    /// Whether a Secret may be used by objects of its namespace: what is in it is not read. (Kubernetes)
    UsableSecret(KubernetesObject),
    /// The tags of the scalable target, which say whose it is. (Application Auto Scaling ListTagsForResource)
    ScalableTargetTags(TargetArn),
}

/// An object of Kubernetes, asked about on behalf of what works in this scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesObject {
    /// Where what asks works.
    pub scope: Scope,
    /// The object.
    pub id: ObjectId,
}

/// What is asked of a database, and where.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SqlQuestion {
    /// The database.
    pub database: DatabaseId,
    /// Its DbiResourceId: the password is of this one.
    pub resource_id: String,
    /// Where it is reached.
    pub endpoint: Endpoint,
    /// The user.
    pub user: String,
    /// Name of the database within it.
    pub name: String,
    /// The statements, by their names.
    pub statements: Vec<(String, String)>,
    /// The longest time that all of them together may take.
    pub timeout: SignedDuration,
}

/// A scalable target, by the name under which it carries tags. A target that is registered anew has another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct TargetArn {
    /// What scales.
    pub target: TargetId,
    /// ScalableTargetARN.
    pub arn: String,
}

impl Query {
    /// Where the question is asked.
    pub fn scope(&self) -> &Scope {
        match self {
            Self::CallerIdentity(scope) | Self::RdsQuotas(scope) | Self::VerificationInstances(scope) => scope,
            Self::Database(database) | Self::DatabaseSnapshots(database) => &database.scope,
            Self::Snapshot(snapshot) => &snapshot.scope,
            Self::Credential(database) => &database.scope,
            Self::Sql(question) => &question.database.scope,
            Self::ExportJob(object) | Self::UsableSecret(object) => &object.scope,
            Self::EcsService(service) => &service.scope,
            Self::DbCluster(cluster) => &cluster.scope,
            Self::ScalableTarget(target) | Self::ScalingPolicies(target) | Self::ScheduledActions(target) => {
                target.scope()
            }
            Self::ScalableTargetTags(tagged) => tagged.target.scope(),
        }
    }

    /// The target of scaling that the question is about, if it is about one.
    pub fn target(&self) -> Option<TargetId> {
        match self {
            Self::CallerIdentity(_)
            | Self::Database(_)
            | Self::DatabaseSnapshots(_)
            | Self::Snapshot(_)
            | Self::Credential(_)
            | Self::Sql(_)
            | Self::VerificationInstances(_)
            | Self::ExportJob(_)
            | Self::UsableSecret(_)
            | Self::RdsQuotas(_) => None,
            Self::EcsService(service) => Some(service.clone().into()),
            Self::DbCluster(cluster) => Some(cluster.clone().into()),
            Self::ScalableTarget(target) | Self::ScalingPolicies(target) | Self::ScheduledActions(target) => {
                Some(target.clone())
            }
            Self::ScalableTargetTags(tagged) => Some(tagged.target.clone()),
        }
    }

    /// The database that the question is about, if it is about one.
    pub fn database(&self) -> Option<&DatabaseId> {
        match self {
            Self::Database(database) | Self::DatabaseSnapshots(database) => Some(database),
            _ => None,
        }
    }

    /// Whether it is asked of AWS: what is kept here, what a database is asked by SQL, and what Kubernetes has, is not.
    pub fn is_of_aws(&self) -> bool {
        !matches!(self, Self::Credential(_) | Self::Sql(_)) && !self.is_of_kubernetes()
    }

    /// Whether it is asked of Kubernetes.
    pub fn is_of_kubernetes(&self) -> bool {
        matches!(self, Self::ExportJob(_) | Self::UsableSecret(_))
    }

    /// What there is of the target, and how large it is.
    pub fn of_target(target: &TargetId) -> Self {
        match target {
            TargetId::EcsService(service) => Self::EcsService(service.clone()),
            TargetId::AuroraReplicas(cluster) => Self::DbCluster(cluster.clone()),
        }
    }

    /// The same question, asked by another connection of the same account and region.
    pub fn within(self, of: &Scope) -> Self {
        match self {
            Self::CallerIdentity(_) => Self::CallerIdentity(of.clone()),
            Self::Database(id) => Self::Database(DatabaseId { scope: of.clone(), ..id }),
            Self::DatabaseSnapshots(id) => Self::DatabaseSnapshots(DatabaseId { scope: of.clone(), ..id }),
            Self::Credential(id) => Self::Credential(DatabaseId { scope: of.clone(), ..id }),
            Self::Sql(question) => {
                let database = DatabaseId { scope: of.clone(), ..question.database };
                Self::Sql(Box::new(SqlQuestion { database, ..*question }))
            }
            Self::ExportJob(object) => Self::ExportJob(KubernetesObject { scope: of.clone(), ..object }),
            Self::UsableSecret(object) => Self::UsableSecret(KubernetesObject { scope: of.clone(), ..object }),
            Self::Snapshot(id) => Self::Snapshot(SnapshotId { scope: of.clone(), ..id }),
            Self::RdsQuotas(_) => Self::RdsQuotas(of.clone()),
            Self::VerificationInstances(_) => Self::VerificationInstances(of.clone()),
            Self::EcsService(service) => Self::EcsService(ServiceId { scope: of.clone(), ..service }),
            Self::DbCluster(cluster) => Self::DbCluster(ClusterId { scope: of.clone(), ..cluster }),
            Self::ScalableTarget(target) => Self::ScalableTarget(target.within(of)),
            Self::ScalingPolicies(target) => Self::ScalingPolicies(target.within(of)),
            Self::ScheduledActions(target) => Self::ScheduledActions(target.within(of)),
            Self::ScalableTargetTags(TargetArn { target, arn }) => {
                Self::ScalableTargetTags(TargetArn { target: target.within(of), arn })
            }
        }
    }

    /// Whether the answer changes without anybody writing: tasks start, deployments end, readers come, snapshots are done.
    pub fn moves_by_itself(&self) -> bool {
        matches!(
            self,
            Self::EcsService(_)
                | Self::DbCluster(_)
                | Self::Database(_)
                | Self::DatabaseSnapshots(_)
                | Self::Snapshot(_)
                | Self::Credential(_)
                | Self::Sql(_)
                | Self::ExportJob(_)
                | Self::UsableSecret(_)
        )
    }

    /// ARNs that a grant must cover before the question is asked. Who we are needs none, as in IAM, and how much is used is nobody's.
    /// Whose a snapshot is is known when it was read: what is made of it needs the grant.
    pub fn resources(&self) -> Vec<String> {
        match self {
            Self::Database(database) | Self::DatabaseSnapshots(database) | Self::Credential(database) => {
                vec![database.arn()]
            }
            Self::Sql(question) => vec![question.database.arn()],
            Self::VerificationInstances(scope) => {
                let identifier = format!("{VERIFICATION_PREFIX}*");
                vec![DatabaseId { scope: scope.clone(), kind: DatabaseKind::Instance, identifier }.arn()]
            }
            _ => self.target().map(|target| target.arn()).into_iter().collect(),
        }
    }
}
