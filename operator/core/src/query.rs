//! What a plan may ask the observation plane.

use serde::Serialize;

use crate::ids::{Scope, ServiceId};

/// One question about AWS. Equal questions have one answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Query {
    /// Whose credentials are these? (STS GetCallerIdentity)
    CallerIdentity(Scope),
    /// The service, its counts and deployments. (ECS DescribeServices)
    EcsService(ServiceId),
    /// The band registered for the service, if any. (Application Auto Scaling DescribeScalableTargets)
    ScalableTarget(ServiceId),
    /// All scaling policies of the service. (Application Auto Scaling DescribeScalingPolicies)
    ScalingPolicies(ServiceId),
    /// All scheduled actions of the service. (Application Auto Scaling DescribeScheduledActions)
    ScheduledActions(ServiceId),
    /// The tags of the service's scalable target, which say whose it is. (Application Auto Scaling ListTagsForResource)
    ScalableTargetTags(TargetArn),
}

/// The scalable target of a service, by the name under which it carries tags. A target that is registered anew has another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct TargetArn {
    /// The service.
    pub service: ServiceId,
    /// ScalableTargetARN.
    pub arn: String,
}

impl Query {
    /// Where the question is asked.
    pub fn scope(&self) -> &Scope {
        match self {
            Self::CallerIdentity(scope) => scope,
            Self::EcsService(service)
            | Self::ScalableTarget(service)
            | Self::ScalingPolicies(service)
            | Self::ScheduledActions(service) => &service.scope,
            Self::ScalableTargetTags(target) => &target.service.scope,
        }
    }

    /// The service that the question is about, if it is about one.
    pub fn service(&self) -> Option<&ServiceId> {
        match self {
            Self::CallerIdentity(_) => None,
            Self::EcsService(service)
            | Self::ScalableTarget(service)
            | Self::ScalingPolicies(service)
            | Self::ScheduledActions(service) => Some(service),
            Self::ScalableTargetTags(target) => Some(&target.service),
        }
    }

    /// The same question, asked by another connection of the same account and region.
    pub fn within(mut self, of: &Scope) -> Self {
        match &mut self {
            Self::CallerIdentity(scope) => *scope = of.clone(),
            Self::EcsService(service)
            | Self::ScalableTarget(service)
            | Self::ScalingPolicies(service)
            | Self::ScheduledActions(service) => service.scope = of.clone(),
            Self::ScalableTargetTags(target) => target.service.scope = of.clone(),
        }
        self
    }

    /// Whether the answer changes without anybody writing: tasks start, deployments end.
    pub fn moves_by_itself(&self) -> bool {
        matches!(self, Self::EcsService(_))
    }

    /// ARNs that a grant must cover before the question is asked. Who we are needs none, as in IAM.
    pub fn resources(&self) -> Vec<String> {
        self.service().map(ServiceId::arn).into_iter().collect()
    }
}
