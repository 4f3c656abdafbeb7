//! The tasks of the plane: one for each group that somebody waits in, one for each call under way.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runbook_core::facts::Answer;
use runbook_core::{CloudError, ErrorClass, Query};
use tokio::time::Instant;

use super::PlaneOptions;
use super::entry::Moment;
use super::group::Group;
use super::listing::Listed;
use super::read::{List, Reader};
use super::state::{Flight, State, spoils_a_batch};
use crate::clock::Clock;
use crate::door::Door;

/// So many reads of single targets that fail, and none that does not, show that a list did not fail for one target's sake.
const FAILED_ALIKE: usize = 5;

/// What the tasks share. The state is never locked across an await.
pub(super) struct Shared {
    pub(super) door: Door,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: PlaneOptions,
    state: Mutex<State>,
}

/// Breaks the promises of a queue when the task that empties it ends before its time.
struct Emptying<'s> {
    shared: &'s Shared,
    group: &'s Arc<Group>,
    done: bool,
}

impl Drop for Emptying<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.shared.state().give_up(self.group);
        }
    }
}

/// Breaks the promises of a flight that were not kept: after a panic, or when the runtime ends.
struct Flying<'s> {
    shared: &'s Shared,
    flight: &'s Flight,
}

impl Drop for Flying<'_> {
    fn drop(&mut self) {
        self.shared.state().end(self.flight);
    }
}

impl Shared {
    pub(super) fn new(door: Door, clock: Arc<dyn Clock>, options: PlaneOptions) -> Arc<Self> {
        let state = Mutex::new(State::new(options.resync));
        Arc::new(Self { door, clock, options, state })
    }

    pub(super) fn now(&self) -> Moment {
        Moment { at: Instant::now(), time: self.clock.now() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to empty a group's queue.
    pub(super) fn start(self: &Arc<Self>, group: Arc<Group>) {
        let shared = Arc::clone(self);
        tokio::spawn(async move { shared.empty(&group).await });
    }

    fn launch(self: &Arc<Self>, flight: Flight) {
        let shared = Arc::clone(self);
        tokio::spawn(async move { shared.fly(&flight).await });
    }

    async fn empty(self: &Arc<Self>, group: &Arc<Group>) {
        let mut emptying = Emptying { shared: self, group, done: false };
        tokio::time::sleep(self.options.window).await;
        loop {
            if self.state().rests(group) {
                break;
            }
            self.door.admit(group.scope(), group.api(), false).await;
            let taken = self.state().take(group, self.now());
            let Some(flight) = taken else {
                self.door.budgets.give_back(group.scope(), group.api(), false);
                break;
            };
            self.launch(flight);
        }
        emptying.done = true;
    }

    async fn fly(self: &Arc<Self>, flight: &Flight) {
        let _flying = Flying { shared: self, flight };
        let reader = Reader::new(&self.door, &flight.group, self.options.call_timeout);
        let mut pieces = match flight.list_pages {
            None => VecDeque::from([flight.members.clone()]),
            Some(most) => self.list(flight, &reader, most).await,
        };
        let mut first = true;
        while let Some(members) = pieces.pop_front() {
            // The first call was admitted when the flight was taken.
            if !std::mem::take(&mut first) {
                self.door.admit(flight.group.scope(), flight.group.api(), false).await;
            }
            let piece = self.state().resend(flight, members, self.now());
            match reader.batch(&piece.members).await {
                Ok(answers) => {
                    for (query, answer) in piece.members.iter().zip(answers) {
                        self.settle(&piece, query, Ok(answer));
                    }
                }
                Err(error) if piece.members.len() > 1 && spoils_a_batch(&error) => {
                    let asked = self.state().asked_of(&piece);
                    if asked.len() < piece.members.len() {
                        // It may have been one that was read ahead: nobody who asked shall fail for it.
                        pieces.extend((!asked.is_empty()).then_some(asked));
                    } else {
                        let (one, other) = asked.split_at(asked.len() / 2);
                        pieces.extend([one.to_vec(), other.to_vec()]);
                    }
                }
                Err(error) => {
                    for query in &piece.members {
                        self.settle(&piece, query, Err(error.clone()));
                    }
                }
            }
        }
    }

    /// Reads the list of all policies or actions and answers from it. Returns who must be read one by one because the list is too long.
    async fn list(self: &Arc<Self>, flight: &Flight, reader: &Reader<'_>, most: usize) -> VecDeque<Vec<Arc<Query>>> {
        let read = reader.pages(None, most).await;
        let riders = self.state().close_list(flight);
        match read {
            Ok(List::Whole(items, pages)) => {
                self.door.metrics.batch(flight.group.operation(), riders.len());
                let listed = Listed { began: flight.began, read_at: flight.read_at, pages, items };
                for query in &riders {
                    self.settle(flight, query, Ok(listed.kept(query).answer));
                }
                if let Some(listing) = self.state().listing(&flight.group) {
                    listing.keep(listed);
                }
                VecDeque::new()
            }
            Ok(List::TooLong(pages)) => {
                let mut state = self.state();
                if let Some(listing) = state.listing(&flight.group) {
                    listing.pages = Some(pages + 1);
                }
                state.asked_of(flight).into_iter().map(|query| vec![query]).collect()
            }
            Err(error) => {
                let asked = self.state().asked_of(flight);
                // Neither throttling nor IAM, which knows this call for all targets or for none, is one target's fault.
                if matches!(error.class, ErrorClass::Throttled | ErrorClass::Denied) {
                    for query in &asked {
                        self.settle(flight, query, Err(error.clone()));
                    }
                } else {
                    self.one_by_one(flight, reader, asked).await;
                }
                VecDeque::new()
            }
        }
    }

    /// A list failed, maybe for the sake of one target, such as one whose alarms cannot be read: the others shall not wait for it.
    async fn one_by_one(self: &Arc<Self>, flight: &Flight, reader: &Reader<'_>, mut asked: Vec<Arc<Query>>) {
        // The list was the first try.
        let reader = reader.once_each();
        // Another begins each time, so that the first few cannot fail for all others for ever.
        if let Some(first) = usize::try_from(flight.id).ok().and_then(|id| id.checked_rem(asked.len())) {
            asked.rotate_left(first);
        }
        let (mut failed, mut some_answered) = (Vec::new(), false);
        let mut asked = asked.into_iter();
        while let Some(query) = asked.next() {
            self.door.admit(flight.group.scope(), flight.group.api(), false).await;
            let piece = self.state().resend(flight, vec![Arc::clone(&query)], self.now());
            match reader.batch(&piece.members).await {
                Ok(answers) => {
                    some_answered = true;
                    for answer in answers {
                        self.settle(&piece, &query, Ok(answer));
                    }
                }
                Err(error) => {
                    self.settle(&piece, &query, Err(error.clone()));
                    failed.push(query);
                    if !some_answered && failed.len() == FAILED_ALIKE {
                        for query in asked.by_ref() {
                            self.settle(&piece, &query, Err(error.clone()));
                        }
                    }
                }
            }
        }
        if some_answered && !failed.is_empty() {
            self.state().blame(&flight.group, &failed, Instant::now());
        }
    }

    pub(super) fn settle(self: &Arc<Self>, flight: &Flight, query: &Query, outcome: Result<Answer, CloudError>) {
        let waiting = self.state().settle(flight, query, outcome);
        if let Some(group) = waiting {
            self.start(group);
        }
    }
}
