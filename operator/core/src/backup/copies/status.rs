//! What a status says of copies.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::backup_policy::Backup;
use runbook_api::copies::CopyStatus;

use super::listed::in_progress;
use super::seen::{Seen, Standing};
use crate::backup::input::Input;
use crate::backup::own::Own;
use crate::observed::DatabaseSnapshot;
use crate::step::place;

/// Snapshots that a status names.
const NAMED: usize = 20;

/// Where the copies of each destination stand. What was known of one that cannot be looked at is told on.
pub fn statuses(input: &Input, standings: &[Standing<'_>]) -> Vec<CopyStatus> {
    let known = |name: &str| input.memory.copies.iter().find(|known| known.name == name).cloned();
    let status = |standing: &Standing<'_>| {
        let name = standing.destination.name.clone();
        let before = known(&name).unwrap_or_else(|| CopyStatus {
            name,
            place: standing.destination.place.as_ref().map(|at| place(&at.database.scope)).unwrap_or_default(),
            last_copy: None,
            copied_until: None,
            snapshots: 0,
            in_progress: Vec::new(),
            waiting: 0,
            waiting_since: None,
            failed: Vec::new(),
            message: None,
        });
        match &standing.seen {
            Ok(seen) => of(seen, before),
            Err(finding) => CopyStatus { message: Some(shortened(&finding.message)), ..before },
        }
    };
    standings.iter().map(status).collect()
}

fn of(seen: &Seen<'_>, before: CopyStatus) -> CopyStatus {
    let named = |is: fn(&DatabaseSnapshot) -> bool| {
        let all = seen.copies.iter().chain(&seen.shared).filter(|one| is(one.snapshot));
        all.map(|one| one.snapshot.identifier.clone()).take(NAMED).collect::<Vec<_>>()
    };
    let count = |many: usize| i32::try_from(many).unwrap_or(i32::MAX);
    let newest = seen.copies.iter().find(|one| one.is_available());
    let until = seen.copies.first().map(|one| one.slot).max(before.copied_until.as_ref().map(|until| until.0));
    let last = |one: &Own<'_>| Backup { snapshot_identifier: one.snapshot.identifier.clone(), time: Time(one.slot) };
    CopyStatus {
        name: before.name,
        place: place(&seen.place.database.scope),
        last_copy: newest.map(last),
        copied_until: until.map(Time),
        snapshots: count(seen.copies.len()),
        in_progress: named(in_progress),
        waiting: count(seen.wanted.len()),
        waiting_since: seen.wanted.iter().map(|one| one.slot).min().map(Time),
        failed: named(|one| one.status == "failed"),
        message: None,
    }
}

fn shortened(message: &str) -> String {
    message.chars().take(1000).collect()
}
