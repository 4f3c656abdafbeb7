//! What each call of RDS does and what it refuses.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runbook_aws::{RdsCall, Reply};
use runbook_core::observed::{DatabaseSnapshot, Quota};
use runbook_core::step::SettingsChange;
use runbook_core::{DatabaseKind, ErrorClass};

use super::restores::Wanted;
use super::{DELETING, Key, MODIFYING, Rds};
use crate::cloud::refusal::Refusal;

/// Tags of a resource.
const TAGS: usize = 50;

impl Rds {
    /// Answers one call.
    ///
    /// # Errors
    /// As RDS refuses it.
    pub fn answer(&mut self, call: &RdsCall, now: Timestamp) -> Result<Reply, Refusal> {
        self.advance(now);
        match call {
            RdsCall::DescribeDatabases { kind, identifiers, marker } => {
                let found = self.described(*kind, identifiers, now).into_iter();
                let (databases, marker) =
                    page(found, marker.as_deref(), self.databases_per_page, |(name, _)| name.clone());
                Ok(Reply::Databases { databases, marker })
            }
            RdsCall::DescribeSnapshots { kind, source, snapshot, marker } => {
                let of_kind = self.snapshots.iter().filter(|((of, _), _)| of == kind);
                let asked = of_kind.filter(|(_, one)| source.as_ref().is_none_or(|source| *source == one.source));
                let asked = asked.filter(|((_, name), _)| snapshot.as_ref().is_none_or(|snapshot| snapshot == name));
                let found = asked.map(|((_, name), one)| (one.source.clone(), one.describe(name, now)));
                let name = |(_, one): &(String, DatabaseSnapshot)| one.identifier.clone();
                let (snapshots, marker) = page(found, marker.as_deref(), self.snapshots_per_page, name);
                Ok(Reply::Snapshots { snapshots, marker })
            }
            RdsCall::DescribeAccountAttributes => {
                let quota = |name: &str, kind| (name.to_owned(), Quota { used: self.used(kind), max: self.quota });
                Ok(Reply::Quotas(BTreeMap::from([
                    quota("ManualSnapshots", DatabaseKind::Instance),
                    quota("ManualClusterSnapshots", DatabaseKind::Cluster),
                    ("DBInstances".into(), Quota { used: self.used_instances(), max: self.instances }),
                ])))
            }
            RdsCall::Modify { kind, identifier, changes, apply_immediately } => {
                self.modify(&(*kind, identifier.clone()), changes, *apply_immediately, now)
            }
            RdsCall::CreateSnapshot { kind, source, snapshot, tags } => {
                let tags = tags.iter().cloned().collect();
                self.create(&(*kind, source.clone()), (*kind, snapshot.clone()), tags, now)
            }
            RdsCall::DeleteSnapshot { kind, snapshot } => self.delete(&(*kind, snapshot.clone()), now),
            RdsCall::Restore { identifier, from, instance, tags } => {
                let tags = tags.iter().cloned().collect();
                self.restore(Wanted { identifier, from, set_up: instance, tags }, now)
            }
            RdsCall::SetMasterPassword { identifier, password } => self.set_password(identifier, password, now),
            RdsCall::AddTags { arn, tags } => self.add_tags(arn, tags),
            RdsCall::DeleteInstance { identifier } => self.delete_instance(identifier, now),
            RdsCall::CopySnapshot { .. } | RdsCall::ShareSnapshot { .. } => {
                Err(Refusal::new(ErrorClass::Invalid, "InvalidAction", "nothing is copied here"))
            }
        }
    }

    /// How many manual snapshots there are.
    pub(super) fn used(&self, kind: DatabaseKind) -> i64 {
        let manual = self.snapshots.iter().filter(|((of, _), one)| *of == kind && one.snapshot_type == "manual");
        i64::try_from(manual.count()).unwrap_or(i64::MAX)
    }

