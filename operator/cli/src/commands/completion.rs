//! `completion`: what a shell needs to complete the command line.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::arguments::Arguments;
use crate::output::Shown;

/// Prints the script.
pub fn run(shell: Shell) -> Shown {
    let mut script = Vec::new();
    generate(shell, &mut Arguments::command(), "kubectl-runbook", &mut script);
    Shown::text(String::from_utf8_lossy(&script))
}
