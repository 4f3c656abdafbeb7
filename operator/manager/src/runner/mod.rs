//! One reconcile, the same for every kind:
//!
//! ```text
//! prepare ─► observe ⇄ plan ─► claim ─► execute ─► report
//!    └────────────┴──────────────────────────────────┘ (nothing to write, or something is wrong)
//! ```
//!
//! Nothing is decided here: `prepare`, `plan` and `report` are the kind's, from `runbook-core`. What is kept here is the order:
//! each write to AWS follows a fresh read and a claim on the object, and a status is written on success and on failure.

mod act;
mod create;
mod deletion;
pub mod kind;
pub mod memory;
mod observe;
mod report;
mod standing;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt};
use runbook_api::{AwsAccount, RECONCILE_REQUESTED_AT};
use runbook_aws::Freshness;
use runbook_core::backoff::{self, seed_of};
use runbook_core::deletion::is_guarded;
use runbook_core::report::{Hold, Outcome, requeue, summary};
use runbook_core::{ErrorClass, Facts, Finding, Plan, Step};
use tokio::time::Instant;
use tracing::{Instrument, debug, info_span, warn};

use self::kind::{Kind, Prepared, Reported};
use self::memory::Remembered;
use self::observe::{Seen, observe};
use self::report::Said;
use self::standing::Standing;
use crate::context::Context;
use crate::removal;
use crate::slots::Slot;
use crate::status;

/// Reconciles the objects of one kind.
pub struct Runner<K> {
    context: Arc<Context>,
    kind: PhantomData<fn() -> K>,
}

/// One reconcile of one object.
#[derive(Clone)]
struct Turn<K: Kind> {
    object: Arc<K>,
    status: K::Status,
    uid: String,
    seed: u64,
    now: Timestamp,
    began: Instant,
    remembered: Remembered,
}

/// How a reconcile ended, as the metrics name it, and when to look again: always, because a change may be missed.
struct End {
    label: &'static str,
    wait: Duration,
}

impl End {
    fn at_once(label: &'static str) -> Self {
        Self { label, wait: Duration::ZERO }
    }

    /// The API server says that the object is gone. If it is, this look is dropped; a 404 can also be a proxy's.
    fn gone(resync: Duration) -> Self {
        Self { label: "Gone", wait: resync }
    }
}

impl<K: Kind> Runner<K> {
    /// A runner within this context.
    pub fn new(context: Arc<Context>) -> Self {
        Self { context, kind: PhantomData }
    }

    /// Everything that the runner works with.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Brings one object in line with AWS, as far as that goes now.
    pub async fn reconcile(&self, object: Arc<K>) -> Action {
        let Some(_slot) = self.slot(&object).await else { return Action::requeue(self.context.options.resync) };
        // Boxed: thousands may wait for a slot, and a turn is large.
        Box::pin(self.reconcile_now(object)).await
    }

    /// Waits until the object may be worked on.
    async fn slot(&self, object: &Arc<K>) -> Option<Slot> {
        let news = object.status().is_none_or(|status| {
            let requested = object.annotations().get(RECONCILE_REQUESTED_AT).map(String::as_str);
            object.meta().generation != status.observed_generation()
                || summary::is_requested(requested, status.last_handled())
        });
        self.context.slots.take(&object.account_name(), news).await
    }

    async fn reconcile_now(&self, object: Arc<K>) -> Action {
        let object = K::reflected(&self.context).newest(object);
        if object.meta().deletion_timestamp.is_some() && !is_guarded(object.meta()) {
            self.context.warmup.observed(&object.uid().unwrap_or_default(), Instant::now());
            return Action::await_change();
        }
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let generation = object.meta().generation.unwrap_or_default();
        let span = info_span!("reconcile", kind = K::KIND, namespace, object = name, generation);
        let started = Instant::now();
        let end = self.run(object.clone()).instrument(span).await;
        self.context.metrics.reconciled(K::KIND, end.label, started.elapsed());
        Action::requeue(self.until_it_goes(&object, end.wait))
    }

