//! `kubectl runbook`: see what the operator would do before it does it, write down what is there, and what needs attention.
//!
//! A command is a page in `commands`: it reads (`sources`, `cluster`, `aws`), decides (`kinds`, and `runbook-core` behind it) and shows.
//! What is shown is made as text or JSON first and printed last, so that it can be tested without a terminal. Nothing here writes to AWS;
//! `scale`, `backup` and `restore` write to the cluster: ScalingOverrides, DatabaseBackups and DatabaseRestores, which the operator follows.

mod arguments;
mod aws;
mod cluster;
mod commands;
mod errors;
mod kinds;
mod output;
mod schema;
mod sources;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::errors::CliError;
use crate::output::Shown;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Exit code 2 says "changes": wrong arguments are an error, 1.
            let code = if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
            return if error.print().is_ok() { code } else { ExitCode::FAILURE };
        }
    };
    arguments.color.apply();
    match run(&arguments.command) {
        Ok(shown) => shown.print(),
        Err(error) => output::fail(&error),
    }
}

fn run(command: &Command) -> Result<Shown, CliError> {
    match command {
        Command::Plan(options) => wait(commands::plan::run(options)),
        Command::Import(options) => wait(commands::import::run(options)),
        Command::IamPolicy(options) => wait(commands::iam_policy::run(options)),
        Command::Scale(options) => wait(commands::scale::run(options)),
        Command::Backup(options) => wait(commands::runs::backup::run(options)),
        Command::Backups(options) => wait(commands::runs::list::run(options)),
        Command::Restore(options) => wait(commands::runs::restore::run(options)),
        Command::Status(options) => wait(commands::status::run(options)),
        Command::Crds => commands::crds::run(),
        Command::Completion { shell } => Ok(commands::completion::run(*shell)),
        Command::Complete { words } => Ok(commands::completion::choices(words)),
        Command::Version => Ok(commands::version::run()),
    }
}

fn wait(work: impl Future<Output = Result<Shown, CliError>>) -> Result<Shown, CliError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::Runtime)?.block_on(work)
}
