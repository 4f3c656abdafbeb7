//! What the plane knows, without waiting: who asked what, which calls are under way, what was answered.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use runbook_core::facts::Answer;
use runbook_core::{CloudError, ErrorClass, Query};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::entry::{Entry, Joined, Kept, Moment, Outcome, Tick, elapsed, later};
use super::group::{Group, resource_of};
use super::listing::Listing;
use super::{Expected, Freshness};

/// How long scaling policies, scheduled actions and identities are believed: they change rarely.
pub(super) const RARELY: Duration = Duration::from_secs(3600);
/// How long lists of snapshots are believed. What is done here, what RDS or CloudTrail tell, and a slot that is due make them be read
/// before; what changes in silence is of no consequence sooner, and the list of a region is long.
pub(super) const SELDOM: Duration = Duration::from_secs(4 * 3600);
/// How old an identity may be where it must be fresh.
const IDENTITY_NOW: Duration = Duration::from_secs(600);
/// Resyncs without an asking after which a question is forgotten.
const FORGOTTEN_AFTER: u32 = 3;

pub(super) struct State {
    pub(super) resync: Duration,
    pub(super) entries: HashMap<Arc<Query>, Entry>,
    pub(super) groups: HashMap<Arc<Group>, Members>,
    /// How many will ask, where somebody has said so.
    pub(super) expected: Expected,
    pub(super) tick: Tick,
    prune_at: Option<Instant>,
}

/// The known questions of a group, and those among them that wait for a call.
#[derive(Default)]
pub(super) struct Members {
    /// By the time when they are expected to be asked.
    pub(super) by_due: BTreeSet<(Instant, Arc<Query>)>,
    /// Those that wait for a call, in the order of asking.
    pub(super) queue: VecDeque<Arc<Query>>,
    /// Whether somebody empties the queue.
    pub(super) running: bool,
    /// For scaling policies: what is known of the list of all.
    pub(super) listing: Listing,
}

/// What an asker gets at once.
pub(super) enum Asked {
    /// The answer.
    Known(Outcome),
    /// A promise, and the group whose queue must be emptied if nobody does yet.
    Promised(oneshot::Receiver<Outcome>, Option<Arc<Group>>),
}

/// A call, or the pages of one list, for some questions.
#[derive(Clone)]
pub(super) struct Flight {
    pub(super) id: Tick,
    pub(super) began: Tick,
    pub(super) read_at: Moment,
    pub(super) group: Arc<Group>,
    pub(super) members: Vec<Arc<Query>>,
    /// Whether everything in the group is read, up to so many pages.
    pub(super) list_pages: Option<usize>,
}

impl State {
    pub(super) fn new(resync: Duration) -> Self {
        Self {
            resync,
            entries: HashMap::new(),
            groups: HashMap::new(),
            expected: Expected::default(),
            tick: 0,
            prune_at: None,
        }
    }

    /// Asks one question.
    pub(super) fn ask(&mut self, query: &Query, freshness: Freshness, now: Instant) -> Asked {
        self.tick += 1;
        let key = self.demand(query, now);
        let age = self.accepted_age(query, freshness, now);
        let (waiter, promise) = oneshot::channel();
        // Every entry has its group; without one the promise is broken, which the asker is told.
        let Some(entry) = self.entries.get_mut(&key) else { return Asked::Promised(promise, None) };
        let Some(members) = self.groups.get_mut(&entry.group) else { return Asked::Promised(promise, None) };
        if let Some(kept) = age.and_then(|age| entry.fresh(now, age)) {
            return Asked::Known((Ok(kept.answer.clone()), kept.read_at.time));
        }
        if let Some(age) = age {
            let recent = members.listing.recent(entry.invalid_before, now, self.resync / 2);
            if let Some(listed) = recent.filter(|listed| elapsed(listed.read_at.at, now) <= age) {
                let kept = listed.kept(query);
                let outcome = (Ok(kept.answer.clone()), kept.read_at.time);
                entry.kept = Some(kept);
                return Asked::Known(outcome);
            }
        }
        // What is under way may have begun before the time that counts.
        let joins = age.is_some() && !matches!(freshness, Freshness::Since(_));
        if joins {
            if let Some(joined) = entry.flights.iter_mut().find(|joined| joined.began > entry.invalid_before) {
                joined.waiters.push(waiter);
                return Asked::Promised(promise, None);
            }
            // A list of all answers this one too.
            if let Some((flight, began)) = members.listing.under_way(entry.invalid_before) {
                entry.flights.push(Joined { flight, began, waiters: vec![waiter] });
                return Asked::Promised(promise, None);
            }
        }
        entry.strict = (entry.strict || !entry.is_wanted()) && !joins;
        entry.pending.push(waiter);
        let start = members.enqueue(&key, entry).then(|| Arc::clone(&entry.group));
        Asked::Promised(promise, start)
    }

