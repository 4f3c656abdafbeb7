//! The status of an AwsAccount.

use runbook_api::AwsAccountStatus;

use crate::facts::Answer;
use crate::report::Summary;
use crate::report::coalesce::Volatile;

/// The status of an account after a reconcile.
pub fn status(previous: &AwsAccountStatus, summary: &Summary<'_>) -> AwsAccountStatus {
    let identity = summary.facts.iter().find_map(|(_, answer)| match answer {
        Ok(Answer::CallerIdentity(identity)) => Some(identity),
        _ => None,
    });
    AwsAccountStatus {
        observed_generation: summary.observed_generation(previous.observed_generation),
        conditions: summary.conditions(&previous.conditions),
        last_handled_reconcile_at: summary.handled(previous.last_handled_reconcile_at.as_deref()),
        account_id: identity.map(|identity| identity.account_id.clone()).or_else(|| previous.account_id.clone()),
        caller_arn: identity.map(|identity| identity.arn.clone()).or_else(|| previous.caller_arn.clone()),
        events: summary
            .queues
            .iter()
            .map(|heard| heard.status(previous.events.iter().find(|told| told.region == heard.region)))
            .collect(),
    }
}

impl Volatile for AwsAccountStatus {
    fn settled(&self) -> Self {
        self.clone()
    }
}
