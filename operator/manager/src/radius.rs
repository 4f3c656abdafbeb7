//! How many targets of an account have been changed of late, by all reconciles of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use kube::ResourceExt;
use runbook_core::account::blast::{Blast, Exceeded};
use runbook_core::report::reason;

use crate::context::Context;
use crate::runner::kind::{Kind, Reported};

/// What was changed, by AwsAccount. A new leader reads it from the histories and claims.
#[derive(Default)]
pub struct Radius {
    accounts: Mutex<HashMap<String, Blast>>,
}

impl Radius {
    /// Counts a change of the object's target, where so many percent of the account's targets may be changed within an hour.
    ///
    /// # Errors
    /// When it would be one too many.
    pub fn admit<K: Kind>(&self, object: &K, percent: i32, context: &Context, now: Timestamp) -> Result<(), Exceeded> {
        let account = object.account_name();
        let of_account = |one: &K| one.account_name() == account && !one.is_suspended();
        let targets = K::reflected(context).store().state_filter(of_account);
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let blast = accounts.entry(account).or_insert_with(|| {
            let mut blast = Blast::of(targets.iter().filter_map(|one| Some((one.uid()?, one.status()?.history()))));
            let claimed = |one: &&Arc<K>| one.status().is_some_and(|status| reason::is_claimed(status.conditions()));
            blast.claimed(targets.iter().filter(claimed).filter_map(|one| one.uid()), now);
            blast
        });
        blast.admit(&object.meta().uid.clone().unwrap_or_default(), targets.len(), percent, now)
    }
}
