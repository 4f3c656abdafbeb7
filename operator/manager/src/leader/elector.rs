//! Takes the Lease, keeps it, gives it back.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use runbook_aws::Clock;
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{info, warn};

use super::leadership::Leadership;
use super::record::{self, Seen, Verdict};

/// Which Lease, and how it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseOptions {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// Who we are: the pod's name. A record with our own name that this process did not write is another's: an earlier
    /// process of the same pod may have had a write in flight.
    pub identity: String,
    /// How long a successor waits. Whole seconds.
    pub duration: Duration,
    /// How often it is renewed.
    pub renew_interval: Duration,
}

impl LeaseOptions {
    /// How long after a renewal was sent we lead: a little less than others wait, for clocks that do not run alike.
    pub(crate) fn ours(&self) -> Duration {
        self.duration - self.duration / 10
    }
}

/// Why the Lease is no longer ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It could not be renewed in time.
    Expired,
    /// Somebody else wrote it.
    Taken,
}

/// The Lease as we last wrote it.
#[derive(Debug)]
pub struct Held {
    lease: Lease,
    /// What we have tried to write since: an answer that was lost is recognised by it.
    attempted: Vec<LeaseSpec>,
}

impl Held {
    fn new(lease: Lease) -> Self {
        Self { lease, attempted: Vec::new() }
    }

    fn wrote(&self, current: &Lease) -> bool {
        current.spec == self.lease.spec || self.attempted.iter().any(|spec| current.spec.as_ref() == Some(spec))
    }
}

/// Takes the Lease, keeps it, gives it back.
pub struct Elector {
    api: Api<Lease>,
    options: LeaseOptions,
    clock: Arc<dyn Clock>,
    leadership: Arc<Leadership>,
}

enum Attempt {
    Took(Box<Held>),
    Wait(Instant),
}

impl Elector {
    /// An elector that moves `leadership`.
    pub fn new(client: Client, options: LeaseOptions, clock: Arc<dyn Clock>, leadership: Arc<Leadership>) -> Self {
        Self { api: Api::namespaced(client, &options.namespace), options, clock, leadership }
    }

    /// Waits until the Lease is ours, however long that takes and whatever fails meanwhile. A Lease that was `lost` and that nobody
    /// took since is taken again at once: the writes that others would wait for were our own, and are over.
    pub async fn acquire(&self, lost: Option<&Held>) -> Held {
        let mut seen = None;
        let mut tried: Option<(LeaseSpec, Instant)> = None;
        loop {
            let began = Instant::now();
            let retry = began + self.options.renew_interval;
            let wake = match timeout_at(retry, self.attempt(lost, &mut seen, &mut tried)).await {
                Ok(Ok(Attempt::Took(held))) => {
                    info!(identity = self.options.identity, lease = self.options.name, "leading");
                    return *held;
                }
                Ok(Ok(Attempt::Wait(until))) => until.min(retry),
                Ok(Err(error)) => {
                    warn!(%error, lease = self.options.name, "the lease could not be read or written; trying again");
                    retry
                }
                Err(_) => {
                    warn!(
                        lease = self.options.name,
                        "the API server did not answer about the lease in time; trying again"
                    );
                    retry
                }
            };
            sleep_until(wake).await;
        }
    }

    async fn attempt(
        &self,
        lost: Option<&Held>,
        seen: &mut Option<Seen>,
        tried: &mut Option<(LeaseSpec, Instant)>,
    ) -> Result<Attempt, kube::Error> {
        let Some(current) = self.api.get_opt(&self.options.name).await? else {
            if let Verdict::HeldUntil(until) = record::judge_missing(seen, Instant::now()) {
                return Ok(Attempt::Wait(until));
            }
            let spec = record::taken(None, &self.options.identity, self.options.duration, self.clock.now());
            let metadata = ObjectMeta {
                name: Some(self.options.name.clone()),
                namespace: Some(self.options.namespace.clone()),
                ..ObjectMeta::default()
            };
            let lease = Lease { metadata, spec: Some(spec.clone()) };
            return self.took(spec, tried, self.api.create(&PostParams::default(), &lease)).await;
        };
        // Ours after all: only the answer was lost.
        if let Some((spec, sent)) = tried.as_ref()
            && current.spec.as_ref() == Some(spec)
        {
            self.leadership.extend(*sent + self.options.ours());
            return Ok(Attempt::Took(Box::new(Held::new(current))));
        }
        let verdict = match lost {
            Some(lost) if lost.wrote(&current) => Verdict::Free,
            _ => record::judge(&current, seen, Instant::now(), self.options.duration),
        };
        match verdict {
            Verdict::HeldUntil(until) => Ok(Attempt::Wait(until)),
            Verdict::Free => {
                let spec = record::taken(
                    current.spec.as_ref(),
                    &self.options.identity,
                    self.options.duration,
                    self.clock.now(),
                );
                let lease = Lease { spec: Some(spec.clone()), ..current };
                self.took(spec, tried, self.api.replace(&self.options.name, &PostParams::default(), &lease)).await
            }
        }
    }

