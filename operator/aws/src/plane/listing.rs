//! Scaling policies or scheduled actions of all targets, or snapshots of all databases, at once: cheaper than a call for each where many
//! are wanted.

use std::sync::Arc;
use std::time::Duration;

use runbook_core::{Namespace, Query};
use tokio::time::Instant;

use super::Expected;
use super::entry::{Kept, Moment, Tick, elapsed, later};
use super::group::Group;
use super::read::{Items, resource_id};
use super::state::{RARELY, SELDOM, State};

/// From how many targets on the list of all is read.
const WORTH_LISTING: usize = 5;
/// Pages that a list may take for each target that wants it, before it is given up as dearer than single calls.
const PAGES_PER_TARGET: usize = 2;

/// What is known of the list of all scaling policies, or scheduled actions, of a scope.
#[derive(Default)]
pub(super) struct Listing {
    /// The list under way, and when it began.
    pub(super) flight: Option<(Tick, Tick)>,
    /// Lists that began before this do not answer questions that are not known yet.
    pub(super) invalid_before: Tick,
    /// Pages of the last list; of one that was given up, one more than were read.
    pub(super) pages: Option<usize>,
    /// No list is read before this: it failed because of targets that fail alone, too.
    suspended: Option<Instant>,
    last: Option<Listed>,
}

/// A list that was read to its end.
pub(super) struct Listed {
    pub(super) began: Tick,
    pub(super) read_at: Moment,
    pub(super) pages: usize,
    pub(super) items: Items,
}

impl Listed {
    /// The answer to one question.
    pub(super) fn kept(&self, query: &Query) -> Kept {
        Kept { answer: self.items.answer(&resource_id(query)), began: self.began, read_at: self.read_at }
    }
}

impl Listing {
    /// The list under way, where it began after `invalid_before`.
    pub(super) fn under_way(&self, invalid_before: Tick) -> Option<(Tick, Tick)> {
        self.flight.filter(|(_, began)| *began > invalid_before)
    }

    /// The last list, for those who ask for the first time soon after it.
    pub(super) fn recent(&mut self, invalid_before: Tick, now: Instant, age: Duration) -> Option<&Listed> {
        self.let_go(now, age);
        self.last.as_ref().filter(|last| last.began > invalid_before)
    }

    /// Lets go of a list that is old: the known questions have their own answers.
    pub(super) fn let_go(&mut self, now: Instant, age: Duration) {
        if self.last.as_ref().is_some_and(|last| elapsed(last.read_at.at, now) > age) {
            self.last = None;
        }
    }

    pub(super) fn keep(&mut self, listed: Listed) {
        self.pages = Some(listed.pages);
        self.last = Some(listed);
    }
}

impl Expected {
    /// How many will ask in a group.
    fn of(&self, group: &Group) -> usize {
        let known = match group {
            Group::Policies(scope, Namespace::Ecs) | Group::Actions(scope, Namespace::Ecs) => self.services.get(scope),
            Group::Snapshots(scope, kind) => self.databases.get(&(scope.clone(), *kind)),
            _ => None,
        };
        known.copied().unwrap_or_default()
    }
}

impl State {
    /// A list failed, and so did these one by one, while others did not: for an hour they cost the others no list.
    pub(super) fn blame(&mut self, group: &Group, failed: &[Arc<Query>], now: Instant) {
        for query in failed {
            if let Some(entry) = self.entries.get_mut(query) {
                entry.alone = true;
            }
        }
        if let Some(listing) = self.listing(group) {
            listing.suspended = Some(later(now, RARELY));
        }
    }

    /// How many pages the list of all may take, where it is worth reading.
    pub(super) fn list_pages(&mut self, group: &Arc<Group>, now: Instant) -> Option<usize> {
        let believed = match &**group {
            Group::Policies(..) | Group::Actions(..) => RARELY,
            Group::Snapshots(..) => SELDOM,
            _ => return None,
        };
        let members = self.groups.get(group)?;
        let listing = &members.listing;
        let suspended = listing.suspended.is_some_and(|until| now < until);
        if suspended || listing.flight.is_some() || members.queue.is_empty() {
            return None;
        }
        let (mut wanted, mut fresh, mut may_be_kept) = (0, 0, false);
        for entry in members.by_due.iter().filter_map(|(_, query)| self.entries.get(query)) {
            let waited = !entry.pending.is_empty();
            let counts =
                |kept: &Kept| kept.began > entry.invalid_before && elapsed(kept.read_at.at, now) < believed / 2;
            // Those that will soon be wanted count too, or each would be read by a call of its own a little later.
            if waited || entry.kept.as_ref().is_some_and(|kept| !counts(kept)) {
                wanted += 1;
            } else {
                fresh += usize::from(entry.kept.is_some());
            }
            may_be_kept |= waited && !entry.strict;
        }
        // And those that have not been able to ask yet, where they will be content with this list.
        if may_be_kept {
            wanted = wanted.max(self.expected.of(group).saturating_sub(fresh));
        }
        let worth = wanted >= WORTH_LISTING && members.listing.pages.is_none_or(|pages| pages <= wanted);
        worth.then_some(wanted * PAGES_PER_TARGET)
    }
}
