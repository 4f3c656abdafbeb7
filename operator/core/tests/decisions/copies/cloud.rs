//! What AWS does about snapshots in several places, and refuses.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use runbook_core::facts::Answer;
use runbook_core::observed::{DatabaseSnapshot, Quota};
use runbook_core::ownership::{OWNER_TAG, SLOT_TAG};
use runbook_core::step::{CopyStep, DatabaseStep};
use runbook_core::{CloudError, DatabaseId, DatabaseKind, ErrorClass, Facts, Query, Scope, Step};

use super::world::{at, scope};
use crate::backup::world as backup;
use crate::world;

/// Copies in progress that RDS allows in a region.
const IN_PROGRESS: usize = 20;

/// Two regions of two accounts.
#[derive(Clone, Debug, Default)]
pub struct Cloud {
    /// By account and region.
    pub lists: BTreeMap<(String, String), Vec<DatabaseSnapshot>>,
    /// Of each copy in progress, the ARN that it is made of.
    pub running: BTreeMap<String, String>,
    /// ARNs, and the accounts that they are shared with.
    pub shared: BTreeSet<(String, String)>,
    /// Places that do not answer.
    pub silent: BTreeSet<(String, String)>,
    /// Manual snapshots of each region that there are beside those listed.
    pub used: i64,
    /// Slots of which the account itself was taken a snapshot.
    pub taken: Vec<Timestamp>,
}

fn key(scope: &Scope) -> (String, String) {
    (scope.account_id.clone(), scope.region.clone())
}

impl Cloud {
    pub fn list(&mut self, scope: &Scope) -> &mut Vec<DatabaseSnapshot> {
        self.lists.entry(key(scope)).or_default()
    }

    pub fn listed(&self, scope: &Scope) -> &[DatabaseSnapshot] {
        self.lists.get(&key(scope)).map_or(&[], Vec::as_slice)
    }

    fn find(&self, database: &DatabaseId, snapshot: &str) -> Option<&DatabaseSnapshot> {
        self.listed(&database.scope).iter().find(|one| one.identifier == snapshot)
    }

