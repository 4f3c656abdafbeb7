//! What every reconcile works with, while this process leads.

use std::sync::Arc;

use kube::Client;
use runbook_aws::{Clock, Plane, Queues};

use crate::accounts::Accounts;
use crate::asking::Asking;
use crate::events::Events;
use crate::leader::Leadership;
use crate::listening::Hearing;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::radius::Radius;
use crate::runner::memory::Memory;
use crate::slots::Slots;
use crate::stores::Stores;
use crate::warmup::Warmup;

/// What every reconcile works with.
pub struct Context {
    /// The API server, to write to.
    pub client: Client,
    /// The API server's objects, to read.
    pub stores: Arc<Stores>,
    /// The way into AWS.
    pub accounts: Arc<Accounts>,
    /// AWS, to read and, with an executor, to write.
    pub plane: Arc<Plane>,
    /// Restored databases, to ask.
    pub asking: Arc<Asking>,
    /// AWS's own telling.
    pub queues: Arc<dyn Queues>,
    /// How its queues do.
    pub hearing: Arc<Hearing>,
    /// Until when this process leads.
    pub leadership: Arc<Leadership>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How the operator works.
    pub options: Arc<Options>,
    /// What is measured.
    pub metrics: Metrics,
    /// What is remembered of objects.
    pub memory: Arc<Memory>,
    /// Takes events.
    pub events: Events,
    /// How many objects are worked on at a time.
    pub slots: Slots,
    /// How many targets have been changed of late.
    pub radius: Radius,
    /// When the first writes may be made.
    pub warmup: Warmup,
}