    /// The object is gone: nothing of it is remembered, and nothing about it is read ahead.
    pub fn forget(&self, object: &K) {
        let Some(uid) = object.uid() else { return };
        self.context.warmup.observed(&uid, Instant::now());
        let asked = self.context.memory.forget(&uid).asked;
        // What a rival asks for too is still wanted.
        if K::reflected(&self.context).rivals(object).is_empty() {
            for query in &asked {
                self.context.plane.forget(query);
            }
        }
    }

    async fn run(&self, object: Arc<K>) -> End {
        let uid = object.uid().unwrap_or_default();
        let turn = Turn {
            status: object.status().cloned().unwrap_or_default(),
            seed: seed_of(&uid),
            now: self.context.clock.now(),
            began: Instant::now(),
            remembered: self.context.memory.begin(&uid),
            uid,
            object,
        };
        self.context.radius.recall(&*turn.object, &self.context, turn.now);
        if let Some(end) = self.nothing_to_undo(&turn).await {
            return end;
        }
        if turn.object.has_ended() && !turn.is_being_deleted() {
            self.context.warmup.observed(&turn.uid, Instant::now());
            return self.ended_run(&turn).await;
        }
        if turn.object.is_suspended() {
            let end = self.say(&turn, &Outcome::Held { hold: Hold::Suspended, pending: 0 }).await;
            // Whoever lets it go on wants to see what has become of AWS meanwhile.
            self.context.memory.update(&turn.uid, |remembered| remembered.outdated = Freshness::Now);
            return end;
        }
        match turn.object.prepare(&self.context) {
            Err(finding) => self.say(&turn, &Outcome::of_finding(&finding)).await,
            Ok(prepared) => self.compare(&turn, &prepared).await,
        }
    }

    /// A run that has ended is not looked at again; one that the operator has made goes when it was there to be read for long enough.
    async fn ended_run(&self, turn: &Turn<K>) -> End {
        let due = turn.object.removed_at().is_some_and(|time| time <= turn.now);
        if due && self.context.leadership.is_leader() {
            removal::remove(&*turn.object, &self.context).await;
        }
        End { label: "Ended", wait: self.context.options.resync }
    }

    /// Compares AWS with the object, and writes what differs where it may.
    async fn compare(&self, turn: &Turn<K>, prepared: &Prepared<K::Input>) -> End {
        let freshness = turn.freshness();
        let mut seen = match observe::<K>(&self.context, prepared, Vec::new(), freshness, turn.now).await {
            Ok(seen) => seen,
            Err(finding) => return self.say(turn, &Outcome::of_finding(&finding)).await,
        };
        self.context.warmup.observed(&turn.uid, Instant::now());
        if self.would_write(prepared, &seen.plan).is_ok_and(|would| would) {
            if !self.context.leadership.is_leader() {
                // The lease may have lapsed for a moment only, and nothing else may ever wake this object.
                return End { label: "NotLeader", wait: self.context.options.lease.renew_interval };
            }
            if let Err(wait) = self.context.warmup.may_write(turn.seed, Instant::now()) {
                debug!(?wait, "the first writes are not made yet");
                return End { label: "WarmingUp", wait };
            }
            // Each write follows a fresh read of its target; what was read in this turn is fresh.
            if freshness != Freshness::Now {
                let fresh = Freshness::Since(turn.began);
                seen = match observe::<K>(&self.context, prepared, seen.asked(), fresh, turn.now).await {
                    Ok(seen) => seen,
                    Err(finding) => return self.say(turn, &Outcome::of_finding(&finding)).await,
                };
            }
        }
        let asked = self.context.plane.shared(seen.asked());
        self.context.memory.update(&turn.uid, |remembered| remembered.asked = asked);
        if let Some(why) = self.standing(turn, prepared).superseded() {
            debug!(why, "superseded");
            return End::at_once("Superseded");
        }
        let guarded = match self.guarded(turn, prepared, &seen).await {
            Ok(guarded) => guarded,
            Err(end) => return end,
        };
        let turn = guarded.as_ref().unwrap_or(turn);
        match self.would_write(prepared, &seen.plan) {
            Ok(true) => match self.confirm_accounts(prepared).await {
                Ok(()) => match self.within_radius(turn, prepared, &mut seen) {
                    Ok(()) => self.act(turn, prepared, &seen).await,
                    Err(finding) => {
                        let outcome = Outcome::of_finding(&finding);
                        self.report(turn, &turn.object, Said::of_plan(&outcome, &seen)).await
                    }
                },
                Err(why) => {
                    warn!(why, "nothing is made");
                    self.try_again(turn, "AccountUnconfirmed")
                }
            },
            Ok(false) => {
                let outcome = Outcome::of_plan(&seen.plan, prepared.hold);
                self.report(turn, &turn.object, Said::of_plan(&outcome, &seen)).await
            }
            Err(finding) => {
                let outcome = Outcome::of_finding(&finding);
                self.report(turn, &turn.object, Said::of_plan(&outcome, &seen)).await
            }
        }
    }

