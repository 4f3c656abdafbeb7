//! The whole operator: stores, leader, controllers, put together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kube::Client;
use runbook_aws::{Clock, Cloud, Connections, Plane, PlaneOptions, Queues};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use crate::accounts::Accounts;
use crate::asking::{Asking, Databases};
use crate::context::Context;
use crate::controllers;
use crate::errors::OperatorError;
use crate::events::Events;
use crate::health::{self, Health};
use crate::leader::{Elector, Leadership};
use crate::listening::Hearing;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::radius::Radius;
use crate::runner::memory::Memory;
use crate::slots::Slots;
use crate::stores::Stores;
use crate::tasks::Owned;
use crate::warmup::Warmup;

/// How long events that still wait are published when a process stops leading.
const EVENTS_GRACE: Duration = Duration::from_secs(2);

/// The operator, with everything that the world is to it: Kubernetes, AWS, time.
pub struct Operator {
    /// The API server.
    pub client: Client,
    /// AWS.
    pub cloud: Arc<dyn Cloud>,
    /// Told which accounts there are and how they are reached; usually the same as `cloud`.
    pub connections: Arc<dyn Connections>,
    /// The queues by which AWS tells of changes; usually the same as `cloud`.
    pub queues: Arc<dyn Queues>,
    /// Restored databases.
    pub databases: Arc<dyn Databases>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How it works.
    pub options: Options,
    /// What is measured.
    pub metrics: Metrics,
}

/// What stays while leadership comes and goes.
struct Rooms {
    client: Client,
    stores: Arc<Stores>,
    accounts: Arc<Accounts>,
    plane: Arc<Plane>,
    asking: Arc<Asking>,
    queues: Arc<dyn Queues>,
    leadership: Arc<Leadership>,
    clock: Arc<dyn Clock>,
    options: Arc<Options>,
    metrics: Metrics,
    memory: Arc<Memory>,
}

/// Why leading has ended.
enum Ended {
    /// What was under way has ended, and the Lease can be given back.
    Drained,
    /// It has not ended in time: the Lease is left to lapse.
    Abandoned,
    /// The Lease was lost.
    Lost,
}

impl Operator {
    /// Runs until `shutdown`, then ends what is under way and gives the Lease back. When the future is dropped, everything
    /// stops where it is, as if the process had been killed.
    ///
    /// A process that loses the Lease goes back to waiting for it rather than ending: its stores stay warm, no write can start
    /// meanwhile, and what it had read of AWS is not believed when it leads again.
    ///
    /// # Errors
    /// What made it end by itself.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), OperatorError> {
        self.options.check()?;
        let leadership = Arc::new(Leadership::default());
        let (stores, mut watches) = Stores::watch(&self.client, &self.metrics);
        let health = Arc::new(Health {
            synced: AtomicBool::new(false),
            leadership: leadership.clone(),
            stores: stores.clone(),
            metrics: self.metrics.clone(),
        });
        let mut server = match self.options.listen {
            Some(address) => Owned::spawn(health::serve(health::bind(address).await?, health.clone())),
            None => Owned::spawn(std::future::pending()),
        };
        let elector =
            Elector::new(self.client.clone(), self.options.lease.clone(), self.clock.clone(), leadership.clone());
        let rooms = self.rooms(stores, leadership);
        tokio::pin!(shutdown);
        tokio::select! {
            result = rooms.work(&elector, &health, shutdown) => result,
            error = watches.ended() => Err(error),
            result = &mut server => Err(OperatorError::Ended { part: "the HTTP server", why: format!("{result:?}") }),
        }
    }

    fn rooms(self, stores: Arc<Stores>, leadership: Arc<Leadership>) -> Rooms {
        let plane_options = PlaneOptions { resync: self.options.resync, ..PlaneOptions::default() };
        let plane = Plane::new(self.cloud, self.clock.clone(), plane_options, self.metrics.aws.clone());
        let custom = self.options.allow_custom_endpoints;
        let accounts = Accounts::new(stores.accounts.clone(), self.connections, plane.clone(), custom);
        Rooms {
            client: self.client,
            stores,
            accounts: Arc::new(accounts),
            plane,
            asking: Arc::new(Asking::new(self.databases)),
            queues: self.queues,
            leadership,
            clock: self.clock,
            options: Arc::new(self.options),
            metrics: self.metrics,
            memory: Arc::default(),
        }
    }
}

impl Rooms {
    async fn work(
        &self,
        elector: &Elector,
        health: &Health,
        mut shutdown: std::pin::Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), OperatorError> {
        tokio::select! {
            ready = self.stores.ready() => ready?,
            () = &mut shutdown => return Ok(()),
        }
        health.synced.store(true, Ordering::Release);
        info!(accounts = self.stores.accounts.store().len(), policies = self.stores.policies.store().len(), "synced");
        let mut lost = None;
        loop {
            let mut held = tokio::select! {
                held = elector.acquire(lost.as_ref()) => held,
                () = &mut shutdown => return Ok(()),
            };
            match self.lead(elector, &mut held, shutdown.as_mut()).await? {
                Ended::Drained => {
                    elector.release(held).await;
                    return Ok(());
                }
                Ended::Abandoned => {
                    warn!("what was under way has not ended in time; the lease is left to lapse");
                    return Ok(());
                }
                Ended::Lost => lost = Some(held),
            }
        }
    }

    /// Runs the controllers while the Lease is held.
    async fn lead(
        &self,
        elector: &Elector,
        held: &mut crate::leader::Held,
        mut shutdown: std::pin::Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Ended, OperatorError> {
        let (events, publisher) = Events::new(self.client.clone(), &self.options.lease.identity);
        let publisher = Owned::spawn(publisher.run());
        let (stop, stopped) = watch::channel(false);
        let mut controllers = Box::pin(controllers::run(self.context(events), stopped));
        let lost = tokio::select! {
            _ = elector.hold(held) => true,
            () = &mut shutdown => false,
            () = &mut controllers => {
                return Err(OperatorError::Ended { part: "a controller", why: "its stream ended".into() });
            }
        };
        info!(lost, "taking nothing new; what is under way ends");
        stop.send_replace(true);
        let mut drain = Box::pin(timeout(self.options.grace, &mut controllers));
        // Without the Lease no write can start any more; what was written is still reported.
        let ended = if lost {
            let _ = drain.await;
            Ended::Lost
        } else {
            tokio::select! {
                drained = &mut drain => if drained.is_ok() { Ended::Drained } else { Ended::Abandoned },
                _ = elector.hold(held) => {
                    let _ = drain.await;
                    Ended::Abandoned
                }
            }
        };
        drop(controllers);
        let _ = timeout(EVENTS_GRACE, publisher).await;
        Ok(ended)
    }

    fn context(&self, events: Events) -> Arc<Context> {
        self.accounts.doubt_everything();
        let uids = self.stores.uids();
        self.memory.retain(&uids);
        self.plane.expect(controllers::expected::count(&self.stores));
        Arc::new(Context {
            client: self.client.clone(),
            stores: self.stores.clone(),
            accounts: self.accounts.clone(),
            plane: self.plane.clone(),
            asking: self.asking.clone(),
            queues: self.queues.clone(),
            hearing: Arc::new(Hearing::new(self.metrics.clone())),
            leadership: self.leadership.clone(),
            clock: self.clock.clone(),
            options: self.options.clone(),
            metrics: self.metrics.clone(),
            memory: self.memory.clone(),
            events,
            slots: Slots::new(self.options.concurrency),
            radius: Radius::default(),
            warmup: Warmup::new(uids, Instant::now()),
        })
    }
}
