//! The permissions of each question and each step.
//!
//! Sources: Service Authorization Reference for Amazon ECS and Application Auto Scaling; Application Auto Scaling User Guide,
//! "Permissions validation for Application Auto Scaling API calls on target resources" (what it does in its caller's name is asked of
//! the caller) and "Service-linked roles for Application Auto Scaling".

use super::{Condition, Permission, Purpose, Resource, database};
use crate::arn::partition_of;
use crate::ids::{ClusterId, Namespace, Scope, ServiceId, TargetId};
use crate::observed::db_cluster::MADE_BY_AUTOSCALING;
use crate::query::Query;
use crate::step::Step;

/// The service principal and the name of the role by which Application Auto Scaling changes what scales.
fn role(namespace: Namespace) -> (&'static str, &'static str) {
    match namespace {
        Namespace::Ecs => {
            ("ecs.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_ECSService")
        }
        Namespace::Rds => {
            ("rds.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_RDSCluster")
        }
    }
}

impl Query {
    /// What IAM must allow for the question to be asked.
    pub fn permissions(&self) -> Vec<Permission> {
        let everywhere =
            |action| vec![permission(Purpose::ReadAutoscaling, action, Resource { arn: "*".into(), of_cluster: None })];
        match self {
            // IAM User Guide, "GetCallerIdentity": it needs no permission and cannot be denied.
            Self::CallerIdentity(_) => Vec::new(),
            Self::EcsService(id) => vec![permission(Purpose::ReadServices, "ecs:DescribeServices", service(id))],
            // Asked of several by a filter, so of all.
            Self::DbCluster(id) => {
                vec![permission(Purpose::ReadClusters, "rds:DescribeDBClusters", of_rds(id, "cluster:*"))]
            }
            Self::Database(id) => vec![database::read(id)],
            Self::DatabaseSnapshots(id) => database::read_snapshots(id),
            Self::Snapshot(id) => database::read_snapshot(id),
            // Not asked of AWS.
            Self::Credential(_) | Self::Sql(_) | Self::ExportJob(_) | Self::UsableSecret(_) => Vec::new(),
            Self::VerificationInstances(scope) => vec![database::read_instances(scope)],
            Self::RdsQuotas(scope) => vec![database::read_quotas(scope)],
            // These know no resources.
            Self::ScalableTarget(_) => everywhere("application-autoscaling:DescribeScalableTargets"),
            Self::ScalingPolicies(_) => everywhere("application-autoscaling:DescribeScalingPolicies"),
            Self::ScheduledActions(_) => everywhere("application-autoscaling:DescribeScheduledActions"),
            Self::ScalableTargetTags(target) => {
                let action = "application-autoscaling:ListTagsForResource";
                vec![permission(Purpose::TagAutoscaling, action, targets(target.target.scope()))]
            }
        }
    }
}

impl Step {
    /// What IAM must allow for the step to be made, its own action first.
    pub fn permissions(&self) -> Vec<Permission> {
        match (self, self.target()) {
            (Self::Database(step), _) => database::write(step),
            (Self::Export(step), _) => vec![database::read(&step.database)],
            (_, Some(target)) => self.scaling_permissions(&target),
            (_, None) => Vec::new(),
        }
    }

    fn scaling_permissions(&self, id: &TargetId) -> Vec<Permission> {
        match self {
            Self::SetDesiredCount { service: id, .. } => {
                vec![permission(Purpose::SetDesiredCount, self.iam_action(), service(id))]
            }
            Self::RegisterScalableTarget { from, tags, .. } => {
                let mut needed = vec![of_namespace(self.iam_action(), id)];
                needed.extend(in_our_name(id));
                if !tags.is_empty() {
                    let action = "application-autoscaling:TagResource";
                    needed.push(permission(Purpose::TagAutoscaling, action, targets(id.scope())));
                }
                if from.is_none() {
                    needed.push(first_use(id));
                }
                needed
            }
            // The alarms of step scaling are the user's.
            Self::PutStepScalingPolicy { .. }
            | Self::PutScheduledAction { .. }
            | Self::DeleteScheduledAction { .. } => {
                vec![of_namespace(self.iam_action(), id)]
            }
            Self::DeregisterScalableTarget { from, .. } if from.policies.is_empty() => {
                vec![of_namespace(self.iam_action(), id)]
            }
            // Whoever removes a target removes the alarms of its target tracking policies.
            Self::PutTargetTrackingPolicy { .. }
            | Self::DeleteScalingPolicy { .. }
            | Self::DeregisterScalableTarget { .. } => {
                let alarms = ["cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms"];
                let alarms = alarms.map(|action| permission(Purpose::AlarmsOfAutoscaling, action, alarms_of(id)));
                std::iter::once(of_namespace(self.iam_action(), id)).chain(alarms).collect()
            }
            Self::AdoptScaleOut { service: id, .. } => {
                vec![permission(Purpose::ReadServices, self.iam_action(), service(id))]
            }
            // What the DatabaseRestore or the DatabaseBackup needs is its own.
            Self::VerifyBackup { .. } | Self::ExportDatabase { .. } | Self::Database(_) | Self::Export(_) => Vec::new(),
        }
    }
}

