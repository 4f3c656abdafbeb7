//! Is this the account it says it is?

use super::events::Heard;
use crate::facts::{Facts, Inquiry};
use crate::ids::Scope;
use crate::observed::CallerIdentity;
use crate::plan::{Finding, Plan};
use crate::query::Query;

/// Decides on an AwsAccount: its credentials must belong to the account that its spec names. How its queues do is only told.
pub fn plan(scope: &Scope, queues: &[Heard], facts: &Facts) -> Plan {
    let mut inquiry = Inquiry::new(facts);
    let identity = inquiry.caller_identity(Query::CallerIdentity(scope.clone()));
    let mut plan = match (identity, inquiry.open()) {
        (_, Some(missing)) => Plan::missing(missing),
        (Some(identity), None) => Plan { findings: mismatch(scope, identity).into_iter().collect(), ..Plan::default() },
        (None, None) => Plan::default(),
    };
    plan.findings.extend(queues.iter().filter_map(Heard::finding));
    plan.queues = queues.to_vec();
    plan
}

/// A stalled finding where the credentials belong to another account than the spec says.
pub fn mismatch(scope: &Scope, identity: &CallerIdentity) -> Option<Finding> {
    (identity.account_id != scope.account_id).then(|| {
        Finding::stalled(
            "AccountMismatch",
            format!(
                "AwsAccount {} says account {}, but the credentials are {} of account {}: correct accountId or assumeRole.roleArn",
                scope.connection, scope.account_id, identity.arn, identity.account_id
            ),
        )
    })
}
