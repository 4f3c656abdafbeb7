//! Whether an AwsAccount can be worked in at all, before AWS is asked.

use runbook_api::AwsAccount;

use super::budget::Budget;
use crate::plan::Finding;

/// The budget to work with in `account`.
///
/// # Errors
/// A stalled finding, for the account itself, that says what makes it unusable.
pub fn usable(account: &AwsAccount, allow_custom_endpoints: bool) -> Result<Budget, Finding> {
    if let Some(url) = &account.spec.endpoint_url
        && !allow_custom_endpoints
    {
        return Err(Finding::stalled(
            "CustomEndpointRefused",
            format!(
                "spec.endpointUrl is {url}, but the operator was not started with --allow-custom-endpoints: remove endpointUrl, or \
                 start it so where that is meant (whoever may write an AwsAccount could then send signed requests anywhere)"
            ),
        ));
    }
    Budget::declared(account.spec.request_budget.as_ref())
}

/// What an unusable account means for a policy that works in it.
pub fn not_ready(account: &str, why: &str) -> Finding {
    Finding::stalled("AccountNotReady", format!("AwsAccount {account} cannot be used: {why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn account(endpoint_url: Option<&str>) -> AwsAccount {
        let mut spec = json!({"accountId": "123456789012", "regions": ["eu-central-1"], "mode": "Enforce"});
        if let Some(url) = endpoint_url {
            spec["endpointUrl"] = json!(url);
        }
        AwsAccount::new("default", serde_json::from_value(spec).unwrap())
    }

    #[test]
    fn another_endpoint_needs_leave() {
        let sandbox = account(Some("http://127.0.0.1:4566"));
        assert_eq!(usable(&sandbox, false).map_err(|finding| finding.reason), Err("CustomEndpointRefused".into()));
        assert_eq!(usable(&sandbox, true), Ok(Budget::default()));
        assert_eq!(usable(&account(None), false), Ok(Budget::default()));
    }
}