    async fn took(
        &self,
        spec: LeaseSpec,
        tried: &mut Option<(LeaseSpec, Instant)>,
        write: impl Future<Output = Result<Lease, kube::Error>>,
    ) -> Result<Attempt, kube::Error> {
        let sent = Instant::now();
        *tried = Some((spec, sent));
        match write.await {
            Ok(lease) => {
                self.leadership.extend(sent + self.options.ours());
                Ok(Attempt::Took(Box::new(Held::new(lease))))
            }
            // Another was quicker: look again.
            Err(error) if is_conflict(&error) => {
                *tried = None;
                Ok(Attempt::Wait(sent + self.options.renew_interval))
            }
            Err(error) => Err(error),
        }
    }

    /// Renews the Lease until it is lost. May be dropped and called again at any point.
    pub async fn hold(&self, held: &mut Held) -> Lost {
        let lost = self.renew_until_lost(held).await;
        self.leadership.end();
        warn!(?lost, lease = self.options.name, "no longer leading");
        lost
    }

    async fn renew_until_lost(&self, held: &mut Held) -> Lost {
        let mut next = Instant::now() + self.options.renew_interval;
        loop {
            let Some(expires) = self.leadership.until() else { return Lost::Expired };
            sleep_until(next.min(expires)).await;
            let sent = Instant::now();
            if sent >= expires {
                return Lost::Expired;
            }
            next = sent + self.options.renew_interval;
            match timeout_at(next.min(expires), self.renew(held)).await {
                Ok(Ok(true)) => self.leadership.extend(sent + self.options.ours()),
                Ok(Ok(false)) => return Lost::Taken,
                Ok(Err(error)) => {
                    warn!(%error, lease = self.options.name, "the lease could not be renewed; trying again")
                }
                Err(_) => {
                    warn!(lease = self.options.name, "the API server did not answer a renewal in time; trying again")
                }
            }
        }
    }

    /// Whether the Lease is still ours, and renewed.
    async fn renew(&self, held: &mut Held) -> Result<bool, kube::Error> {
        let spec = record::renewed(&held.lease.spec.clone().unwrap_or_default(), self.clock.now());
        self.write(held, spec).await
    }

    /// Writes the record over our own. False when it is another's by now.
    async fn write(&self, held: &mut Held, spec: LeaseSpec) -> Result<bool, kube::Error> {
        // Twice: after an answer that was lost, or an edit of its metadata, the Lease is ours under another resourceVersion.
        for _ in 0..2 {
            let lease = Lease { metadata: held.lease.metadata.clone(), spec: Some(spec.clone()) };
            held.attempted.push(spec.clone());
            match self.api.replace(&self.options.name, &PostParams::default(), &lease).await {
                Ok(lease) => {
                    *held = Held::new(lease);
                    return Ok(true);
                }
                Err(error) if is_conflict(&error) || is_missing(&error) => {}
                Err(error) => return Err(error),
            }
            let Some(current) = self.api.get_opt(&self.options.name).await? else { return Ok(false) };
            if !held.wrote(&current) {
                return Ok(false);
            }
            *held = Held::new(current);
        }
        Ok(false)
    }

    /// Gives the Lease back, so that another may lead at once. To be called when no write is under way any more.
    pub async fn release(&self, mut held: Held) {
        self.leadership.end();
        let spec = record::released(&held.lease.spec.clone().unwrap_or_default(), self.clock.now());
        let deadline = Instant::now() + self.options.renew_interval;
        match timeout_at(deadline, self.write(&mut held, spec)).await {
            Ok(Ok(true)) => info!(lease = self.options.name, "lease given back"),
            Ok(Ok(false)) => info!(lease = self.options.name, "the lease was already another's"),
            Ok(Err(error)) => {
                warn!(%error, lease = self.options.name, "the lease could not be given back; it lapses by itself")
            }
            Err(_) => warn!(lease = self.options.name, "the API server did not answer; the lease lapses by itself"),
        }
    }
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}
