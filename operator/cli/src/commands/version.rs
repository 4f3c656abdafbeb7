//! `version`.

use crate::output::Shown;

/// Prints the version of the program and of the API that it knows.
pub fn run() -> Shown {
    Shown::text(format!(
        "kubectl-runbook {} ({}/{})\n",
        env!("CARGO_PKG_VERSION"),
        runbook_api::GROUP,
        runbook_api::VERSION
    ))
}
