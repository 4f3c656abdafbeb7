//! Step scaling policies.

use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::operation::RequestId;
use aws_sdk_applicationautoscaling::types::{
    PolicyType, ScalingPolicy, StepAdjustment as SdkStep, StepScalingPolicyConfiguration,
};
use runbook_core::observed::{StepAdjustment, StepScaling, StepScalingConfiguration};
use runbook_core::{CloudError, ErrorClass, Namespace};

use super::classify::classify;
use crate::call::{Call, Reply};
use crate::cloud::Answered;
use crate::door::failure;

pub(super) async fn put_step_scaling_policy(
    client: &Client,
    call: &Call,
    resource_id: &str,
    name: &str,
    configuration: &StepScalingConfiguration,
) -> Result<Answered, CloudError> {
    let namespace = Namespace::of(resource_id);
    let request = client
        .put_scaling_policy()
        .service_namespace(namespace.as_str().into())
        .scalable_dimension(namespace.dimension().into())
        .resource_id(resource_id)
        .policy_name(name)
        .policy_type(PolicyType::StepScaling)
        .step_scaling_policy_configuration(sent(call, configuration)?);
    let output = request.send().await.map_err(|error| classify(call, &error))?;
    Ok(Answered { reply: Reply::Done, request_id: output.request_id().map(Into::into) })
}

/// The policy as a step scaling policy, where it is one.
pub(super) fn observed(policy: &ScalingPolicy) -> Option<StepScaling> {
    let configuration =
        policy.step_scaling_policy_configuration().filter(|_| policy.policy_type == PolicyType::StepScaling)?;
    let steps = configuration.step_adjustments().iter().map(|step| StepAdjustment {
        lower: step.metric_interval_lower_bound(),
        upper: step.metric_interval_upper_bound(),
        adjustment: step.scaling_adjustment,
    });
    Some(StepScaling {
        configuration: StepScalingConfiguration {
            adjustment_type: configuration.adjustment_type().map(|kind| kind.as_str().into()).unwrap_or_default(),
            steps: steps.collect(),
            cooldown: configuration.cooldown(),
            min_adjustment_magnitude: configuration.min_adjustment_magnitude(),
            metric_aggregation_type: configuration.metric_aggregation_type().map(|kind| kind.as_str().into()),
        },
        arn: Some(policy.policy_arn.clone()).filter(|arn| !arn.is_empty()),
        alarms: policy.alarms().len(),
    })
}

fn sent(call: &Call, configuration: &StepScalingConfiguration) -> Result<StepScalingPolicyConfiguration, CloudError> {
    let steps = configuration.steps.iter().map(|step| {
        SdkStep::builder()
            .set_metric_interval_lower_bound(step.lower)
            .set_metric_interval_upper_bound(step.upper)
            .scaling_adjustment(step.adjustment)
            .build()
    });
    let steps: Vec<SdkStep> = steps
        .collect::<Result<_, _>>()
        .map_err(|error| CloudError { class: ErrorClass::Invalid, ..failure(call, "BadRequest", error.to_string()) })?;
    Ok(StepScalingPolicyConfiguration::builder()
        .adjustment_type(configuration.adjustment_type.as_str().into())
        .set_step_adjustments(Some(steps))
        .set_cooldown(configuration.cooldown)
        .set_min_adjustment_magnitude(configuration.min_adjustment_magnitude)
        .set_metric_aggregation_type(configuration.metric_aggregation_type.as_deref().map(Into::into))
        .build())
}