    /// Notes that a question was asked, and returns the key it is known by.
    fn demand(&mut self, query: &Query, now: Instant) -> Arc<Query> {
        if self.prune_at.is_none_or(|at| now >= at) {
            self.prune(now);
            self.prune_at = Some(later(now, self.resync));
        }
        if let Some((key, _)) = self.entries.get_key_value(query) {
            let key = Arc::clone(key);
            if let Some(entry) = self.entries.get_mut(&key)
                && let Some(members) = self.groups.get_mut(&entry.group)
            {
                members.by_due.remove(&(entry.due, Arc::clone(&key)));
                entry.demand(now, self.resync);
                members.by_due.insert((entry.due, Arc::clone(&key)));
            }
            return key;
        }
        let key = Arc::new(query.clone());
        let group = Group::of(query);
        let group = self.groups.get_key_value(&group).map_or_else(|| Arc::new(group), |(known, _)| Arc::clone(known));
        let members = self.groups.entry(Arc::clone(&group)).or_default();
        let mut entry = Entry::new(group, now, self.resync);
        entry.invalid_before = members.listing.invalid_before;
        members.by_due.insert((entry.due, Arc::clone(&key)));
        self.entries.insert(Arc::clone(&key), entry);
        key
    }

    /// How old an answer may be; `None` when it must be read after the asking.
    fn accepted_age(&self, query: &Query, freshness: Freshness, now: Instant) -> Option<Duration> {
        match (freshness, query) {
            (Freshness::Now | Freshness::Since(_), Query::CallerIdentity(_)) => Some(IDENTITY_NOW),
            (Freshness::Now, _) => None,
            (Freshness::Since(time), _) => Some(elapsed(time, now)),
            (Freshness::Moving, query) if query.moves_by_itself() => None,
            (
                _,
                Query::CallerIdentity(_)
                | Query::ScalingPolicies(_)
                | Query::ScheduledActions(_)
                | Query::VerificationInstances(_),
            ) => Some(RARELY),
            (_, Query::DatabaseSnapshots(_)) => Some(SELDOM),
            (
                _,
                Query::EcsService(_)
                | Query::DbCluster(_)
                | Query::ScalableTarget(_)
                | Query::ScalableTargetTags(_)
                | Query::Database(_)
                | Query::Snapshot(_)
                | Query::Credential(_)
                | Query::Sql(_)
                | Query::ExportJob(_)
                | Query::UsableSecret(_)
                | Query::RdsQuotas(_),
            ) => Some(self.resync / 2),
        }
    }

    /// The next call of a group; without one, nobody empties its queue any longer.
    pub(super) fn take(&mut self, group: &Arc<Group>, now: Moment) -> Option<Flight> {
        let list_pages = self.list_pages(group, now.at);
        let members = self.groups.get_mut(group)?;
        let room = if list_pages.is_some() { usize::MAX } else { group.room() };
        let mut chosen: Vec<Arc<Query>> = Vec::new();
        let mut refused = Vec::new();
        let mut spoils = false;
        while chosen.len() < room && !spoils {
            let Some(query) = members.queue.pop_front() else { break };
            let Some(entry) = self.entries.get_mut(&query) else { continue };
            if !entry.is_wanted() {
                entry.queued = false;
            } else if entry.alone && list_pages.is_none() && !chosen.is_empty() {
                refused.push(query);
            } else {
                spoils = entry.alone && list_pages.is_none();
                chosen.push(query);
            }
        }
        for query in refused.into_iter().rev() {
            members.queue.push_front(query);
        }
        if chosen.is_empty() {
            members.running = false;
            return None;
        }
        if list_pages.is_none() && !spoils {
            let spare = group.room() - chosen.len();
            chosen.extend(self.ahead(group, spare, &chosen, now.at));
        }
        self.tick += 1;
        let (id, began) = (self.tick, self.tick);
        for query in &chosen {
            if let Some(entry) = self.entries.get_mut(query) {
                entry.queued = false;
                let waiters = std::mem::take(&mut entry.pending);
                entry.flights.push(Joined { flight: id, began, waiters });
            }
        }
        if list_pages.is_some()
            && let Some(members) = self.groups.get_mut(group)
        {
            members.listing.flight = Some((id, began));
        }
        Some(Flight { id, began, read_at: now, group: Arc::clone(group), members: chosen, list_pages })
    }

