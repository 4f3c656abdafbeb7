//! The way into AWS, for reading.

use std::sync::Arc;
use std::time::Duration;

use runbook_api::AwsAccount;
use runbook_aws::{Connection, Connections, Observer, PlaneOptions, SdkCloud, SystemClock};

use crate::arguments::Aws;
use crate::kinds::Accounts;

/// Session name of roles that are assumed: what CloudTrail shows as the actor.
pub const SESSION: &str = "kubectl-runbook";

/// An observer of the accounts that can be used.
///
/// `endpointUrl` of an AwsAccount gets here only where it may be honoured; an endpoint on the command line is the user's own and wins.
pub fn observer(accounts: &Accounts, aws: &Aws, allow_custom_endpoints: bool) -> Observer {
    let cloud = Arc::new(SdkCloud::new(SESSION));
    let observer = Observer::new(cloud.clone(), Arc::new(SystemClock), options());
    for (account, budget) in accounts.usable(allow_custom_endpoints || aws.endpoint_url.is_some()) {
        let connection = connection(account, aws);
        observer.set_budget(&connection.account_id, &connection.name, budget);
        cloud.set_connection(connection);
    }
    observer
}

/// An observer with the user's own credentials, in the account that they lead to, by the name of the connection.
pub fn own(name: &str, aws: &Aws) -> Observer {
    let cloud = Arc::new(SdkCloud::new(SESSION));
    cloud.set_connection(Connection {
        name: name.into(),
        account_id: String::new(),
        assume_role: None,
        use_fips: false,
        use_dual_stack: false,
        endpoint_url: aws.endpoint_url.clone(),
    });
    Observer::new(cloud, Arc::new(SystemClock), options())
}

/// Nobody else asks, so there is nobody to wait for.
pub fn options() -> PlaneOptions {
    PlaneOptions { window: Duration::from_millis(5), ..PlaneOptions::default() }
}

/// The way into one account, as its AwsAccount says.
pub fn connection(account: &AwsAccount, aws: &Aws) -> Connection {
    let spec = &account.spec;
    Connection {
        name: account.metadata.name.clone().unwrap_or_default(),
        account_id: spec.account_id.clone(),
        assume_role: spec.assume_role.as_ref().map(|role| (role.role_arn.clone(), role.external_id.clone())),
        use_fips: spec.use_fips,
        use_dual_stack: spec.use_dual_stack,
        endpoint_url: aws.endpoint_url.clone().or_else(|| spec.endpoint_url.clone()),
    }
}
