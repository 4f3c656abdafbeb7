//! Application Auto Scaling, for the desired count of ECS services.

use std::collections::HashMap;

use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::operation::RequestId;
use aws_sdk_applicationautoscaling::types::{
    PolicyType, PredefinedMetricSpecification, ScalableTarget as SdkTarget, ScalingPolicy, SuspendedState,
    TargetTrackingScalingPolicyConfiguration as SdkConfiguration,
};
use runbook_core::observed::{
    AppliedPolicy, AppliedPolicyKind, Capacity, ScalableTarget, Suspended, TargetTrackingConfiguration, TrackedMetric,
};
use runbook_core::{CloudError, ErrorClass, Namespace};

use super::autoscaling_scheduled::timestamp;
use super::classify::classify;
use super::complete::Complete;
use super::{autoscaling_metric, autoscaling_steps};
use crate::call::{Call, Reply};
use crate::cloud::Answered;
use crate::door::failure;

/// Application Auto Scaling API Reference, DescribeScalableTargets and DescribeScalingPolicies: MaxResults.
const TARGETS_A_PAGE: i32 = 50;
const POLICIES_A_PAGE: i32 = 10;

const TARGETS: Complete =
    Complete { list: "ScalableTargets", fields: &["ResourceId", "ScalableDimension", "MinCapacity", "MaxCapacity"] };
const POLICIES: Complete =
    Complete { list: "ScalingPolicies", fields: &["ResourceId", "ScalableDimension", "PolicyName", "PolicyType"] };

pub(super) async fn describe_scalable_targets(
    client: &Client,
    call: &Call,
    namespace: Namespace,
    resource_ids: &[String],
    next_token: Option<String>,
) -> Result<Answered, CloudError> {
    let request = client
        .describe_scalable_targets()
        .service_namespace(namespace.as_str().into())
        .scalable_dimension(namespace.dimension().into())
        .set_resource_ids(Some(resource_ids.to_vec()))
        .max_results(TARGETS_A_PAGE)
        .set_next_token(next_token)
        .customize()
        .interceptor(TARGETS);
    let output = request.send().await.map_err(|error| classify(call, &error))?;
    let targets =
        output.scalable_targets().iter().filter(|target| target.scalable_dimension.as_str() == namespace.dimension());
    let reply = Reply::ScalableTargets {
        targets: targets.map(|target| (target.resource_id.clone(), observed_target(target))).collect(),
        next_token: output.next_token().map(Into::into),
    };
    Ok(Answered { reply, request_id: output.request_id().map(Into::into) })
}

pub(super) async fn describe_scaling_policies(
    client: &Client,
    call: &Call,
    namespace: Namespace,
    resource_id: Option<String>,
    next_token: Option<String>,
) -> Result<Answered, CloudError> {
    let request = client
        .describe_scaling_policies()
        .service_namespace(namespace.as_str().into())
        // A dimension is refused without a ResourceId.
        .set_scalable_dimension(resource_id.is_some().then(|| namespace.dimension().into()))
        .set_resource_id(resource_id)
        .max_results(POLICIES_A_PAGE)
        .set_next_token(next_token)
        .customize()
        .interceptor(POLICIES);
    let output = request.send().await.map_err(|error| classify(call, &error))?;
    let policies =
        output.scaling_policies().iter().filter(|policy| policy.scalable_dimension.as_str() == namespace.dimension());
    let reply = Reply::ScalingPolicies {
        policies: policies.map(|policy| (policy.resource_id.clone(), observed_policy(policy))).collect(),
        next_token: output.next_token().map(Into::into),
    };
    Ok(Answered { reply, request_id: output.request_id().map(Into::into) })
}

pub(super) async fn register_scalable_target(
    client: &Client,
    call: &Call,
    resource_id: &str,
    capacity: &Capacity,
    tags: &[(String, String)],
) -> Result<Answered, CloudError> {
    let namespace = Namespace::of(resource_id);
    let suspended = SuspendedState::builder()
        .dynamic_scaling_in_suspended(capacity.suspended.dynamic_scaling_in)
        .dynamic_scaling_out_suspended(capacity.suspended.dynamic_scaling_out)
        .scheduled_scaling_suspended(capacity.suspended.scheduled_scaling)
        .build();
    let tags: HashMap<String, String> = tags.iter().cloned().collect();
    let request = client
        .register_scalable_target()
        .service_namespace(namespace.as_str().into())
        .scalable_dimension(namespace.dimension().into())
        .resource_id(resource_id)
        .min_capacity(capacity.min)
        .max_capacity(capacity.max)
        .suspended_state(suspended)
        .set_tags((!tags.is_empty()).then_some(tags));
    let output = request.send().await.map_err(|error| classify(call, &error))?;
    Ok(Answered { reply: Reply::Done, request_id: output.request_id().map(Into::into) })
}