    /// A part of a flight begins anew.
    pub(super) fn resend(&mut self, flight: &Flight, members: Vec<Arc<Query>>, now: Moment) -> Flight {
        self.tick += 1;
        for query in &members {
            if let Some(entry) = self.entries.get_mut(query) {
                entry
                    .flights
                    .iter_mut()
                    .filter(|joined| joined.flight == flight.id)
                    .for_each(|joined| joined.began = self.tick);
            }
        }
        Flight { began: self.tick, read_at: now, members, list_pages: None, ..flight.clone() }
    }

    /// Those that a flight may answer: its members, and for a list of all everything known in its group.
    pub(super) fn riders(&self, flight: &Flight) -> Vec<Arc<Query>> {
        match (flight.list_pages, self.groups.get(&flight.group)) {
            (Some(_), Some(members)) => members.by_due.iter().map(|(_, query)| Arc::clone(query)).collect(),
            _ => flight.members.clone(),
        }
    }

    /// Those of a flight for which somebody waits; the others leave it.
    pub(super) fn asked_of(&mut self, flight: &Flight) -> Vec<Arc<Query>> {
        let mut asked = self.riders(flight);
        asked.retain(|query| {
            let Some(entry) = self.entries.get_mut(query) else { return false };
            let waits =
                |joined: &Joined| joined.flight == flight.id && joined.waiters.iter().any(|waiter| !waiter.is_closed());
            let waited = entry.flights.iter().any(waits);
            if !waited {
                entry.flights.retain(|joined| joined.flight != flight.id);
            }
            waited
        });
        asked
    }

    /// Keeps an answer and gives it to those who wait for it. Returns a group whose queue must be emptied, if any.
    pub(super) fn settle(
        &mut self,
        flight: &Flight,
        query: &Query,
        outcome: Result<Answer, CloudError>,
    ) -> Option<Arc<Group>> {
        let (key, _) = self.entries.get_key_value(query)?;
        let key = Arc::clone(key);
        let entry = self.entries.get_mut(&key)?;
        let mut waiters = Vec::new();
        entry.flights.retain_mut(|joined| {
            let this = joined.flight == flight.id;
            if this {
                waiters.append(&mut joined.waiters);
            }
            !this
        });
        // Read before a write ended: whoever waits is answered by another read.
        if flight.began <= entry.invalid_before {
            entry.pending.append(&mut waiters);
            let members = self.groups.get_mut(&entry.group)?;
            return (entry.is_wanted() && members.enqueue(&key, entry)).then(|| Arc::clone(&entry.group));
        }
        match &outcome {
            Ok(answer) => {
                entry.alone = false;
                if entry.kept.as_ref().is_none_or(|kept| kept.began < flight.began) {
                    entry.kept = Some(Kept { answer: answer.clone(), began: flight.began, read_at: flight.read_at });
                }
            }
            Err(error) => entry.alone |= spoils_a_batch(error),
        }
        let outcome = outcome.map_err(|error| CloudError { resource: resource_of(query), ..error });
        for waiter in waiters {
            // An asker that has gone needs no answer.
            let _ = waiter.send((outcome.clone(), flight.read_at.time));
        }
        None
    }

    /// Ends a flight: those who still wait in it are told that it was interrupted.
    pub(super) fn end(&mut self, flight: &Flight) {
        for query in self.riders(flight) {
            if let Some(entry) = self.entries.get_mut(&query) {
                entry.flights.retain(|joined| joined.flight != flight.id);
            }
        }
        self.close_list(flight);
    }

    /// Nobody joins a list any longer. Returns those that it may answer.
    pub(super) fn close_list(&mut self, flight: &Flight) -> Vec<Arc<Query>> {
        if let Some(members) = self.groups.get_mut(&flight.group)
            && members.listing.flight.is_some_and(|(id, _)| id == flight.id)
        {
            members.listing.flight = None;
        }
        self.riders(flight)
    }

