//! Claim, then execute.

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;
use runbook_aws::{Executor, Origin};
use runbook_core::report::{Act, Outcome, Reason, Summary, reason};
use runbook_core::{CloudError, Step};
use tracing::{debug, info, warn};

use super::create::{self, Created};
use super::kind::{Kind, Prepared, Reported};
use super::observe::Seen;
use super::report::Said;
use super::{End, Runner, Turn};
use crate::exporting;
use crate::status::{self, WriteError, Written};

/// What came of a plan's steps.
#[derive(Default)]
struct Made {
    acts: Vec<Act>,
    error: Option<CloudError>,
    /// Why the rest was not made, and when to look again.
    interrupted: Option<(&'static str, Duration)>,
}

impl<K: Kind> Runner<K> {
    /// Claims the object, makes the steps, and reports.
    pub(super) async fn act(&self, turn: &Turn<K>, prepared: &Prepared<K::Input>, seen: &Seen) -> End {
        let generation = turn.object.meta().generation;
        let moved = seen.plan.intent.as_ref().is_some_and(|intent| intent.moved);
        let reason = match turn.is_being_deleted() {
            true => Reason::Deletion,
            false => Reason::of(turn.status.conditions(), generation).or_override(moved),
        };
        let drift = seen.plan.steps.iter().any(|step| reason.for_step(step) == Reason::Drift);
        if drift && reason::is_news(turn.status.conditions()) {
            self.context.metrics.drift_found(K::KIND);
        }
        let claimed = match self.claim(turn, seen).await {
            Ok(claimed) => claimed,
            Err(end) => return end,
        };
        let made = self.make(turn, prepared, &seen.plan.steps, reason).await;
        let pending = &seen.plan.steps[made.acts.iter().filter(|act| act.result.is_ok()).count()..];
        let outcome = outcome(&made, pending);
        if made.error.is_none() && made.interrupted.is_none() && drift {
            self.context.metrics.drift_corrected(K::KIND);
        }
        let said = Said { pending, acts: &made.acts, error: made.error.as_ref(), ..Said::of_plan(&outcome, seen) };
        let end = self.report(turn, &claimed, said).await;
        match made.interrupted {
            Some((why, wait)) => {
                debug!(why, "interrupted");
                End { label: "Interrupted", wait }
            }
            None => end,
        }
    }

    /// Writes what is about to be done over the object as it was read. Whoever loses makes nothing.
    async fn claim(&self, turn: &Turn<K>, seen: &Seen) -> Result<Arc<K>, End> {
        let outcome = Outcome::of_plan(&seen.plan, None);
        let acts = turn.remembered.unreported.clone();
        let said = Said { acts: &acts, ..Said::of_plan(&outcome, seen) };
        let mut object = (*turn.object).clone();
        let untold = turn.remembered.is_untold(&turn.status);
        let status = object.report(&turn.status, &Summary { untold, ..self.summary(turn, &said, &acts) });
        // Also where the answer is lost: then it is this process's claim that stands, and nothing is made.
        let planned = status.plan().cloned();
        self.context.memory.update(&turn.uid, |remembered| remembered.planned = planned);
        *object.status_mut() = Some(status);
        let reflected = K::reflected(&self.context);
        match status::replace(&object.api(self.context.client.clone()), &object).await {
            Written::Yes(claimed) => {
                self.context.metrics.status_written(K::KIND, "Written");
                // Acts that it tells too are remembered until the end of the turn: the plan was made with them in mind.
                self.context.memory.update(&turn.uid, |remembered| remembered.written = Some(turn.now));
                let claimed = Arc::new(*claimed);
                reflected.wrote(claimed.clone());
                Ok(claimed)
            }
            Written::Conflict(current) => {
                self.context.metrics.status_written(K::KIND, "Conflict");
                debug!("the object has changed since it was read; nothing is made");
                if let Some(current) = current {
                    reflected.wrote(Arc::new(*current));
                    return Err(End::at_once("Conflict"));
                }
                Err(self.try_again(turn, "Conflict"))
            }
            Written::Gone => Err(End::gone(self.context.options.resync)),
            Written::Failed(error) => {
                self.context.metrics.status_written(K::KIND, "Failed");
                warn!(%error, "the object could not be claimed; nothing is made, and it is tried again");
                Err(self.try_again(turn, "ClaimFailed"))
            }
        }
    }

