//! How many targets of an account have been changed of late, by all reconciles of this process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use kube::ResourceExt;
use runbook_core::account::blast::{Blast, Exceeded};
use runbook_core::report::reason;

use crate::context::Context;
use crate::runner::kind::{Kind, Reported};

/// What was changed, by kind and AwsAccount. A new leader reads it from the histories and claims.
#[derive(Default)]
pub struct Radius {
    accounts: Mutex<HashMap<(&'static str, String), Blast>>,
}

impl Radius {
    /// Counts a change of the object's target, where so many percent of the account's targets may be changed within an hour.
    ///
    /// # Errors
    /// When it would be one too many.
    pub fn admit<K: Kind>(&self, object: &K, percent: i32, context: &Context, now: Timestamp) -> Result<(), Exceeded> {
        let account = object.account_name();
        let of_account = |one: &K| one.account_name() == account && !one.is_suspended();
        let targets = K::reflected(context).store().state_filter(of_account).len();
        self.of_account(object, context, now, |blast| {
            blast.admit(&object.meta().uid.clone().unwrap_or_default(), targets, percent, now)
        })
    }

    /// Counts what a process had claimed to change that has not told what came of it: once the object is reported anew, nobody knows.
    pub fn recall<K: Kind>(&self, object: &K, context: &Context, now: Timestamp) {
        if object.status().is_some_and(|status| reason::is_claimed(status.conditions())) {
            self.of_account(object, context, now, |blast| blast.claimed(object.meta().uid.clone(), now));
        }
    }

    fn of_account<K: Kind, T>(
        &self,
        object: &K,
        context: &Context,
        now: Timestamp,
        act: impl FnOnce(&mut Blast) -> T,
    ) -> T {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let account = object.account_name();
        let blast = accounts.entry((K::KIND, account.clone())).or_insert_with(|| {
            // Also of those that have been suspended since.
            let all = K::reflected(context).store().state_filter(|one| one.account_name() == account);
            let mut blast = Blast::of(all.iter().filter_map(|one| Some((one.uid()?, one.status()?.history()))));
            let claimed =
                all.iter().filter(|one| one.status().is_some_and(|status| reason::is_claimed(status.conditions())));
            blast.claimed(claimed.filter_map(|one| one.uid()), now);
            blast
        });
        act(blast)
    }
}
