//! What each process has read of DB instances: whether there is one of a name, and its tags.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use runbook_aws::{Call, RdsCall, Reply};
use runbook_core::DatabaseKind;
use runbook_core::observed::Database;

use crate::journal::AwsCall;

/// What all processes have read.
#[derive(Debug, Default)]
pub struct Sights {
    /// The instances on each page, with what the page says nothing of left out.
    pages: HashMap<u32, Vec<Page>>,
}

#[derive(Debug)]
struct Page {
    at: Timestamp,
    /// All, where none is named.
    asked: Vec<String>,
    after: Option<String>,
    until: Option<String>,
    found: BTreeMap<String, Database>,
}

impl Page {
    fn covers(&self, name: &str) -> bool {
        (self.asked.is_empty() || self.asked.iter().any(|one| one == name))
            && self.after.as_deref().is_none_or(|after| after < name)
            && self.until.as_deref().is_none_or(|until| name <= until)
    }
}

impl Sights {
    /// Takes down a read that was answered.
    pub fn read(&mut self, at: Timestamp, call: &AwsCall) {
        let (true, Ok(Reply::Databases { databases, marker: until })) = (call.answered, &call.result) else { return };
        let Call::Rds(RdsCall::DescribeDatabases { kind: DatabaseKind::Instance, identifiers, marker }) = &call.call
        else {
            return;
        };
        self.pages.entry(call.process).or_default().push(Page {
            at,
            asked: identifiers.clone(),
            after: marker.clone(),
            until: until.clone(),
            found: databases.iter().cloned().collect(),
        });
    }

    /// What a process last saw under a name, and when.
    pub fn of(&self, process: u32, name: &str) -> Option<(Timestamp, Option<&Database>)> {
        let pages = self.pages.get(&process)?;
        let page = pages.iter().rev().find(|page| page.covers(name))?;
        Some((page.at, page.found.get(name)))
    }
}
