//! One executor per Step.

mod audit;
mod copies;
mod database;
mod effect;

use std::sync::Arc;
use std::time::Duration;

use runbook_core::{CloudError, ErrorClass, Step};

use self::audit::Attempt;
use crate::call::Call;
use crate::cloud::WriteGuard;
use crate::door::failure;
use crate::plane::Plane;

/// How long one write may take. The lease must last longer.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long before it is sent a write's basis may have been read: older than this it is read again.
const STALE_AFTER: Duration = Duration::from_secs(5);
/// How often the basis is read again because a part of it has become stale while another was waited for.
const ROUNDS: usize = 4;

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
/// What a step was decided on may have been read long ago: its plan may have waited for other answers, its claim for the API server, and
/// itself for the request budget. So just before it is sent it is held against answers that are seconds old.
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
    /// `ChangedMeanwhile` when AWS is no longer as the step was decided on: nothing was sent then, nor when that could not be read.
    pub async fn execute(&self, step: &Step, origin: &Origin) -> Result<Option<String>, CloudError> {
        let Some(call) = effect::call_of(step, self.plane.vault()) else {
            return Err(CloudError {
                class: ErrorClass::Invalid,
                operation: step.name(),
                resource: step.resource().to_string(),
                code: "NoCall".into(),
                message: "the step is not made in AWS".into(),
                request_id: None,
            });
        };
        let mut attempt = Attempt::new(&self.plane, step, origin);
        let result = self.attempt(step, &call, &mut attempt).await;
        attempt.end(&result);
        effect::remember(step, &result, self.plane.vault());
        result
    }

    async fn attempt(&self, step: &Step, call: &Call, attempt: &mut Attempt<'_>) -> Result<Option<String>, CloudError> {
        self.may_write(call)?;
        let door = self.plane.door();
        door.admit(&step.scope(), call.api(), true).await;
        // Both may have taken longer than the lease.
        if let Err(error) = self.check(step, call).await.and_then(|()| self.may_write(call)) {
            door.budgets.give_back(&step.scope(), call.api(), true);
            return Err(error);
        }
        attempt.sent = true;
        let request_id = door.call(&step.scope(), call, WRITE_TIMEOUT).await?.request_id;
        // AWS tells of it by an event, too.
        if let Some(request_id) = &request_id {
            self.plane.wrote(request_id);
        }
        Ok(request_id)
    }

    fn may_write(&self, call: &Call) -> Result<(), CloudError> {
        if self.guard.time_left() > WRITE_TIMEOUT {
            return Ok(());
        }
        Err(failure(call, "NotLeader", "less of the leader's lease is left than a write may take: the leader makes it"))
    }

    /// Whether AWS is as the step was decided on, by answers that are fresh all at once.
    async fn check(&self, step: &Step, call: &Call) -> Result<(), CloudError> {
        let basis = effect::basis(step);
        let mut known: Vec<_> = basis.iter().map(|query| self.plane.last(query)).collect();
        for round in 0..=ROUNDS {
            let mut fresh = true;
            for (query, answer) in basis.iter().zip(&mut known) {
                if answer.as_ref().is_none_or(|(_, read_at)| read_at.elapsed() > STALE_AFTER) {
                    fresh = false;
                    if round < ROUNDS {
                        *answer = Some(self.plane.read_directly(query).await?);
                    }
                }
            }
            if known.iter().flatten().any(|(answer, _)| !effect::still_holds(step, answer)) {
                let error =
                    failure(call, "ChangedMeanwhile", "AWS is no longer as this was decided on: it is planned again");
                return Err(CloudError { class: ErrorClass::Conflict, ..error });
            }
            if fresh {
                return Ok(());
            }
        }
        Err(failure(
            call,
            "TooSlow",
            "AWS cannot be read fast enough to know what would be written over: nothing was sent",
        ))
    }
}
