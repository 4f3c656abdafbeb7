//! Reading past the queue: for a write that is about to be sent.

use std::sync::Arc;

use runbook_core::facts::Answer;
use runbook_core::{CloudError, Query};
use tokio::time::Instant;

use super::entry::Moment;
use super::flight::Shared;
use super::group::Group;
use super::interrupted;
use super::read::Reader;
use super::state::{Flight, State};

impl Shared {
    /// Reads the answer to one question at once, past those that wait for theirs, as soon as the budget admits it. Returns when the
    /// read began as well.
    pub(super) async fn read_directly(self: &Arc<Self>, query: &Query) -> Result<(Answer, Instant), CloudError> {
        let group = Group::of(query);
        self.door.admit(group.scope(), group.api(), false).await;
        let flight = self.state().direct(query, self.now());
        // Once: what has been written before it waits to be told.
        let reader = Reader::new(&self.door, &group, self.options.call_timeout).once_each();
        let mut answers = reader.batch(&flight.members).await?;
        let Some(answer) = answers.pop() else { return Err(interrupted(query)) };
        self.settle(&flight, query, Ok(answer.clone()));
        Ok((answer, flight.read_at.at))
    }
}

impl State {
    /// A call for one question that was not queued: who sends it keeps the answer with [`State::settle`].
    pub(super) fn direct(&mut self, query: &Query, now: Moment) -> Flight {
        self.tick += 1;
        let member =
            self.entries.get_key_value(query).map_or_else(|| Arc::new(query.clone()), |(key, _)| Arc::clone(key));
        let group = Arc::new(Group::of(query));
        Flight { id: self.tick, began: self.tick, read_at: now, group, members: vec![member], list_pages: None }
    }

    /// The last good answer and when its read began, even if something was written after it.
    pub(super) fn last(&self, query: &Query) -> Option<(Answer, Instant)> {
        let kept = self.entries.get(query)?.kept.as_ref()?;
        Some((kept.answer.clone(), kept.read_at.at))
    }
}
