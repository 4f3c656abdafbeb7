//! Application Auto Scaling: whose a scalable target is, and its removal.

use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::operation::RequestId;
use runbook_core::{CloudError, Namespace};

use super::autoscaling::deleted;
use super::classify::classify;
use crate::call::{Call, Reply};
use crate::cloud::Answered;

pub(super) async fn list_tags_for_resource(client: &Client, call: &Call, arn: &str) -> Result<Answered, CloudError> {
    let request = client.list_tags_for_resource().resource_arn(arn);
    let output = request.send().await.map_err(|error| classify(call, &error))?;
    let tags = output.tags().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    Ok(Answered { reply: Reply::Tags(tags), request_id: output.request_id().map(Into::into) })
}

pub(super) async fn deregister_scalable_target(
    client: &Client,
    call: &Call,
    resource_id: &str,
) -> Result<Answered, CloudError> {
    let namespace = Namespace::of(resource_id);
    let request = client
        .deregister_scalable_target()
        .service_namespace(namespace.as_str().into())
        .scalable_dimension(namespace.dimension().into())
        .resource_id(resource_id);
    let output = request.send().await.map_err(|error| classify(call, &error));
    deleted(output.map(|output| output.request_id().map(Into::into)))
}