    fn modify(
        &mut self,
        key: &Key,
        changes: &SettingsChange,
        apply_immediately: bool,
        now: Timestamp,
    ) -> Result<Reply, Refusal> {
        self.at_rest(key, now)?;
        let least = i32::from(key.0 == DatabaseKind::Cluster);
        if changes.retention_days.is_some_and(|days| !(least..=35).contains(&days)) {
            return Err(Refusal::new(ErrorClass::Invalid, "InvalidParameterValue", "Invalid backup retention period"));
        }
        let modified = self.takes(&format!("{} is modified", key.1), MODIFYING, now);
        let Some(stored) = self.databases.get_mut(key) else { return Err(no_database(key)) };
        if apply_immediately {
            stored.waiting.clear();
        }
        let mut now_made = changes.clone();
        // From none to some and back takes the database down, so it waits for the maintenance window unless it is to be at once.
        let outage = |days: i32| (days == 0) != (stored.settings.retention_days == 0);
        if let Some(days) = changes.retention_days.filter(|days| outage(*days) && !apply_immediately) {
            stored.waiting.insert("BackupRetentionPeriod".into(), days.to_string());
            now_made.retention_days = None;
        }
        if !now_made.is_empty() {
            stored.modified = modified;
            stored.coming = Some((modified, now_made));
        }
        Ok(Reply::Done)
    }

    fn create(
        &mut self,
        source: &Key,
        key: Key,
        tags: BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<Reply, Refusal> {
        if self.snapshots.contains_key(&key) {
            let code = match key.0 {
                DatabaseKind::Instance => "DBSnapshotAlreadyExists",
                DatabaseKind::Cluster => "DBClusterSnapshotAlreadyExistsFault",
            };
            let message = format!("Cannot create the snapshot because a snapshot with the identifier {} exists", key.1);
            return Err(Refusal::new(ErrorClass::Conflict, code, message));
        }
        self.at_rest(source, now)?;
        if self.used(source.0) >= self.quota {
            let message = "Cannot create more than the allowed number of manual snapshots";
            return Err(Refusal::new(ErrorClass::Invalid, "SnapshotQuotaExceeded", message));
        }
        if tags.len() > TAGS {
            return Err(Refusal::new(ErrorClass::Invalid, "InvalidParameterValue", "Too many tags"));
        }
        self.begin(key, source, tags, now);
        Ok(Reply::Done)
    }

    fn delete(&mut self, key: &Key, now: Timestamp) -> Result<Reply, Refusal> {
        let gone = self.takes(&format!("{} is deleted", key.1), DELETING, now);
        match self.snapshots.get_mut(key) {
            // DBSnapshotNotFound: what is gone already is deleted, as the call promises.
            None => Ok(Reply::Done),
            Some(snapshot)
                if snapshot.snapshot_type == "manual" && ["available", "failed"].contains(&snapshot.status(now)) =>
            {
                snapshot.gone = Some(gone);
                Ok(Reply::Done)
            }
            Some(snapshot) => {
                let code = match key.0 {
                    DatabaseKind::Instance => "InvalidDBSnapshotState",
                    DatabaseKind::Cluster => "InvalidDBClusterSnapshotStateFault",
                };
                let status = snapshot.status(now);
                let message = format!("The snapshot {} is {} and {status}", key.1, snapshot.snapshot_type);
                Err(Refusal::new(ErrorClass::Conflict, code, message))
            }
        }
    }

    /// Refuses where a database is missing or busy.
    fn at_rest(&self, key: &Key, now: Timestamp) -> Result<(), Refusal> {
        let stored = self.databases.get(key).ok_or_else(|| no_database(key))?;
        let status = self.status(key, stored, now);
        if status == "available" {
            return Ok(());
        }
        let code = match key.0 {
            DatabaseKind::Instance => "InvalidDBInstanceState",
            DatabaseKind::Cluster => "InvalidDBClusterStateFault",
        };
        Err(Refusal::new(ErrorClass::Conflict, code, format!("{} is {status} and not available", key.1)))
    }
}

fn no_database(key: &Key) -> Refusal {
    let code = match key.0 {
        DatabaseKind::Instance => "DBInstanceNotFound",
        DatabaseKind::Cluster => "DBClusterNotFoundFault",
    };
    Refusal::new(ErrorClass::NotFound, code, format!("{} not found", key.1))
}

/// One page, and the Marker of the next: the name of the last, so that what comes or goes between moves no other.
fn page<T>(
    all: impl Iterator<Item = T>,
    marker: Option<&str>,
    size: usize,
    name: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let mut rest = all.filter(|one| marker.is_none_or(|marker| name(one).as_str() > marker)).peekable();
    let items: Vec<T> = rest.by_ref().take(size).collect();
    let marker = rest.peek().and_then(|_| items.last()).map(name);
    (items, marker)
}
