//! The audit log: one line a write, whatever came of it.

use runbook_core::{CloudError, Step};

use super::Origin;
use crate::plane::Plane;

/// A write from its beginning to its end. Ended by being dropped as well: a reconcile that is cancelled may have written.
pub(super) struct Attempt<'a> {
    plane: &'a Plane,
    step: &'a Step,
    origin: &'a Origin,
    /// Whether anything was sent.
    pub(super) sent: bool,
    ended: bool,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(plane: &'a Plane, step: &'a Step, origin: &'a Origin) -> Self {
        Self { plane, step, origin, sent: false, ended: false }
    }

    pub(super) fn end(mut self, result: &Result<Option<String>, CloudError>) {
        self.ended = true;
        match result {
            Ok(request_id) => self.log("Ok", request_id.as_deref(), ""),
            Err(error) => self.log(&error.code, error.request_id.as_deref(), &error.message),
        }
    }

    fn log(&self, outcome: &str, request_id: Option<&str>, message: &str) {
        let scope = self.step.scope();
        tracing::info!(
            target: "audit",
            object = self.origin.object,
            step = self.step.name(),
            change = %self.step,
            resource = self.step.resources().join(" "),
            reason = self.origin.reason,
            outcome,
            request_id = request_id.unwrap_or_default(),
            account = scope.account_id,
            region = scope.region,
            message,
        );
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.log("Abandoned", None, "the reconcile was cancelled");
        }
        // Also after an error: whether it had its effect is not known.
        if self.sent {
            super::effect::changes(self.step).iter().for_each(|query| self.plane.invalidate(query));
        }
    }
}
