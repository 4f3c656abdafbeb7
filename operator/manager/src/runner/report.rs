//! Writes what there is to say, where it says something new.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Api, ResourceExt};
use runbook_api::common::condition::STALLED;
use runbook_aws::Freshness;
use runbook_core::report::coalesce::{Due, due};
use runbook_core::report::reason::is_claimed;
use runbook_core::report::requeue::{Ended, after, is_soon};
use runbook_core::report::{Act, Outcome, Summary};
use runbook_core::{CloudError, Step};
use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::kind::{Kind, Reported};
use super::observe::Seen;
use super::{End, Runner, Turn, failure};
use crate::status::{self, Written};

/// The wait before what was done is told again, when the operator ends.
const UNTOLD_AT_THE_END: Duration = Duration::from_secs(1);

/// Statuses written at a time when the operator ends.
const TOLD_AT_ONCE: usize = 16;

/// What there is to say.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub outcome: &'a Outcome,
    pub seen: &'a Seen,
    /// Steps that are planned and not made.
    pub pending: &'a [Step],
    /// Steps that were made or tried.
    pub acts: &'a [Act],
    /// The write that failed.
    pub error: Option<&'a CloudError>,
}

impl<'a> Said<'a> {
    /// Nothing was made.
    pub(super) fn of_plan(outcome: &'a Outcome, seen: &'a Seen) -> Self {
        Self { outcome, seen, pending: &seen.plan.steps, acts: &[], error: None }
    }
}

