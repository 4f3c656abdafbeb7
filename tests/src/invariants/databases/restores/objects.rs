//! What DatabaseRestores mean, decided a second time and by other code than the operator's.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runbook_api::aws_account::Verb;
use runbook_api::common::Mode;
use runbook_api::database_restore::{DatabaseRestoreSpec, RestoreOutcome};
use runbook_api::verification::VerificationStatus;
use runbook_api::{AwsAccount, DatabaseRestore};
use runbook_core::arn;
use serde_json::Value;

use crate::invariants::knowledge::Objects;
use crate::invariants::oracle;
use crate::invariants::statuses::Conditions;
use crate::journal::ObjectKey;

/// What the names of instances begin with that are restored to be verified.
pub const SCRATCH: &str = "rbv-";

/// Verifications that are under way at a time in an account.
pub const AT_A_TIME: usize = 2;

/// A DatabaseRestore, read.
#[derive(Clone, Debug)]
pub struct Restore {
    /// Its key.
    pub key: ObjectKey,
    /// It.
    pub object: DatabaseRestore,
}

/// The well-formed DatabaseRestores among some objects.
pub fn restores(objects: &Objects) -> impl Iterator<Item = Restore> {
    let all = objects.iter().filter(|(key, _)| key.resource == "databaserestores");
    all.filter_map(|(key, object)| Restore::read(key, object))
}

impl Restore {
    /// A restore from an object.
    pub fn read(key: &ObjectKey, object: &Value) -> Option<Self> {
        Some(Self { key: key.clone(), object: serde_json::from_value(object.clone()).ok()? })
    }

    /// The spec.
    pub fn spec(&self) -> &DatabaseRestoreSpec {
        &self.object.spec
    }

    /// Its uid.
    pub fn uid(&self) -> &str {
        self.object.metadata.uid.as_deref().unwrap_or_default()
    }

    /// Whether what it makes is deleted again.
    pub fn verifies(&self) -> bool {
        self.spec().outcome == RestoreOutcome::Verify
    }

    /// What the owner's tag says.
    pub fn owner(&self) -> String {
        format!("simulator/{}/databaserestores/{}", self.key.namespace, self.key.name)
    }

    /// Whether tags on the resource of this ARN say that this very run has made it.
    pub fn owns(&self, tags: &BTreeMap<String, String>, arn: &str) -> bool {
        let is = |tag: &str, value: &str| tags.get(&format!("ops.clocked.app/{tag}")).is_some_and(|one| one == value);
        is("owner", &self.owner()) && is("run", self.uid()) && is("resource-arn", arn)
    }

    /// Its account.
    pub fn account(&self, objects: &Objects) -> Option<AwsAccount> {
        oracle::account(objects, &self.spec().account_ref.name)
    }

    /// Whether it may restore a database into another.
    pub fn may(&self, identifiers: &[&str], objects: &Objects) -> bool {
        let Some(account) = self.account(objects).filter(|account| account.spec.mode == Mode::Enforce) else {
            return false;
        };
        let Some(region) = account.spec.regions.first() else { return false };
        identifiers.iter().all(|identifier| {
            let resource = format!("arn:aws:rds:{region}:{}:db:{identifier}", account.spec.account_id);
            account.spec.grants.iter().any(|grant| {
                grant.namespaces.contains(&self.key.namespace)
                    && grant.verbs.contains(&Verb::Restore)
                    && grant.resources.iter().any(|pattern| arn::matches(pattern, &resource))
            })
        })
    }

    /// What it says that the restored database has answered.
    pub fn verdict(&self) -> Option<&VerificationStatus> {
        self.object.status.as_ref()?.verification.as_ref()
    }

    /// Whether it says that this step is about to be made.
    pub fn claims(&self, step: &str) -> bool {
        let Some(status) = &self.object.status else { return false };
        let works = status.conditions.iter().any(|one| one.type_ == "Reconciling" && one.status == "True");
        works && status.plan.iter().flat_map(|plan| &plan.steps).any(|one| one.step == step)
    }

    /// Whether it is being deleted.
    pub fn is_being_deleted(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.ended("Complete") || self.ended("Failed")
    }

    /// Whether it has ended so.
    pub fn ended(&self, how: &str) -> bool {
        let conditions = self.object.status.iter().flat_map(|status| &status.conditions);
        conditions.into_iter().any(|one| one.type_ == how && one.status == "True")
    }

    /// Why it does not go on, where a person must act.
    pub fn stalled(&self, object: &Value) -> Option<String> {
        let conditions = Conditions(object);
        (conditions.status("Stalled") == "True").then(|| conditions.reason("Synced").to_owned())
    }

    /// The policy that it was made for, and the slot.
    pub fn slot(&self) -> Option<(String, Timestamp)> {
        let metadata = &self.object.metadata;
        let policy = metadata.labels.as_ref()?.get("ops.clocked.app/policy")?;
        let slot = metadata.annotations.as_ref()?.get("ops.clocked.app/slot")?.parse().ok()?;
        Some((policy.clone(), slot))
    }

    /// How long after it was begun it is given up.
    pub fn timeout(&self) -> SignedDuration {
        let seconds = self.spec().verification.as_ref().and_then(|one| one.timeout.seconds().ok());
        SignedDuration::from_secs(seconds.unwrap_or_default())
    }
}
