//! Scheduled actions.

use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::operation::RequestId;
use aws_sdk_applicationautoscaling::types::{ScalableTargetAction, ScheduledAction as SdkAction};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use runbook_core::observed::ScheduledAction;
use runbook_core::{CloudError, Namespace};

use super::autoscaling::deleted;
use super::classify::classify;
use super::complete::Complete;
use crate::call::{Call, Reply};
use crate::cloud::Answered;

/// Application Auto Scaling API Reference, DescribeScheduledActions: MaxResults.
const ACTIONS_A_PAGE: i32 = 50;

const ACTIONS: Complete =
    Complete { list: "ScheduledActions", fields: &["ResourceId", "ScheduledActionName", "Schedule"] };

pub(super) async fn describe_scheduled_actions(
    client: &Client,
    call: &Call,
    namespace: Namespace,
    resource_id: Option<String>,
    next_token: Option<String>,
) -> Result<Answered, CloudError> {
    let request = client
        .describe_scheduled_actions()
        .service_namespace(namespace.as_str().into())
        // A dimension is refused without a ResourceId.
        .set_scalable_dimension(resource_id.is_some().then(|| namespace.dimension().into()))
        .set_resource_id(resource_id)
        .max_results(ACTIONS_A_PAGE)
        .set_next_token(next_token)
        .customize()
        .interceptor(ACTIONS);
    let output = request.send().await.map_err(|error| classify(call, &error))?;
    let actions = output
        .scheduled_actions()
        .iter()
        .filter(|action| action.scalable_dimension().is_none_or(|is| is.as_str() == namespace.dimension()));
    let reply = Reply::ScheduledActions {
        actions: actions.map(|action| (action.resource_id.clone(), observed(action))).collect(),
        next_token: output.next_token().map(Into::into),
    };
    Ok(Answered { reply, request_id: output.request_id().map(Into::into) })
}

pub(super) async fn put_scheduled_action(
    client: &Client,
    call: &Call,
    resource_id: &str,
    action: &ScheduledAction,
) -> Result<Answered, CloudError> {
    let namespace = Namespace::of(resource_id);
    let limits = ScalableTargetAction::builder()
        .set_min_capacity(action.min_capacity)
        .set_max_capacity(action.max_capacity)
        .build();
    let request = client
        .put_scheduled_action()
        .service_namespace(namespace.as_str().into())
        .scalable_dimension(namespace.dimension().into())
        .resource_id(resource_id)
        .scheduled_action_name(&action.name)
        .schedule(&action.schedule)
        // Left out, an older one would stay; StartTime and EndTime that are left out are deleted.
        .timezone(action.zone_name())
        .set_start_time(action.start_time.map(sent))
        .set_end_time(action.end_time.map(sent))
        .scalable_target_action(limits);
    let output = request.send().await.map_err(|error| classify(call, &error))?;
    Ok(Answered { reply: Reply::Done, request_id: output.request_id().map(Into::into) })
}

pub(super) async fn delete_scheduled_action(
    client: &Client,
    call: &Call,
    resource_id: &str,
    name: &str,
) -> Result<Answered, CloudError> {
    let namespace = Namespace::of(resource_id);
    let request = client
        .delete_scheduled_action()
        .service_namespace(namespace.as_str().into())
        .scalable_dimension(namespace.dimension().into())
        .resource_id(resource_id)
        .scheduled_action_name(name);
    let output = request.send().await.map_err(|error| classify(call, &error));
    deleted(output.map(|output| output.request_id().map(Into::into)))
}

fn observed(action: &SdkAction) -> ScheduledAction {
    let limits = action.scalable_target_action();
    ScheduledAction {
        name: action.scheduled_action_name.clone(),
        schedule: action.schedule.clone(),
        time_zone: action.timezone().map(Into::into),
        start_time: action.start_time().and_then(timestamp),
        end_time: action.end_time().and_then(timestamp),
        min_capacity: limits.and_then(ScalableTargetAction::min_capacity),
        max_capacity: limits.and_then(ScalableTargetAction::max_capacity),
        created_at: timestamp(&action.creation_time),
    }
}

/// A moment of AWS's. The SDK makes the epoch of one that is absent.
pub(super) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(time.as_nanos()).ok().filter(|time| *time > Timestamp::UNIX_EPOCH)
}

fn sent(time: Timestamp) -> DateTime {
    DateTime::from_nanos(time.as_nanosecond()).unwrap_or_else(|_| DateTime::from_secs(time.as_second()))
}
