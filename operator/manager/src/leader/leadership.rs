//! What a process knows by its own clock: until when it leads.

use std::time::Duration;

use runbook_aws::WriteGuard;
use tokio::sync::watch;
use tokio::time::Instant;

/// Until when this process leads. Shared by the elector, which moves it, and by everything that writes to AWS.
#[derive(Debug)]
pub struct Leadership {
    until: watch::Sender<Option<Instant>>,
}

impl Default for Leadership {
    fn default() -> Self {
        Self { until: watch::Sender::new(None) }
    }
}

impl Leadership {
    /// Whether this process leads now.
    pub fn is_leader(&self) -> bool {
        !self.time_left().is_zero()
    }

    pub(super) fn extend(&self, until: Instant) {
        self.until.send_replace(Some(until));
    }

    pub(super) fn end(&self) {
        self.until.send_replace(None);
    }

    pub(super) fn until(&self) -> Option<Instant> {
        *self.until.borrow()
    }
}

impl WriteGuard for Leadership {
    fn time_left(&self) -> Duration {
        self.until().map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }
}