impl<K: Kind> Runner<K> {
    pub(super) fn summary<'a>(&self, turn: &'a Turn<K>, said: &Said<'a>, acts: &'a [Act]) -> Summary<'a> {
        Summary {
            outcome: said.outcome,
            findings: &said.seen.plan.findings,
            generation: turn.object.meta().generation,
            pending: said.pending,
            acts,
            requested: turn.requested(),
            facts: &said.seen.facts,
            now: turn.now,
            intent: said.seen.plan.intent.as_deref(),
            queues: &said.seen.plan.queues,
            untold: false,
            progress: said.seen.plan.progress.as_deref(),
            outlook: said.seen.plan.outlook.as_deref(),
        }
    }

    /// Says what came of the turn about `object` (the turn's, or what the claim made of it), and lets it go where it may.
    pub(super) async fn report(&self, turn: &Turn<K>, object: &Arc<K>, said: Said<'_>) -> End {
        if turn.is_being_deleted() {
            self.farewell(turn, object, said).await
        } else {
            self.write(turn, object, said).await
        }
    }

    /// Writes the status of `object` and says when to look again.
    pub(super) async fn write(&self, turn: &Turn<K>, object: &Arc<K>, said: Said<'_>) -> End {
        // Those that a claim of this turn has reported are no longer remembered.
        let remembered = self.context.memory.of(&turn.uid);
        let acts: Vec<Act> = remembered.unreported.iter().chain(said.acts).cloned().collect();
        let summary = self.summary(turn, &said, &acts);
        let (mut numbers_at, mut settles_at, mut wrote) = (None, None, false);
        let (mut attempts, mut another_leads, mut still_untold) = (0, false, false);
        let mut merge = |next: &mut K| {
            attempts += 1;
            // What another leader has written since is newer than what there is to say here.
            another_leads = attempts > 1 && !self.context.leadership.is_leader();
            if another_leads {
                return false;
            }
            let previous = next.status().cloned();
            let before = previous.clone().unwrap_or_default();
            let untold = remembered.is_untold(&before);
            let status = next.report(&before, &Summary { untold, ..summary });
            // An outage leaves the claim of another where it is: it is still to be told of.
            still_untold = untold && is_claimed(status.conditions());
            let due = due(previous.as_ref(), &status, remembered.written, turn.now);
            numbers_at = if let Due::At(time) = due { Some(time) } else { None };
            settles_at = K::settles_at(&status, turn.now);
            *next.status_mut() = Some(status);
            wrote |= due == Due::Now;
            due == Due::Now
        };
        let api = object.api(self.context.client.clone());
        match self.tell(&api, object, !acts.is_empty(), &mut merge).await {
            Written::Yes(_) if another_leads => {
                self.context.memory.update(&turn.uid, |remembered| remembered.unreported = acts);
                End { label: "NotLeader", wait: self.context.options.lease.renew_interval }
            }
            Written::Yes(written) => {
                let planned = written.status().and_then(Reported::plan).cloned();
                if wrote {
                    self.context.metrics.status_written(K::KIND, "Written");
                    self.announce(turn, &written, said.outcome);
                    K::reflected(&self.context).wrote(Arc::new(*written));
                }
                if !still_untold {
                    self.context.memory.update(&turn.uid, |remembered| remembered.planned = planned);
                }
                let next_at = [said.seen.plan.next_at, settles_at].into_iter().flatten().min();
                self.ended(turn, said, wrote, next_at, numbers_at)
            }
            Written::Gone => End::gone(self.context.options.resync),
            other => {
                let outcome = if let Written::Conflict(_) = other { "Conflict" } else { "Failed" };
                self.context.metrics.status_written(K::KIND, outcome);
                match other {
                    Written::Failed(error) => warn!(%error, "the status could not be written; it is tried again"),
                    _ => debug!("the status changes faster than it can be written; it is tried again"),
                }
                self.context.memory.update(&turn.uid, |remembered| remembered.unreported = acts);
                self.try_again(turn, "ReportFailed")
            }
        }
    }

    /// Adds what was done and could not be reported to the histories: no later reconcile will do it.
    pub async fn tell_the_rest(&self) {
        let untold = self.context.memory.untold();
        let is_untold = |object: &K| object.uid().is_some_and(|uid| untold.contains(&uid));
        let objects = K::reflected(&self.context).store().state_filter(is_untold);
        stream::iter(objects)
            .for_each_concurrent(TOLD_AT_ONCE, async |object: Arc<K>| {
                let uid = object.uid().unwrap_or_default();
                let acts = self.context.memory.of(&uid).unreported;
                let mut merge = |next: &mut K| {
                    let mut status = next.status().cloned().unwrap_or_default();
                    status.remember(&acts);
                    *next.status_mut() = Some(status);
                    true
                };
                let api = object.api(self.context.client.clone());
                if let Written::Yes(_) = self.tell(&api, &object, true, &mut merge).await {
                    self.context.memory.update(&uid, |remembered| remembered.unreported.clear());
                }
            })
            .await;
    }

    /// Merges what there is to say into the status. Where acts are to be told and no later reconcile will do it, again and again:
    /// the time for ending sets the limit.
    async fn tell(
        &self,
        api: &Api<K>,
        object: &Arc<K>,
        acted: bool,
        merge: &mut (impl FnMut(&mut K) -> bool + Send),
    ) -> Written<K> {
        loop {
            let written = status::merge(api, &**object, &mut *merge).await;
            let refused = matches!(written, Written::Failed(_) | Written::Conflict(_));
            if !(refused && acted && self.context.slots.is_closed()) {
                return written;
            }
            warn!(?written, "the status with what was done could not be written; it is tried again before the end");
            sleep(UNTOLD_AT_THE_END).await;
        }
    }

    fn ended(
        &self,
        turn: &Turn<K>,
        said: Said<'_>,
        wrote: bool,
        next_at: Option<Timestamp>,
        numbers_at: Option<Timestamp>,
    ) -> End {
        let failed = turn.failed(said.error.map(|error| error.class).or_else(|| failure(said.seen)));
        let acted = !said.acts.is_empty();
        let mut acts = 0;
        self.context.memory.update(&turn.uid, |remembered| {
            remembered.failures = failed.map_or(0, |(_, failures)| failures);
            remembered.outdated = match (&failed, acted) {
                // What was asked for is still owed.
                (Some(_), _) => turn.freshness().max(Freshness::Moving),
                (None, false) if said.seen.asked().is_empty() => turn.freshness(),
                (None, true) => Freshness::Moving,
                (None, false) => Freshness::WithinResync,
            };
            remembered.acts = if acted { remembered.acts.saturating_add(1) } else { 0 };
            acts = remembered.acts;
            remembered.untold = 0;
            if wrote {
                remembered.unreported.clear();
                remembered.written = Some(turn.now);
            }
        });
        let resync = self.context.options.resync;
        let is_soon = next_at.is_some_and(|at| is_soon(at, resync, turn.seed, turn.now));
        // What moves by itself is read again at a time that the plan names, and where a person must act, who may have done so by the next
        // look; the rest is believed as usual.
        if is_soon || matches!(said.outcome, Outcome::Stalled { .. }) {
            for query in said.seen.asked().iter().filter(|query| query.moves_by_itself()) {
                self.context.plane.invalidate(query);
            }
        }
        let ended = Ended { acts, failed, next_at, numbers_at };
        let wait = after(&ended, resync, turn.seed, turn.now);
        End { label: label(said.outcome), wait }
    }

    /// Logs what is new, and publishes that a person must act, or need no longer.
    fn announce(&self, turn: &Turn<K>, written: &K, outcome: &Outcome) {
        let stalled = |conditions: &[Condition]| {
            let stalled = conditions.iter().find(|condition| condition.type_ == STALLED && condition.status == "True");
            stalled.map(|condition| (condition.reason.clone(), condition.message.clone()))
        };
        let before = stalled(turn.status.conditions());
        let after = written.status().and_then(|status| stalled(status.conditions()));
        let about = || turn.object.object_ref(&());
        match (&before, &after) {
            (before, Some((reason, message))) if before.as_ref().is_none_or(|(before, _)| before != reason) => {
                warn!(reason, why = message, "stalled");
                self.context.events.stalled(about(), reason, message);
            }
            (Some((reason, _)), None) => {
                info!(was = reason, "no longer stalled");
                self.context.events.recovered(about());
            }
            _ => debug!(outcome = label(outcome), "reported"),
        }
    }
}

fn label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::InSync => "InSync",
        Outcome::Working { .. } => "Working",
        Outcome::Unavailable { .. } => "Unavailable",
        Outcome::Stalled { .. } => "Stalled",
        Outcome::Held { .. } => "Held",
    }
}