    /// Makes the steps in their order, up to the first that fails or is no longer wanted.
    async fn make(&self, turn: &Turn<K>, prepared: &Prepared<K::Input>, steps: &[Step], reason: Reason) -> Made {
        let standing = Arc::new(self.standing(turn, prepared));
        // The guard is asked again when a write has waited for the budget.
        let executor = Executor::new(self.context.plane.clone(), standing.clone());
        let mut made = Made::default();
        for step in steps {
            let reason = reason.for_step(step);
            let origin = Origin { object: name(&*turn.object), reason: reason.as_str().into() };
            // Just before each write: an account that was set to Observe, or a policy that was suspended, stops it here.
            if let Some(why) = standing.superseded() {
                made.interrupted = Some((why, Duration::ZERO));
                break;
            }
            let time = self.context.clock.now();
            let result = match self.create(step).await {
                None => match step {
                    Step::Export(export) => exporting::create(&self.context.client, export).await.map(|()| None),
                    step => executor.execute(step, &origin).await,
                },
                Some(Ok(Created::Yes)) => Ok(None),
                Some(Ok(Created::Taken)) => {
                    made.interrupted = Some(("something else has the name of the object", self.taken(turn, step)));
                    break;
                }
                Some(Ok(Created::Again)) => {
                    made.interrupted = Some(("what had the name of the object is gone", Duration::ZERO));
                    break;
                }
                Some(Err(why)) => {
                    warn!(%step, %why, "the object could not be made; it is tried again");
                    made.interrupted = Some(("the object could not be made", create::AGAIN));
                    break;
                }
            };
            if let Err(error) = &result
                && error.code == "NotLeader"
            {
                made.interrupted = Some(match standing.superseded() {
                    Some(why) => (why, Duration::ZERO),
                    None => (
                        "this process leads no longer, or not for long enough",
                        self.context.options.lease.renew_interval,
                    ),
                });
                break;
            }
            let outcome = result.as_ref().map_or_else(|error| error.class.as_str(), |_| "Succeeded");
            self.context.metrics.step(K::KIND, step.name(), outcome);
            let act = Act { step: step.clone(), time, reason: reason.as_str().into(), result };
            self.context.events.act(turn.object.object_ref(&()), &act);
            made.error = act.result.as_ref().err().cloned();
            made.acts.push(act);
            match &made.error {
                None => info!(%step, reason = reason.as_str(), "made"),
                Some(error) => {
                    warn!(%step, %error, "failed");
                    break;
                }
            }
        }
        made
    }

    /// Creates the object that a step says; none says a step that writes to AWS.
    async fn create(&self, step: &Step) -> Option<Result<Created, WriteError>> {
        let client = || self.context.client.clone();
        match step {
            Step::AdoptScaleOut { adoption, .. } => {
                Some(create::create(client(), &adoption.object(), |existing| adoption.is_made(existing)).await)
            }
            Step::VerifyBackup { verification, .. } => {
                Some(create::create(client(), &verification.object(), |existing| verification.is_made(existing)).await)
            }
            Step::ExportDatabase { export, .. } => {
                Some(create::create(client(), &export.object(), |existing| export.is_made(existing)).await)
            }
            _ => None,
        }
    }

    /// Remembers that something else has the name of an override: the size is corrected instead. When to look again: other objects are
    /// seen when the watch tells of them.
    fn taken(&self, turn: &Turn<K>, step: &Step) -> Duration {
        let Step::AdoptScaleOut { adoption, .. } = step else { return create::AGAIN };
        let name = adoption.id.name.clone();
        self.context.memory.update(&turn.uid, |remembered| remembered.taken = Some(name));
        Duration::ZERO
    }
}

fn outcome(made: &Made, pending: &[Step]) -> Outcome {
    match &made.error {
        Some(error) => Outcome::of_error(error),
        None if pending.is_empty() => Outcome::Working {
            reason: "Applied".into(),
            message: "everything was written; it is read again to see that AWS has it".into(),
        },
        None => Outcome::Working {
            reason: "Interrupted".into(),
            message: format!(
                "{} steps are not made: something has changed meanwhile, and it is planned again",
                pending.len()
            ),
        },
    }
}

fn name<K: Kind>(object: &K) -> String {
    match object.namespace() {
        Some(namespace) => format!("{} {namespace}/{}", K::KIND, object.name_any()),
        None => format!("{} {}", K::KIND, object.name_any()),
    }
}