    /// Asks the API server itself whether the accounts still are as the plan took them: a watch that hangs must not hide the stop button,
    /// nor a grant that was taken back.
    async fn confirm_accounts(&self, prepared: &Prepared<K::Input>) -> Result<(), &'static str> {
        for account in std::iter::once(&prepared.account).chain(&prepared.others) {
            self.confirm_account(account).await?;
        }
        Ok(())
    }

    async fn confirm_account(&self, account: &AwsAccount) -> Result<(), &'static str> {
        let api = Api::<AwsAccount>::all(self.context.client.clone());
        let known = &account.metadata;
        match status::bounded(api.get_metadata_opt(&account.name_any())).await {
            Ok(Some(current)) => {
                let current = &current.metadata;
                let same = current.uid == known.uid && current.generation == known.generation;
                same.then_some(()).ok_or("the AwsAccount has changed, and the watch has not told yet")
            }
            Ok(None) => Err("the AwsAccount is gone, and the watch has not told yet"),
            Err(_) => Err("the API server does not say whether the AwsAccount is still the same"),
        }
    }

    /// Counts the change among those of the account within the hour.
    ///
    /// # Errors
    /// A stalled finding when it would be one too many; it is looked at again when it no longer is.
    fn within_radius(&self, turn: &Turn<K>, prepared: &Prepared<K::Input>, seen: &mut Seen) -> Result<(), Finding> {
        let Some(percent) =
            prepared.access.brakes.changed_percent.filter(|_| seen.plan.steps.iter().any(Step::changes_target))
        else {
            return Ok(());
        };
        self.context.radius.admit(&*turn.object, percent, &self.context, turn.now).map_err(|exceeded| {
            seen.plan.wake(exceeded.until);
            exceeded.finding(&turn.object.account_name())
        })
    }

    /// Whether the plan's steps are to be made.
    ///
    /// # Errors
    /// A stalled finding when one of them is not granted.
    fn would_write(&self, prepared: &Prepared<K::Input>, plan: &Plan) -> Result<bool, Finding> {
        let works = matches!(Outcome::of_plan(plan, prepared.hold), Outcome::Working { .. });
        if !works || plan.steps.is_empty() {
            return Ok(false);
        }
        prepared.access.grants.allow_steps(&plan.steps).map(|()| true)
    }

    fn standing(&self, turn: &Turn<K>, prepared: &Prepared<K::Input>) -> Standing<K> {
        Standing {
            context: self.context.clone(),
            object: turn.object.clone(),
            account: prepared.account.clone(),
            input: prepared.input.clone(),
        }
    }

    /// Reports an outcome that needed no look at AWS.
    async fn say(&self, turn: &Turn<K>, outcome: &Outcome) -> End {
        self.context.warmup.observed(&turn.uid, Instant::now());
        let seen = Seen { facts: Facts::default(), plan: Plan::default() };
        self.report(turn, &turn.object, Said::of_plan(outcome, &seen)).await
    }

    /// The API server did not take a status: later, slower each time.
    fn try_again(&self, turn: &Turn<K>, label: &'static str) -> End {
        let untold = turn.remembered.untold.saturating_add(1);
        self.context.memory.update(&turn.uid, |remembered| {
            remembered.untold = untold;
            remembered.outdated = turn.freshness().max(Freshness::Moving);
        });
        End { label, wait: backoff::delay(ErrorClass::Transient, untold, turn.seed) }
    }
}

