//! The permissions of each question and each step.
//!
//! Sources: Service Authorization Reference for Amazon ECS and Application Auto Scaling; Application Auto Scaling User Guide,
//! "Permissions validation for Application Auto Scaling API calls on target resources" (what it does in its caller's name is asked of
//! the caller) and "Service-linked roles for Application Auto Scaling".

use super::{Condition, Permission, Purpose, Resource};
use crate::arn::partition_of;
use crate::ids::{Scope, ServiceId};
use crate::query::Query;
use crate::step::Step;

/// The service principal of the role by which Application Auto Scaling changes ECS services.
const PRINCIPAL: &str = "ecs.application-autoscaling.amazonaws.com";
const ROLE: &str = "AWSServiceRoleForApplicationAutoScaling_ECSService";

impl Query {
    /// What IAM must allow for the question to be asked.
    pub fn permissions(&self) -> Vec<Permission> {
        let everywhere =
            |action| vec![permission(Purpose::ReadAutoscaling, action, Resource { arn: "*".into(), of_cluster: None })];
        match self {
            // IAM User Guide, "GetCallerIdentity": it needs no permission and cannot be denied.
            Self::CallerIdentity(_) => Vec::new(),
            Self::EcsService(id) => vec![permission(Purpose::ReadServices, "ecs:DescribeServices", service(id))],
            // These know no resources.
            Self::ScalableTarget(_) => everywhere("application-autoscaling:DescribeScalableTargets"),
            Self::ScalingPolicies(_) => everywhere("application-autoscaling:DescribeScalingPolicies"),
            Self::ScheduledActions(_) => everywhere("application-autoscaling:DescribeScheduledActions"),
            Self::ScalableTargetTags(target) => {
                let action = "application-autoscaling:ListTagsForResource";
                vec![permission(Purpose::TagAutoscaling, action, targets(&target.service.scope))]
            }
        }
    }
}

impl Step {
    /// What IAM must allow for the step to be made, its own action first.
    pub fn permissions(&self) -> Vec<Permission> {
        let id = self.service();
        match self {
            Self::SetDesiredCount { .. } => vec![permission(Purpose::SetDesiredCount, self.iam_action(), service(id))],
            Self::RegisterScalableTarget { from, tags, .. } => {
                let mut needed = vec![
                    of_ecs(self.iam_action(), id),
                    permission(Purpose::ReadServices, "ecs:DescribeServices", service(id)),
                    permission(Purpose::SetDesiredCount, "ecs:UpdateService", service(id)),
                ];
                if !tags.is_empty() {
                    let action = "application-autoscaling:TagResource";
                    needed.push(permission(Purpose::TagAutoscaling, action, targets(&id.scope)));
                }
                if from.is_none() {
                    needed.push(first_use(&id.scope));
                }
                needed
            }
            // The alarms of step scaling are the user's.
            Self::PutStepScalingPolicy { .. }
            | Self::PutScheduledAction { .. }
            | Self::DeleteScheduledAction { .. } => {
                vec![of_ecs(self.iam_action(), id)]
            }
            Self::DeregisterScalableTarget { from, .. } if from.policies.is_empty() => {
                vec![of_ecs(self.iam_action(), id)]
            }
            // Whoever removes a target removes the alarms of its target tracking policies.
            Self::PutTargetTrackingPolicy { .. }
            | Self::DeleteScalingPolicy { .. }
            | Self::DeregisterScalableTarget { .. } => {
                let alarms = ["cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms"];
                let alarms = alarms.map(|action| permission(Purpose::AlarmsOfAutoscaling, action, alarms_of(id)));
                std::iter::once(of_ecs(self.iam_action(), id)).chain(alarms).collect()
            }
            Self::AdoptScaleOut { .. } => vec![permission(Purpose::ReadServices, self.iam_action(), service(id))],
        }
    }
}

fn permission(purpose: Purpose, action: &'static str, resource: Resource) -> Permission {
    Permission { purpose, action, resource, condition: None }
}

/// An action on scalable targets, of ECS services only: their ARNs end in random letters, so that none can be named beforehand.
fn of_ecs(action: &'static str, id: &ServiceId) -> Permission {
    let key = "application-autoscaling:service-namespace";
    let condition = Some(Condition { operator: "StringEquals", key, value: "ecs".into() });
    Permission { condition, ..permission(Purpose::WriteAutoscaling, action, targets(&id.scope)) }
}

fn first_use(scope: &Scope) -> Permission {
    let arn = format!(
        "arn:{}:iam::{}:role/aws-service-role/{PRINCIPAL}/{ROLE}",
        partition_of(&scope.region),
        scope.account_id
    );
    let resource = Resource { arn, of_cluster: None };
    let condition = Some(Condition { operator: "StringEquals", key: "iam:AWSServiceName", value: PRINCIPAL.into() });
    Permission { condition, ..permission(Purpose::FirstUseOfAutoscaling, "iam:CreateServiceLinkedRole", resource) }
}

fn service(id: &ServiceId) -> Resource {
    let all = ServiceId { service: "*".into(), ..id.clone() };
    Resource { arn: id.arn(), of_cluster: Some(all.arn()) }
}

fn targets(scope: &Scope) -> Resource {
    Resource { arn: arn(scope, "application-autoscaling", "scalable-target/*"), of_cluster: None }
}

/// The alarms of a target tracking policy, which Application Auto Scaling names after the service.
fn alarms_of(id: &ServiceId) -> Resource {
    let alarms = |of: &str| arn(&id.scope, "cloudwatch", &format!("alarm:TargetTracking-service/{}/{of}", id.cluster));
    Resource { arn: alarms(&format!("{}-*", id.service)), of_cluster: Some(alarms("*")) }
}

fn arn(scope: &Scope, service: &str, resource: &str) -> String {
    let Scope { account_id, region, .. } = scope;
    format!("arn:{}:{service}:{region}:{account_id}:{resource}", partition_of(region))
}
