//! From a reference to an account to the place in which a policy may work.

use runbook_api::common::{AccountRef, Mode};
use runbook_api::{AwsAccount, AwsAccountSpec};

use super::brakes::Brakes;
use super::grants::Grants;
use crate::ids::Scope;
use crate::plan::Finding;

/// A place to work in, and what may be done there.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// Where.
    pub scope: Scope,
    /// What may be done.
    pub grants: Grants,
    /// Whether the account lets anything be written.
    pub mode: Mode,
    /// What its owner holds back.
    pub brakes: Brakes,
}

/// Finds the place in which a policy of `namespace` works.
///
/// # Errors
/// A stalled finding when the account does not exist, is being deleted, or does not allow the region.
pub fn resolve(
    reference: &AccountRef,
    region: Option<&str>,
    namespace: &str,
    account: Option<&AwsAccount>,
) -> Result<Access, Finding> {
    let name = &reference.name;
    let Some(account) = account else {
        return Err(Finding::stalled(
            "AccountNotFound",
            format!("there is no AwsAccount named {name}: create it, or name another one in spec.accountRef.name"),
        ));
    };
    if account.metadata.deletion_timestamp.is_some() {
        return Err(Finding::stalled(
            "AccountNotFound",
            format!("AwsAccount {name} is being deleted: name another one in spec.accountRef.name"),
        ));
    }
    let AwsAccountSpec { account_id, regions, mode, grants, .. } = &account.spec;
    let region = match region {
        Some(region) if regions.iter().any(|allowed| allowed == region) => region,
        Some(region) => {
            return Err(Finding::stalled(
                "RegionNotAllowed",
                format!(
                    "AwsAccount {name} does not list region {region}: add it to its spec.regions ({}), or correct spec.region",
                    regions.join(", ")
                ),
            ));
        }
        None => match regions.first() {
            Some(first) => first,
            None => {
                return Err(Finding::stalled(
                    "RegionNotAllowed",
                    format!("AwsAccount {name} lists no region: add one to its spec.regions"),
                ));
            }
        },
    };
    Ok(Access {
        scope: Scope { connection: name.clone(), account_id: account_id.clone(), region: region.into() },
        grants: Grants::of(name, namespace, grants),
        mode: *mode,
        brakes: Brakes::of(name, &account.spec)?,
    })
}