impl<K: Kind> Turn<K> {
    /// How old what is known of AWS may be. Whoever asks wants to be told what is so now, and what a deletion leaves is never known again.
    /// A new spec changes nothing in AWS, and what was written is invalidated there: beside those only what moves by itself is outdated.
    /// (Before a write all is read again.)
    fn freshness(&self) -> Freshness {
        let is_new = self.object.meta().generation != self.status.observed_generation();
        if self.is_being_deleted() || summary::is_requested(self.requested(), self.status.last_handled()) {
            Freshness::Now
        } else if is_new {
            self.remembered.outdated.max(Freshness::Moving)
        } else {
            self.remembered.outdated
        }
    }

    fn is_being_deleted(&self) -> bool {
        self.object.meta().deletion_timestamp.is_some()
    }

    fn requested(&self) -> Option<&str> {
        self.object.annotations().get(RECONCILE_REQUESTED_AT).map(String::as_str)
    }

    /// Failures in a row, with what was seen now; and its class.
    fn failed(&self, class: Option<ErrorClass>) -> Option<(ErrorClass, u32)> {
        class.map(|class| (class, self.remembered.failures.saturating_add(1)))
    }
}

fn failure(seen: &Seen) -> Option<ErrorClass> {
    requeue::failure(&seen.facts)
}

#[cfg(test)]
mod tests {
    use runbook_api::ScalingPolicy;
    use serde_json::{Value, json};

    use super::*;

    fn freshness(outdated: Freshness, metadata: Value, status: Value) -> Freshness {
        let mut whole = json!({"name": "web", "namespace": "app", "generation": 2});
        for (field, value) in metadata.as_object().into_iter().flatten() {
            whole[field] = value.clone();
        }
        let target = json!({"ecsService": {"cluster": "app", "service": "web"}});
        let object: ScalingPolicy =
            serde_json::from_value(json!({"metadata": whole, "spec": {"target": target}, "status": status})).unwrap();
        let turn = Turn {
            status: object.status.clone().unwrap_or_default(),
            seed: 0,
            now: Timestamp::UNIX_EPOCH,
            began: Instant::now(),
            remembered: Remembered { outdated, ..Remembered::default() },
            uid: String::new(),
            object: Arc::new(object),
        };
        turn.freshness()
    }

    #[test]
    fn only_a_request_makes_everything_be_read_again() {
        let seen = json!({"observedGeneration": 2});
        assert_eq!(freshness(Freshness::WithinResync, json!({}), seen.clone()), Freshness::WithinResync);
        assert_eq!(freshness(Freshness::Moving, json!({}), seen.clone()), Freshness::Moving);
        assert_eq!(freshness(Freshness::WithinResync, json!({"generation": 3}), seen.clone()), Freshness::Moving);
        assert_eq!(
            freshness(Freshness::WithinResync, json!({}), json!({})),
            Freshness::Moving,
            "it was never looked at"
        );
        let asked = json!({"annotations": {RECONCILE_REQUESTED_AT: "now"}});
        assert_eq!(freshness(Freshness::Moving, asked.clone(), seen), Freshness::Now);
        let handled = json!({"observedGeneration": 2, "lastHandledReconcileAt": "now"});
        assert_eq!(freshness(Freshness::WithinResync, asked.clone(), handled.clone()), Freshness::WithinResync);
        assert_eq!(freshness(Freshness::Now, asked, handled), Freshness::Now, "AWS has not answered what was asked");
    }
}
