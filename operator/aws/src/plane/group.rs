//! Which questions share a call.

use runbook_core::{Query, Scope};

use crate::call::Api;

/// Questions that one call can answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Group {
    /// STS GetCallerIdentity: one question.
    Identity(Scope),
    /// ECS DescribeServices: ten services of one cluster.
    Services(Scope, String),
    /// Application Auto Scaling DescribeScalableTargets: fifty ids.
    Targets(Scope),
    /// Application Auto Scaling DescribeScalingPolicies: one id, or all of the namespace.
    Policies(Scope),
    /// Application Auto Scaling DescribeScheduledActions: one id, or all of the namespace.
    Actions(Scope),
    /// Application Auto Scaling ListTagsForResource: one scalable target.
    Tags(Scope),
}

impl Group {
    pub(super) fn of(query: &Query) -> Self {
        match query {
            Query::CallerIdentity(scope) => Self::Identity(scope.clone()),
            Query::EcsService(service) => Self::Services(service.scope.clone(), service.cluster.clone()),
            Query::ScalableTarget(service) => Self::Targets(service.scope.clone()),
            Query::ScalingPolicies(service) => Self::Policies(service.scope.clone()),
            Query::ScheduledActions(service) => Self::Actions(service.scope.clone()),
            Query::ScalableTargetTags(target) => Self::Tags(target.service.scope.clone()),
        }
    }

    pub(super) fn scope(&self) -> &Scope {
        match self {
            Self::Identity(scope)
            | Self::Services(scope, _)
            | Self::Targets(scope)
            | Self::Policies(scope)
            | Self::Actions(scope)
            | Self::Tags(scope) => scope,
        }
    }

    pub(super) fn api(&self) -> Api {
        match self {
            Self::Identity(_) => Api::Sts,
            Self::Services(..) => Api::Ecs,
            Self::Targets(_) | Self::Policies(_) | Self::Actions(_) | Self::Tags(_) => Api::ApplicationAutoScaling,
        }
    }

    pub(super) fn operation(&self) -> &'static str {
        match self {
            Self::Identity(_) => "GetCallerIdentity",
            Self::Services(..) => "DescribeServices",
            Self::Targets(_) => "DescribeScalableTargets",
            Self::Policies(_) => "DescribeScalingPolicies",
            Self::Actions(_) => "DescribeScheduledActions",
            Self::Tags(_) => "ListTagsForResource",
        }
    }

    /// How many questions fit into one call (API References of Amazon ECS and Application Auto Scaling).
    pub(super) fn room(&self) -> usize {
        match self {
            Self::Identity(_) | Self::Policies(_) | Self::Actions(_) | Self::Tags(_) => 1,
            Self::Services(..) => 10,
            Self::Targets(_) => 50,
        }
    }
}

/// What a question is about, for errors.
pub(super) fn resource_of(query: &Query) -> String {
    match query {
        Query::CallerIdentity(scope) => format!("the credentials of AwsAccount {}", scope.connection),
        Query::EcsService(service) => service.to_string(),
        Query::ScalableTarget(service) | Query::ScalingPolicies(service) | Query::ScheduledActions(service) => {
            service.resource_id()
        }
        Query::ScalableTargetTags(target) => target.arn.clone(),
    }
}