pub(super) fn permission(purpose: Purpose, action: &'static str, resource: Resource) -> Permission {
    Permission { purpose, action, resource, condition: None }
}

/// What Application Auto Scaling does with what scales, and asks of us before it does.
fn in_our_name(id: &TargetId) -> Vec<Permission> {
    match id {
        TargetId::EcsService(id) => vec![
            permission(Purpose::ReadServices, "ecs:DescribeServices", service(id)),
            permission(Purpose::SetDesiredCount, "ecs:UpdateService", service(id)),
        ],
        // Application Auto Scaling User Guide, "Identity-based policy examples".
        TargetId::AuroraReplicas(id) => {
            let own = ["rds:AddTagsToResource", "rds:CreateDBInstance", "rds:DeleteDBInstance"];
            let own = own.map(|action| {
                permission(Purpose::SetReplicaCount, action, of_rds(id, &format!("db:{MADE_BY_AUTOSCALING}*")))
            });
            let read = [
                permission(Purpose::ReadClusters, "rds:DescribeDBClusters", of_rds(id, "cluster:*")),
                permission(Purpose::ReadClusters, "rds:DescribeDBInstances", of_rds(id, "db:*")),
            ];
            read.into_iter().chain(own).collect()
        }
    }
}

/// An action on scalable targets, of one namespace only: their ARNs end in random letters, so that none can be named beforehand.
fn of_namespace(action: &'static str, id: &TargetId) -> Permission {
    let key = "application-autoscaling:service-namespace";
    let condition = Some(Condition { operator: "StringEquals", key, value: id.namespace().as_str().into() });
    Permission { condition, ..permission(Purpose::WriteAutoscaling, action, targets(id.scope())) }
}

fn first_use(id: &TargetId) -> Permission {
    let (scope, (principal, role)) = (id.scope(), role(id.namespace()));
    let arn = format!(
        "arn:{}:iam::{}:role/aws-service-role/{principal}/{role}",
        partition_of(&scope.region),
        scope.account_id
    );
    let resource = Resource { arn, of_cluster: None };
    let condition = Some(Condition { operator: "StringEquals", key: "iam:AWSServiceName", value: principal.into() });
    Permission { condition, ..permission(Purpose::FirstUseOfAutoscaling, "iam:CreateServiceLinkedRole", resource) }
}

fn service(id: &ServiceId) -> Resource {
    let all = ServiceId { service: "*".into(), ..id.clone() };
    Resource { arn: id.arn(), of_cluster: Some(all.arn()) }
}

fn of_rds(id: &ClusterId, resource: &str) -> Resource {
    Resource { arn: arn(&id.scope, "rds", resource), of_cluster: None }
}

fn targets(scope: &Scope) -> Resource {
    Resource { arn: arn(scope, "application-autoscaling", "scalable-target/*"), of_cluster: None }
}

/// The alarms of a target tracking policy, which Application Auto Scaling names after the ResourceId.
fn alarms_of(id: &TargetId) -> Resource {
    let alarms = |of: &str| arn(id.scope(), "cloudwatch", &format!("alarm:TargetTracking-{of}"));
    let of_cluster = match id {
        TargetId::EcsService(service) => Some(alarms(&format!("service/{}/*", service.cluster))),
        TargetId::AuroraReplicas(_) => None,
    };
    Resource { arn: alarms(&format!("{}-*", id.resource_id())), of_cluster }
}

pub(super) fn arn(scope: &Scope, service: &str, resource: &str) -> String {
    let Scope { account_id, region, .. } = scope;
    format!("arn:{}:{service}:{region}:{account_id}:{resource}", partition_of(region))
}
