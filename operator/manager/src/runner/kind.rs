//! What the runner needs to know about a kind.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::object::HasStatus;
use kube::{Api, Client};
use runbook_api::AwsAccount;
use runbook_api::common::{HistoryEntry, PlanStatus};
use runbook_core::account::Access;
use runbook_core::report::coalesce::Volatile;
use runbook_core::report::{Act, Hold, Summary};
use runbook_core::{Facts, Finding, Plan};
use serde::Serialize;

use crate::context::Context;
use crate::stores::{Object, Reflected};

/// A kind that is watched, and whose objects are told what there is to say about them.
pub trait Stored: Object + Serialize + HasStatus {
    /// Where objects of the kind are kept.
    fn reflected(context: &Context) -> &Arc<Reflected<Self>>;

    /// Where the object is written to.
    fn api(&self, client: Client) -> Api<Self>;
}

/// A kind that is brought in line with AWS and kept there. Its decisions are functions of `runbook-core`.
pub trait Kind: Stored<Status: Reported> {
    /// The object, dereferenced and validated.
    type Input: Clone + PartialEq + Send + Sync;

    /// Name of the AwsAccount that it is worked on in.
    fn account_name(&self) -> String;

    /// Names of further AwsAccounts that it is worked on in.
    fn other_accounts(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the object is not to be looked at: nothing is asked of AWS for it.
    fn is_suspended(&self) -> bool {
        false
    }

    /// Whether the object is a run that has ended: it is not looked at again, whatever becomes of its account or of AWS.
    fn has_ended(&self) -> bool {
        false
    }

    /// When a run that has ended is removed, where the operator has made it.
    fn removed_at(&self) -> Option<Timestamp> {
        None
    }

    /// How long its deletion waits for what AWS is at, where that takes longer than other deletions do.
    fn patience(&self) -> Option<SignedDuration> {
        None
    }

    /// Dereferences and validates the object.
    ///
    /// # Errors
    /// A stalled finding that says what is wrong.
    fn prepare(&self, context: &Context) -> Result<Prepared<Self::Input>, Finding>;

    /// Decides what is to be asked, or written.
    fn plan(input: &Self::Input, facts: &Facts, now: Timestamp) -> Plan;

    /// The status after a reconcile.
    fn report(&self, previous: &Self::Status, summary: &Summary<'_>) -> Self::Status;

    /// Whether what it created in AWS is removed when it is deleted.
    fn cleans_up(&self) -> bool {
        false
    }

    /// Whether there is, or will be once the plan is carried out, something to remove when it is deleted.
    fn leaves_behind(_facts: &Facts, _plan: &Plan) -> bool {
        false
    }

    /// What may stay in AWS when it goes without having been looked at.
    fn remains(&self, _context: &Context) -> String {
        "what it created in AWS".into()
    }

    /// When to look again at what happens by itself after an act.
    fn settles_at(_status: &Self::Status, _now: Timestamp) -> Option<Timestamp> {
        None
    }
}

/// A status, as far as the runner looks into it.
pub trait Reported: Volatile + Clone + Default + Send + Sync {
    /// The generation that it speaks of.
    fn observed_generation(&self) -> Option<i64>;
    /// Its conditions.
    fn conditions(&self) -> &[Condition];
    /// What was done, newest first.
    fn history(&self) -> &[HistoryEntry];
    /// The steps that are planned and not made, or about to be.
    fn plan(&self) -> Option<&PlanStatus>;
    /// Adds to what was done.
    fn remember(&mut self, acts: &[Act]);
    /// The request that was last handled.
    fn last_handled(&self) -> Option<&str>;
}

/// An object that can be planned for.
pub struct Prepared<I> {
    /// The object, dereferenced and validated.
    pub input: I,
    /// Where it works, and what it may do there.
    pub access: Access,
    /// The account that was looked at.
    pub account: Arc<AwsAccount>,
    /// The further accounts that were looked at.
    pub others: Vec<Arc<AwsAccount>>,
    /// What holds back writing.
    pub hold: Option<Hold>,
}
