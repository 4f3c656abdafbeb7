//! What each process has read of databases and their snapshots, and when.

use std::collections::HashMap;

use jiff::Timestamp;
use runbook_aws::{Call, RdsCall, Reply};
use runbook_core::DatabaseKind;
use runbook_core::observed::{Database, DatabaseSnapshot};

use crate::cloud::rds::{Held, Key};
use crate::journal::AwsCall;

/// The snapshots of each database, as a list brought them.
type Listed = Vec<(String, DatabaseSnapshot)>;
/// The list of the snapshots of one database, or of all of a kind, that a process reads.
type ListOf = (u32, DatabaseKind, Option<String>);

/// What all processes have read.
#[derive(Debug, Default)]
pub struct Sights {
    databases: HashMap<(u32, Key), (Timestamp, Database)>,
    /// Lists under way, by the marker of their next page, with when they began.
    begun: HashMap<(ListOf, String), (Timestamp, Listed)>,
    lists: HashMap<ListOf, (Timestamp, Listed)>,
    /// The list before the last: several deletions of one decision are each looked at again.
    earlier: HashMap<ListOf, (Timestamp, Listed)>,
}

impl Sights {
    /// Takes down a read that was answered.
    pub fn read(&mut self, at: Timestamp, call: &AwsCall) {
        let (true, Ok(reply)) = (call.answered, &call.result) else { return };
        match (&call.call, reply) {
            (Call::Rds(RdsCall::DescribeDatabases { kind, .. }), Reply::Databases { databases, .. }) => {
                for (name, database) in databases {
                    self.databases.insert((call.process, (*kind, name.clone())), (at, database.clone()));
                }
            }
            (
                Call::Rds(RdsCall::DescribeSnapshots { kind, source, snapshot: None, marker }),
                Reply::Snapshots { snapshots, marker: next },
            ) => {
                let list = (call.process, *kind, source.clone());
                let begun = marker.as_ref().and_then(|marker| self.begun.remove(&(list.clone(), marker.clone())));
                if begun.is_none() && marker.is_some() {
                    return;
                }
                let (began, mut all) = begun.unwrap_or((at, Vec::new()));
                all.extend(snapshots.iter().cloned());
                if let Some(next) = next {
                    self.begun.insert((list, next.clone()), (began, all));
                } else if let Some(last) = self.lists.insert(list.clone(), (began, all)) {
                    self.earlier.insert(list, last);
                }
            }
            _ => {}
        }
    }

    /// What a process last saw of a database, and when.
    pub fn database(&self, process: u32, key: &Key) -> Option<&(Timestamp, Database)> {
        self.databases.get(&(process, key.clone()))
    }

    /// What a process last saw of a database's snapshots, and when.
    pub fn snapshots(&self, process: u32, key: &Key) -> Option<(Timestamp, Vec<DatabaseSnapshot>)> {
        Self::newest(&self.lists, process, key)
    }

    fn newest(
        lists: &HashMap<ListOf, (Timestamp, Listed)>,
        process: u32,
        key: &Key,
    ) -> Option<(Timestamp, Vec<DatabaseSnapshot>)> {
        let lists = [Some(key.1.clone()), None].map(|source| lists.get(&(process, key.0, source)));
        let (at, all) = lists.into_iter().flatten().max_by_key(|(at, _)| *at)?;
        let of_it = all.iter().filter(|(source, _)| *source == key.1);
        Some((*at, of_it.map(|(_, snapshot)| snapshot.clone()).collect()))
    }

    /// What a process took a database and its snapshots for before it last read them, since a time.
    pub fn held_before(&self, process: u32, key: &Key, since: Timestamp) -> Option<Held> {
        let (_, database) = self.database(process, key)?;
        let (at, snapshots) = Self::newest(&self.earlier, process, key)?;
        (at >= since).then(|| Held { database: database.clone(), snapshots })
    }

    /// What a process took a database and its snapshots for, where it has read both.
    pub fn held(&self, process: u32, key: &Key) -> Option<Held> {
        let (_, database) = self.database(process, key)?;
        let (_, snapshots) = self.snapshots(process, key)?;
        Some(Held { database: database.clone(), snapshots })
    }
}