pub(super) async fn put_target_tracking_policy(
    client: &Client,
    call: &Call,
    resource_id: &str,
    name: &str,
    configuration: &TargetTrackingConfiguration,
) -> Result<Answered, CloudError> {
    let namespace = Namespace::of(resource_id);
    let request = client
        .put_scaling_policy()
        .service_namespace(namespace.as_str().into())
        .scalable_dimension(namespace.dimension().into())
        .resource_id(resource_id)
        .policy_name(name)
        .policy_type(PolicyType::TargetTrackingScaling)
        .target_tracking_scaling_policy_configuration(sent_configuration(call, configuration)?);
    let output = request.send().await.map_err(|error| classify(call, &error))?;
    Ok(Answered { reply: Reply::Done, request_id: output.request_id().map(Into::into) })
}

pub(super) async fn delete_scaling_policy(
    client: &Client,
    call: &Call,
    resource_id: &str,
    name: &str,
) -> Result<Answered, CloudError> {
    let namespace = Namespace::of(resource_id);
    let request = client
        .delete_scaling_policy()
        .service_namespace(namespace.as_str().into())
        .scalable_dimension(namespace.dimension().into())
        .resource_id(resource_id)
        .policy_name(name);
    let output = request.send().await.map_err(|error| classify(call, &error));
    deleted(output.map(|output| output.request_id().map(Into::into)))
}

/// What is gone already is deleted.
pub(super) fn deleted(result: Result<Option<String>, CloudError>) -> Result<Answered, CloudError> {
    match result {
        Ok(request_id) => Ok(Answered { reply: Reply::Done, request_id }),
        Err(error) if error.class == ErrorClass::NotFound => {
            Ok(Answered { reply: Reply::Done, request_id: error.request_id })
        }
        Err(error) => Err(error),
    }
}

fn observed_target(target: &SdkTarget) -> ScalableTarget {
    // Application Auto Scaling API Reference, SuspendedState: what is absent is not suspended.
    let suspended = target.suspended_state().map_or_else(Suspended::default, |state| Suspended {
        dynamic_scaling_in: state.dynamic_scaling_in_suspended().unwrap_or_default(),
        dynamic_scaling_out: state.dynamic_scaling_out_suspended().unwrap_or_default(),
        scheduled_scaling: state.scheduled_scaling_suspended().unwrap_or_default(),
    });
    ScalableTarget {
        arn: target.scalable_target_arn().map(Into::into),
        capacity: Capacity { min: target.min_capacity, max: target.max_capacity, suspended },
        created_at: timestamp(&target.creation_time),
    }
}

fn observed_policy(policy: &ScalingPolicy) -> AppliedPolicy {
    let kind = match (&policy.policy_type, policy.target_tracking_scaling_policy_configuration()) {
        (PolicyType::TargetTrackingScaling, Some(configuration)) => {
            AppliedPolicyKind::TargetTracking(observed_configuration(configuration))
        }
        (kind, _) => autoscaling_steps::observed(policy)
            .map_or_else(|| AppliedPolicyKind::Other(kind.as_str().into()), AppliedPolicyKind::StepScaling),
    };
    AppliedPolicy { name: policy.policy_name.clone(), kind }
}

fn observed_configuration(configuration: &SdkConfiguration) -> TargetTrackingConfiguration {
    let metric =
        match (configuration.predefined_metric_specification(), configuration.customized_metric_specification()) {
            (Some(predefined), _) => TrackedMetric::Predefined {
                metric_type: predefined.predefined_metric_type.as_str().into(),
                resource_label: predefined.resource_label().map(Into::into),
            },
            (None, Some(customized)) => autoscaling_metric::observed(customized),
            // Neither is nothing that we would write: it equals no declared metric.
            (None, None) => TrackedMetric::MetricMath(Vec::new()),
        };
    TargetTrackingConfiguration {
        metric,
        target_value: configuration.target_value,
        scale_out_cooldown: configuration.scale_out_cooldown(),
        scale_in_cooldown: configuration.scale_in_cooldown(),
        disable_scale_in: configuration.disable_scale_in().unwrap_or_default(),
    }
}

fn sent_configuration(
    call: &Call,
    configuration: &TargetTrackingConfiguration,
) -> Result<SdkConfiguration, CloudError> {
    let invalid = |why: String| CloudError { class: ErrorClass::Invalid, ..failure(call, "BadRequest", why) };
    let mut builder = SdkConfiguration::builder()
        .target_value(configuration.target_value)
        .set_scale_out_cooldown(configuration.scale_out_cooldown)
        .set_scale_in_cooldown(configuration.scale_in_cooldown)
        .disable_scale_in(configuration.disable_scale_in);
    match &configuration.metric {
        TrackedMetric::Predefined { metric_type, resource_label } => {
            let metric = PredefinedMetricSpecification::builder()
                .predefined_metric_type(metric_type.as_str().into())
                .set_resource_label(resource_label.clone())
                .build()
                .map_err(|error| invalid(error.to_string()))?;
            builder = builder.predefined_metric_specification(metric);
        }
        metric => {
            let metric = autoscaling_metric::sent(metric).map_err(|error| invalid(error.to_string()))?;
            builder = builder.customized_metric_specification(metric);
        }
    }
    builder.build().map_err(|error| invalid(error.to_string()))
}