    /// Everything that may be asked.
    pub fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        let database = backup::database(DatabaseKind::Instance);
        let home = backup::database_id(DatabaseKind::Instance);
        facts.insert(Query::Database(home), Ok(Answer::Database(Some(Box::new(database)))));
        for place in
            ["default", "vault"].iter().flat_map(|name| ["eu-central-1", "eu-west-1"].map(|at| scope(name, at)))
        {
            let answer = |answer: Answer| match self.silent.contains(&key(&place)) {
                true => Err(error(ErrorClass::Transient, "ServiceUnavailable")),
                false => Ok(answer),
            };
            let used = self.used + i64::try_from(self.listed(&place).len()).unwrap();
            let quotas = [("ManualSnapshots".to_owned(), Quota { used, max: 100 })];
            let listed = Answer::DatabaseSnapshots(self.listed(&place).to_vec());
            facts.insert(Query::CallerIdentity(place.clone()), answer(world::identity(&place.account_id)));
            facts.insert(Query::DatabaseSnapshots(at(&place)), answer(listed));
            facts.insert(Query::RdsQuotas(place.clone()), answer(Answer::RdsQuotas(quotas.into())));
        }
        facts
    }

    /// Makes a step, or refuses it as RDS does. What nobody may ever ask for panics.
    pub fn make(&mut self, step: &Step) -> Result<(), CloudError> {
        let Step::Database(step) = step else { panic!("{step}") };
        match step {
            DatabaseStep::CreateSnapshot { slot: Some(slot), tags, .. } => {
                let mut snapshot = backup::snapshot(DatabaseKind::Instance, *slot);
                snapshot.tags = tags.iter().cloned().collect();
                snapshot.encrypted = true;
                snapshot.status = "creating".into();
                snapshot.created_at = None;
                self.taken.push(*slot);
                self.list(&world::scope()).push(snapshot);
                Ok(())
            }
            DatabaseStep::DeleteSnapshot { database, snapshot, .. } => self.delete(database, snapshot),
            DatabaseStep::Copy(step) => self.make_copy(step),
            step => panic!("{step}"),
        }
    }

    fn make_copy(&mut self, step: &CopyStep) -> Result<(), CloudError> {
        match step {
            CopyStep::CopySnapshot { from, source, to, snapshot, kms_key, tags, .. } => {
                let found = self.find(from, source).cloned().ok_or_else(|| refused("DBSnapshotNotFound"))?;
                assert_eq!(found.status, "available", "{source} is not available");
                let elsewhere = from.scope.account_id != to.scope.account_id;
                let shared = self.shared.contains(&(found.arn.clone(), to.scope.account_id.clone()));
                if elsewhere && (!shared || from.scope.region != to.scope.region) {
                    return Err(refused("DBSnapshotNotFound"));
                }
                let key_is_needed = found.encrypted && (elsewhere || from.scope.region != to.scope.region);
                assert!(kms_key.is_some() || !key_is_needed, "{source} is encrypted");
                if self.find(to, snapshot).is_some() {
                    return Err(refused("DBSnapshotAlreadyExists"));
                }
                let arn = to.snapshot_arn(snapshot);
                let region = &to.scope.region;
                let running = self.running.keys().filter(|arn| arn.contains(&format!(":{region}:"))).count();
                assert!(running < IN_PROGRESS, "{running} copies are in progress");
                self.running.insert(arn.clone(), found.arn.clone());
                let copy = DatabaseSnapshot {
                    identifier: snapshot.clone(),
                    arn,
                    status: "creating".into(),
                    created_at: None,
                    percent_progress: 0,
                    encrypted: kms_key.is_some() || found.encrypted,
                    tags: tags.iter().cloned().collect(),
                    ..found
                };
                self.list(&to.scope).push(copy);
                Ok(())
            }
            CopyStep::ShareSnapshot { database, snapshot, account, .. } => {
                let found = self.find(database, snapshot).ok_or_else(|| refused("DBSnapshotNotFound"))?;
                assert!(snapshot.contains("-to-"), "{snapshot} was not made to be shared");
                let arn = found.arn.clone();
                self.shared.insert((arn, account.clone()));
                Ok(())
            }
            CopyStep::DeleteCopy { database, snapshot, slot, .. } => {
                let newest = self.listed(&database.scope).iter().filter(|one| one.status == "available");
                let newest = newest.filter_map(|one| one.tags.get(SLOT_TAG)?.parse::<Timestamp>().ok()).max();
                assert_ne!(newest, Some(*slot), "{snapshot} is the newest copy");
                self.delete(database, snapshot)
            }
            CopyStep::DeleteShared { database, snapshot, .. } => {
                assert!(snapshot.contains("-to-"), "{snapshot} was not made to be shared");
                self.delete(database, snapshot)
            }
        }
    }

    fn delete(&mut self, database: &DatabaseId, snapshot: &str) -> Result<(), CloudError> {
        let Some(found) = self.find(database, snapshot) else { return Ok(()) };
        let arn = found.arn.clone();
        assert_eq!(found.status, "available", "{snapshot} is deleted while it is {}", found.status);
        assert!(found.tags.contains_key(OWNER_TAG), "{snapshot} is nobody's");
        assert!(!self.running.values().any(|of| *of == arn), "{snapshot} is deleted while it is copied");
        self.shared.retain(|(of, _)| *of != arn);
        self.list(&database.scope).retain(|one| one.identifier != snapshot);
        Ok(())
    }

    /// What RDS was asked for is done.
    pub fn time_passes(&mut self, now: Timestamp) {
        self.running.clear();
        for one in self.lists.values_mut().flatten().filter(|one| one.status == "creating") {
            one.status = "available".into();
            one.created_at = Some(now);
        }
    }
}

pub fn refused(code: &str) -> CloudError {
    error(ErrorClass::Conflict, code)
}

pub fn error(class: ErrorClass, code: &str) -> CloudError {
    let (resource, message) = ("it".to_owned(), "as AWS says it".to_owned());
    CloudError { class, operation: "Operation", resource, code: code.into(), message, request_id: None }
}
