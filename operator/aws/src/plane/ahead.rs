//! Reading ahead: spare room in a call is filled with those that will be asked next.

use std::sync::Arc;

use runbook_core::Query;
use tokio::time::Instant;

use super::entry::{elapsed, later};
use super::group::Group;
use super::state::State;

impl State {
    /// Up to `spare` known questions of the group, those first that will be asked next: old enough to be worth reading, and asked soon
    /// enough that the answer will still be accepted.
    pub(super) fn ahead(&self, group: &Group, spare: usize, chosen: &[Arc<Query>], now: Instant) -> Vec<Arc<Query>> {
        let Some(members) = self.groups.get(group) else { return Vec::new() };
        let accepted = self.resync / 2;
        let horizon = later(now, accepted);
        members
            .by_due
            .iter()
            .take_while(|(due, _)| *due <= horizon)
            .map(|(_, query)| query)
            .filter(|query| {
                self.entries.get(*query).is_some_and(|entry| {
                    // One that was never answered, or was refused, could spoil the call.
                    let old = entry.kept.as_ref().is_some_and(|kept| elapsed(kept.read_at.at, now) >= accepted / 2);
                    old && !entry.alone && entry.flights.is_empty()
                })
            })
            .filter(|query| !chosen.contains(query))
            .take(spare)
            .cloned()
            .collect()
    }
}
