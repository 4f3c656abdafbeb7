//! STS.

use aws_sdk_sts::Client;
use aws_sdk_sts::operation::RequestId;
use runbook_core::CloudError;
use runbook_core::observed::CallerIdentity;

use super::classify::classify;
use crate::call::{Call, Reply};
use crate::cloud::Answered;
use crate::door::failure;

pub(super) async fn get_caller_identity(client: &Client, call: &Call) -> Result<Answered, CloudError> {
    let output = client.get_caller_identity().send().await.map_err(|error| classify(call, &error))?;
    let (Some(account_id), Some(arn)) = (output.account(), output.arn()) else {
        return Err(failure(call, "IncompleteAnswer", "STS did not say whose the credentials are"));
    };
    let identity = CallerIdentity { account_id: account_id.into(), arn: arn.into() };
    Ok(Answered { reply: Reply::CallerIdentity(identity), request_id: output.request_id().map(Into::into) })
}