    /// Whether nothing waits for a call in the group any longer; then nobody empties its queue.
    pub(super) fn rests(&mut self, group: &Arc<Group>) -> bool {
        let Some(members) = self.groups.get_mut(group) else { return true };
        while let Some(query) = members.queue.front() {
            if let Some(entry) = self.entries.get_mut(query) {
                if entry.is_wanted() {
                    return false;
                }
                entry.queued = false;
            }
            members.queue.pop_front();
        }
        members.running = false;
        true
    }

    /// Nobody empties a group's queue any longer: those who wait in it are told so.
    pub(super) fn give_up(&mut self, group: &Arc<Group>) {
        let Some(members) = self.groups.get_mut(group) else { return };
        members.running = false;
        for query in members.queue.drain(..) {
            if let Some(entry) = self.entries.get_mut(&query) {
                entry.queued = false;
                entry.pending.clear();
            }
        }
    }

    /// What was read so far no longer counts.
    pub(super) fn invalidate(&mut self, query: &Query) {
        self.tick += 1;
        match self.entries.get_mut(query) {
            Some(entry) => entry.invalid_before = self.tick,
            // A list under way must not answer it either, should it be asked.
            None => {
                if let Some(members) = self.groups.get_mut(&Group::of(query)) {
                    members.listing.invalid_before = self.tick;
                }
            }
        }
    }

    /// As [`State::invalidate`] for every question of one connection.
    pub(super) fn invalidate_connection(&mut self, name: &str) {
        self.tick += 1;
        for entry in self.entries.values_mut().filter(|entry| entry.group.scope().connection == name) {
            entry.invalid_before = self.tick;
        }
        for (_, members) in self.groups.iter_mut().filter(|(group, _)| group.scope().connection == name) {
            members.listing.invalid_before = self.tick;
        }
    }

    /// Forgets a question, unless somebody waits for its answer: then it is forgotten when nobody asks any longer.
    pub(super) fn forget(&mut self, query: &Query) {
        if self.entries.get_mut(query).is_some_and(Entry::is_idle) {
            self.remove(query);
        }
    }

    /// A question as it is kept here; itself where it is not.
    pub(super) fn shared(&self, query: Query) -> Arc<Query> {
        match self.entries.get_key_value(&query) {
            Some((key, _)) => Arc::clone(key),
            None => Arc::new(query),
        }
    }

    fn prune(&mut self, now: Instant) {
        let longest = self.resync * FORGOTTEN_AFTER;
        let gone = |entry: &mut Entry| elapsed(entry.demanded, now) > longest && entry.is_idle();
        let old: Vec<Arc<Query>> =
            self.entries.iter_mut().filter_map(|(query, entry)| gone(entry).then(|| Arc::clone(query))).collect();
        for query in old {
            self.remove(&query);
        }
        for members in self.groups.values_mut() {
            members.listing.let_go(now, self.resync / 2);
        }
    }

    fn remove(&mut self, query: &Query) {
        let Some((key, entry)) = self.entries.remove_entry(query) else { return };
        if let Some(members) = self.groups.get_mut(&entry.group) {
            members.by_due.remove(&(entry.due, Arc::clone(&key)));
            members.queue.retain(|queued| *queued != key);
            if members.by_due.is_empty() && !members.running && members.listing.flight.is_none() {
                self.groups.remove(&entry.group);
            }
        }
    }

    /// What is known of the list of all in a group.
    pub(super) fn listing(&mut self, group: &Group) -> Option<&mut Listing> {
        self.groups.get_mut(group).map(|members| &mut members.listing)
    }
}

impl Members {
    /// Puts a question into the queue; true when somebody must be found to empty it.
    fn enqueue(&mut self, query: &Arc<Query>, entry: &mut Entry) -> bool {
        if !entry.queued {
            entry.queued = true;
            self.queue.push_back(Arc::clone(query));
        }
        !std::mem::replace(&mut self.running, true)
    }
}

/// Whether the error may be one member's alone: IAM judges DescribeServices by each service, one malformed name fails a batch, and so
/// does one description that lacks what it must have or cannot be read.
pub(super) fn spoils_a_batch(error: &CloudError) -> bool {
    matches!(error.class, ErrorClass::Invalid | ErrorClass::Denied)
        || matches!(error.code.as_str(), "IncompleteAnswer" | "BadResponse")
}
