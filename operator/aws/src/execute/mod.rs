//! One executor per Step.

mod audit;
mod effect;

use std::sync::Arc;
use std::time::Duration;

use runbook_core::{CloudError, ErrorClass, Step};

use self::audit::Attempt;
use crate::call::Call;
use crate::cloud::WriteGuard;
use crate::door::failure;
use crate::plane::{Freshness, Plane};

/// How long one write may take. The lease must last longer.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// A write that waited longer than this for the budget is made only if what it was decided on is still so.
const STALE_AFTER: Duration = Duration::from_secs(5);

/// On whose behalf a step is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Kind, namespace and name: `ScalingPolicy clocked/clocked-app`.
    pub object: String,
    /// Why: the reason of the condition that led to it.
    pub reason: String,
}

/// Makes steps.
///
/// A step is one call, made once. The calls are upserts of absolute values, so whoever does not know what came of one observes and plans
/// again.
pub struct Executor {
    plane: Arc<Plane>,
    guard: Arc<dyn WriteGuard>,
}

impl Executor {
    /// An executor that writes within the plane's budget, and makes the plane read again what it wrote.
    pub fn new(plane: Arc<Plane>, guard: Arc<dyn WriteGuard>) -> Self {
        Self { plane, guard }
    }

    /// Makes one step: one call, once. Returns AWS's id of the request. Writes one line to the log target `audit`, whatever came of it.
    ///
    /// # Errors
    /// What AWS answered. `Transient` with code `NotLeader` when less of the lease is left than a write may take, and `Conflict` with code
    /// `ChangedMeanwhile` when the write waited for the budget and AWS is no longer as the step was decided on: nothing was sent then.
    pub async fn execute(&self, step: &Step, origin: &Origin) -> Result<Option<String>, CloudError> {
        let call = effect::call_of(step);
        let mut attempt = Attempt::new(&self.plane, step, origin);
        let result = self.attempt(step, &call, &mut attempt).await;
        attempt.end(&result);
        result
    }

    async fn attempt(&self, step: &Step, call: &Call, attempt: &mut Attempt<'_>) -> Result<Option<String>, CloudError> {
        self.may_write(call)?;
        let door = self.plane.door();
        let waited = door.admit(step.scope(), call.api(), true).await;
        let still = if waited > STALE_AFTER { self.recheck(step, call).await } else { Ok(()) };
        // Both may have taken longer than the lease.
        if let Err(error) = still.and_then(|()| self.may_write(call)) {
            door.budgets.give_back(step.scope(), call.api(), true);
            return Err(error);
        }
        attempt.sent = true;
        door.call(step.scope(), call, WRITE_TIMEOUT).await.map(|answered| answered.request_id)
    }

    fn may_write(&self, call: &Call) -> Result<(), CloudError> {
        if self.guard.time_left() > WRITE_TIMEOUT {
            return Ok(());
        }
        Err(failure(call, "NotLeader", "less of the leader's lease is left than a write may take: the leader makes it"))
    }

    async fn recheck(&self, step: &Step, call: &Call) -> Result<(), CloudError> {
        for (_, answer, _) in self.plane.observe(&[effect::basis(step)], Freshness::Now).await {
            if !effect::still_holds(step, &answer?) {
                let error = failure(
                    call,
                    "ChangedMeanwhile",
                    "AWS changed while the write waited for the request budget: it is planned again",
                );
                return Err(CloudError { class: ErrorClass::Conflict, ..error });
            }
        }
        Ok(())
    }
}
