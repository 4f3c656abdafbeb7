//! A bucket that callers wait at: writes before reads, each in the order of their coming.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::tokens::Tokens;

/// So many writes are served before a read that waits: no write is planned without reads, so reads must not starve.
const WRITES_IN_A_ROW: u32 = 4;

pub(super) struct Bucket {
    origin: Instant,
    queue: Mutex<Queue>,
}

struct Queue {
    tokens: Tokens,
    writes: VecDeque<Arc<Notify>>,
    reads: VecDeque<Arc<Notify>>,
    /// Writes served since the last read while reads waited.
    in_a_row: u32,
}

impl Queue {
    fn first(&self) -> Option<&Arc<Notify>> {
        match (self.writes.front(), self.reads.front()) {
            (Some(_), Some(read)) if self.in_a_row >= WRITES_IN_A_ROW => Some(read),
            (Some(write), _) => Some(write),
            (None, read) => read,
        }
    }

    fn served(&mut self, write: bool) {
        self.in_a_row = if write && !self.reads.is_empty() { self.in_a_row + 1 } else { 0 };
    }

    fn wake_first(&self) {
        if let Some(first) = self.first() {
            first.notify_one();
        }
    }
}

/// A place in the queue, left when dropped: a caller that gave up holds nobody up.
struct Ticket<'b> {
    bucket: &'b Bucket,
    write: bool,
    turn: Arc<Notify>,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut queue = self.bucket.lock();
        let line = if self.write { &mut queue.writes } else { &mut queue.reads };
        line.retain(|turn| !Arc::ptr_eq(turn, &self.turn));
        queue.wake_first();
    }
}

impl Bucket {
    pub(super) fn new(rate: f64) -> Self {
        let queue = Queue { tokens: Tokens::new(rate), writes: VecDeque::new(), reads: VecDeque::new(), in_a_row: 0 };
        Self { origin: Instant::now(), queue: Mutex::new(queue) }
    }

    /// Waits for a token.
    pub(super) async fn take(&self, write: bool) {
        let ticket = Ticket { bucket: self, write, turn: Arc::new(Notify::new()) };
        {
            let mut queue = self.lock();
            let line = if write { &mut queue.writes } else { &mut queue.reads };
            line.push_back(Arc::clone(&ticket.turn));
        }
        loop {
            match self.try_take(&ticket) {
                Turn::Taken => return,
                Turn::Due(wait) => {
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = ticket.turn.notified() => {}
                    }
                }
                Turn::Behind => ticket.turn.notified().await,
            }
        }
    }

    pub(super) fn give_back(&self) {
        let mut queue = self.lock();
        queue.tokens.give_back();
        queue.wake_first();
    }

    pub(super) fn lower(&self) {
        let now = self.origin.elapsed();
        self.lock().tokens.lower(now);
    }

    pub(super) fn set_rate(&self, rate: f64) {
        let now = self.origin.elapsed();
        let mut queue = self.lock();
        queue.tokens.set_rate(rate, now);
        queue.wake_first();
    }

    fn try_take(&self, ticket: &Ticket<'_>) -> Turn {
        let now = self.origin.elapsed();
        let mut queue = self.lock();
        if !queue.first().is_some_and(|first| Arc::ptr_eq(first, &ticket.turn)) {
            return Turn::Behind;
        }
        match queue.tokens.take(now) {
            Ok(()) => {
                queue.served(ticket.write);
                Turn::Taken
            }
            Err(wait) => Turn::Due(wait),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Turn {
    Taken,
    Due(Duration),
    Behind,
}
