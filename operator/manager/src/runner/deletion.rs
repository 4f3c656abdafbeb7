//! The finalizer: put on before something is created that must be removed again, taken off when that is done or given up.
//!
//! An object that is being deleted takes the same way as any other, with a plan that removes. What is different is here.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use runbook_api::{ABANDON, CLEANUP_FINALIZER};
use runbook_core::deletion::{Deadlines, Verdict, explained, is_abandoned, is_guarded, verdict};
use serde_json::json;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::kind::{Kind, Prepared};
use super::observe::Seen;
use super::report::Said;
use super::{End, Runner, Turn};
use crate::status::{WriteError, bounded};

impl<K: Kind> Runner<K> {
    /// Takes the finalizer off an object that has nothing to undo: its policy is Retain (again), or somebody gives up what there is.
    pub(super) async fn nothing_to_undo(&self, turn: &Turn<K>) -> Option<End> {
        let metadata = turn.object.meta();
        let abandoned = is_abandoned(metadata);
        if !is_guarded(metadata) || turn.object.cleans_up() && !abandoned {
            return None;
        }
        if !turn.is_being_deleted() {
            return Some(match self.set_finalizer(turn, &turn.object, false).await {
                Ok(_) => End::at_once("Unguarded"),
                Err(end) => end,
            });
        }
        self.context.warmup.observed(&turn.uid, Instant::now());
        let left = format!("the annotation {ABANDON} is set, so this stays: {}", turn.object.remains(&self.context));
        Some(self.release(turn, &turn.object, abandoned.then_some(("Abandoned", &left))).await)
    }

    /// The turn with the finalizer put on its object, where the plan creates, or AWS holds, something that must be removed again.
    pub(super) async fn guarded(
        &self,
        turn: &Turn<K>,
        prepared: &Prepared<K::Input>,
        seen: &Seen,
    ) -> Result<Option<Turn<K>>, End> {
        let object = &turn.object;
        let wanted = object.cleans_up() && !is_abandoned(object.meta()) && !turn.is_being_deleted();
        // Who may not write creates nothing.
        let may_write = prepared.hold.is_none() && prepared.access.grants.allow_steps(&seen.plan.steps).is_ok();
        if !wanted || is_guarded(object.meta()) || !may_write || !K::leaves_behind(&seen.facts, &seen.plan) {
            return Ok(None);
        }
        let object = self.set_finalizer(turn, object, true).await?;
        Ok(Some(Turn { object, ..turn.clone() }))
    }

    /// Says what came of a turn about an object that is being deleted, and lets it go where nothing is left to do, or its time is over.
    pub(super) async fn farewell(&self, turn: &Turn<K>, object: &Arc<K>, said: Said<'_>) -> End {
        match self.verdict(turn, &said) {
            Some(Verdict::Stays(at)) => {
                let outcome = explained(said.outcome, at);
                self.write(turn, object, Said { outcome: &outcome, ..said }).await
            }
            Some(Verdict::Goes(left)) => {
                let left = left.map(|why| match said.outcome.is_in_sync() {
                    true => why,
                    false => format!(
                        "{} stays in AWS, because it could not be removed: {why}",
                        object.remains(&self.context)
                    ),
                });
                if !said.outcome.is_in_sync() {
                    // Other finalizers may keep the object: what was tried is told. What comes of that keeps nothing.
                    self.write(turn, object, said).await;
                }
                let object = K::reflected(&self.context).newest(object.clone());
                self.release(turn, &object, left.as_deref().map(|left| ("LeftBehind", left))).await
            }
            None => self.write(turn, object, said).await,
        }
    }

    /// The wait, shortened to the time at which an object that is being deleted may go.
    pub(super) fn until_it_goes(&self, object: &K, wait: Duration) -> Duration {
        let Some(deleted) = deleted_at(object) else { return wait };
        let now = self.context.clock.now();
        let next = self.deadlines(object).ends(deleted).into_iter().filter(|end| *end > now).min();
        let left = next.and_then(|end| Duration::try_from(end.duration_since(now)).ok());
        left.map_or(wait, |left| wait.min(left + Duration::from_millis(50)))
    }

    fn verdict(&self, turn: &Turn<K>, said: &Said<'_>) -> Option<Verdict> {
        let findings = &said.seen.plan.findings;
        deleted_at(&*turn.object)
            .map(|deleted| verdict(said.outcome, findings, deleted, self.deadlines(&turn.object), turn.now))
    }

    fn deadlines(&self, object: &K) -> Deadlines {
        let deadline = SignedDuration::try_from(self.context.options.deletion_deadline).unwrap_or(SignedDuration::MAX);
        Deadlines { deadline, patience: object.patience() }
    }

    /// Takes the finalizer off an object that is being deleted. `left` says why something stays in AWS, and what.
    async fn release(&self, turn: &Turn<K>, object: &Arc<K>, left: Option<(&str, &str)>) -> End {
        match self.set_finalizer(turn, object, false).await {
            Ok(_) => {
                match left {
                    Some((reason, left)) => {
                        warn!(reason, left, "let go, and something stays in AWS");
                        // Into a namespace that is being deleted no event can be written; the log has it.
                        self.context.events.left_behind(turn.object.object_ref(&()), reason, left);
                    }
                    None => info!("let go: what it created in AWS is removed, or stays as its policy says"),
                }
                End { label: "Released", wait: self.context.options.resync }
            }
            Err(end) => end,
        }
    }

    /// Puts the finalizer on, or takes it off, if the object is still as it is known.
    async fn set_finalizer(&self, turn: &Turn<K>, object: &Arc<K>, on: bool) -> Result<Arc<K>, End> {
        if !self.context.leadership.is_leader() {
            return Err(End { label: "NotLeader", wait: self.context.options.lease.renew_interval });
        }
        let others = object.finalizers().iter().map(String::as_str).filter(|name| *name != CLEANUP_FINALIZER);
        let finalizers: Vec<&str> = others.chain(on.then_some(CLEANUP_FINALIZER)).collect();
        let patch = json!({"metadata": {
            "uid": object.uid(),
            "resourceVersion": object.resource_version(),
            "finalizers": finalizers,
        }});
        let api = object.api(self.context.client.clone());
        match bounded(api.patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(&patch))).await {
            Ok(patched) => {
                let patched = Arc::new(patched);
                // What was the last finalizer's to keep is gone: nothing is to be remembered of it.
                if on || patched.meta().deletion_timestamp.is_none() || !patched.finalizers().is_empty() {
                    K::reflected(&self.context).wrote(patched.clone());
                }
                Ok(patched)
            }
            Err(WriteError::Kube(kube::Error::Api(status))) if status.code == 404 => {
                Err(End::gone(self.context.options.resync))
            }
            Err(WriteError::Kube(kube::Error::Api(status))) if status.code == 409 => {
                debug!("the object has changed since it was read; its finalizer stays as it is");
                Err(self.try_again(turn, "Conflict"))
            }
            Err(error) => {
                warn!(%error, on, "the finalizer could not be changed; nothing is made, and it is tried again");
                Err(self.try_again(turn, "FinalizerFailed"))
            }
        }
    }
}

fn deleted_at<K: Kind>(object: &K) -> Option<Timestamp> {
    object.meta().deletion_timestamp.as_ref().map(|time| time.0)
}
