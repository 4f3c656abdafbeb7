//! What people and RDS itself do to a database, its settings and its snapshots.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use runbook_core::DatabaseKind;
use runbook_core::ownership::OWNER_TAG;
use runbook_core::step::SettingsChange;

use super::{Key, Rds, Snapshot};

/// What somebody else does.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// A colleague changes how a database is backed up.
    Settings(SettingsChange),
    /// A colleague turns DeletionProtection off.
    Unprotect,
    /// A colleague asks for a change that waits for the maintenance window.
    AskFor(&'static str, &'static str),
    /// What waits for the maintenance window is done.
    Maintain,
    /// RDS backs the database up by itself for a time.
    BackUp(Duration),
    /// A colleague deletes the newest snapshot that somebody owns.
    DeleteNewest,
    /// A colleague takes a snapshot by hand.
    Snapshot(String),
    /// A colleague copies the newest snapshot that somebody owns, along with its tags.
    Copy(String),
    /// The database is made anew under its name.
    Replace,
    /// So many manual snapshots are allowed.
    Quota(i64),
    /// As many manual snapshots are allowed as there are.
    QuotaFull,
}

impl Act {
    /// For a person.
    pub fn describe(&self) -> String {
        match self {
            Self::Settings(changes) => format!("colleague changes {changes:?}"),
            other => format!("{other:?}"),
        }
    }
}

impl Rds {
    /// Somebody does something about a database. Whether anything changed.
    pub fn act(&mut self, key: &Key, act: &Act, now: Timestamp) -> bool {
        self.advance(now);
        if let Act::Quota(_) | Act::QuotaFull = act {
            self.quota = if let Act::Quota(most) = act { *most } else { self.used(key.0) };
            return true;
        }
        if let Act::Copy(name) | Act::Snapshot(name) = act
            && self.snapshots.contains_key(&(key.0, name.clone()))
        {
            return false;
        }
        let newest = self.newest_owned(key, now);
        let available = self.databases.get(key).is_some_and(|stored| self.status(key, stored, now) == "available");
        match act {
            Act::Snapshot(name) if available => {
                self.begin((key.0, name.clone()), key, BTreeMap::new(), now);
                true
            }
            Act::Copy(name) => {
                let Some(original) = newest.and_then(|newest| self.snapshots.get(&newest)) else { return false };
                let mut copy = Snapshot { begun: now, ends: now, ..original.clone() };
                let place: Vec<&str> = original.arn.split(':').take(6).collect();
                copy.arn = format!("{}:{name}", place.join(":"));
                self.snapshots.insert((key.0, name.clone()), copy);
                true
            }
            Act::DeleteNewest => {
                let Some(newest) = newest else { return false };
                self.snapshots.remove(&newest).is_some()
            }
            Act::Replace => self.databases.get_mut(key).is_some_and(|stored| {
                stored.resource_id.push_str("-anew");
                true
            }),
            _ => self.databases.get_mut(key).is_some_and(|stored| {
                match act {
                    Act::Settings(changes) => stored.settings = changes.applied_to(&stored.settings),
                    Act::Unprotect => stored.settings.deletion_protection = false,
                    Act::AskFor(name, value) => {
                        stored.waiting.insert((*name).into(), (*value).into());
                    }
                    Act::Maintain => {
                        let days = stored.waiting.remove("BackupRetentionPeriod");
                        stored.settings.retention_days =
                            days.and_then(|days| days.parse().ok()).unwrap_or(stored.settings.retention_days);
                        stored.waiting.clear();
                    }
                    Act::BackUp(length) => stored.backed_up = now.checked_add(*length).unwrap_or(now),
                    _ => return false,
                }
                true
            }),
        }
    }

    /// RDS's own backup of a database, as it is listed.
    pub fn automated(&mut self, key: &Key, name: &str, taken: Timestamp) {
        self.there(key, name, taken, "automated", BTreeMap::new());
    }

    /// A snapshot that has been there for a while.
    pub fn there(
        &mut self,
        key: &Key,
        name: &str,
        taken: Timestamp,
        snapshot_type: &'static str,
        tags: BTreeMap<String, String>,
    ) {
        let Some(stored) = self.databases.get(key) else { return };
        let (arn, resource_id) = (stored.arn_of_snapshot(key.0, name), stored.resource_id.clone());
        let source = key.1.clone();
        let (begun, ends, fails, gone) = (taken, taken, false, None);
        let snapshot = Snapshot { arn, source, resource_id, snapshot_type, begun, ends, fails, gone, tags };
        self.snapshots.insert((key.0, name.into()), snapshot);
    }

    /// The newest available snapshot of a database that says that it is somebody's.
    fn newest_owned(&self, (kind, source): &(DatabaseKind, String), now: Timestamp) -> Option<Key> {
        let owned = self.snapshots.iter().filter(|((of, _), one)| (of, &one.source) == (kind, source));
        owned
            .filter(|(_, one)| one.status(now) == "available" && one.tags.contains_key(OWNER_TAG))
            .max_by_key(|(_, one)| one.begun)
            .map(|(key, _)| key.clone())
    }
}
