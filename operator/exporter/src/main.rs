//! `runbook-export`, see the crate.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use runbook_core::export::{Done, Order, Outcome, Reason};
use runbook_exporter::{Connection, Failure, Program, run};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

/// Exit code of a failure that may pass: the Job tries again.
const TEMPORARY: u8 = 1;
/// Exit code of a failure that does not pass by itself: the Job's podFailurePolicy ends it.
const FINAL: u8 = 2;

/// Dumps a PostgreSQL database into S3.
#[derive(Parser)]
#[command(name = "runbook-export", version)]
struct Arguments {
    /// What to export, as JSON.
    #[arg(long, env = "RUNBOOK_ORDER", hide_env_values = true)]
    order: String,
    /// Folder with the files `username`, `password` and, perhaps, `dbname`: a Secret, mounted.
    #[arg(long, env = "RUNBOOK_CONNECTION", default_value = "/var/run/runbook/connection")]
    connection: PathBuf,
    /// The pg_dump to run.
    #[arg(long, env = "RUNBOOK_PG_DUMP", default_value = "pg_dump")]
    pg_dump: PathBuf,
    /// Folder for the file with certificate authorities that pg_dump reads.
    #[arg(long, env = "RUNBOOK_WORK", default_value = "/tmp")]
    work: PathBuf,
    /// Certificate authorities besides RDS's that a server may be of: a file in PEM, or a folder of such.
    #[arg(long, env = "RUNBOOK_CA")]
    ca: Option<PathBuf>,
    /// Where the result is written.
    #[arg(long, env = "RUNBOOK_TERMINATION_LOG", default_value = "/dev/termination-log")]
    termination_log: PathBuf,
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::new("info,aws_config=warn,aws_runtime=warn"))
        .init();
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "no runtime");
            return ExitCode::from(TEMPORARY);
        }
    };
    let result = runtime.block_on(export(&arguments));
    let (outcome, code) = match result {
        Ok(done) => {
            info!(key = done.key, tables = done.tables, rows = done.rows, bytes = done.bytes, "complete");
            (Outcome::Complete(done), ExitCode::SUCCESS)
        }
        Err(failure) => {
            error!(reason = failure.reason.as_str(), "{}", failure.message);
            let code = if failure.reason.is_temporary() { TEMPORARY } else { FINAL };
            (Outcome::Failed { reason: failure.reason, message: failure.message }, ExitCode::from(code))
        }
    };
    if let Err(error) = fs::write(&arguments.termination_log, outcome.told()) {
        warn!(%error, "the result could not be written to {}", arguments.termination_log.display());
    }
    code
}

async fn export(arguments: &Arguments) -> Result<Done, Failure> {
    let order: Order = serde_json::from_str(&arguments.order)
        .map_err(|error| Failure::new(Reason::InvalidOrder, format!("the order cannot be read: {error}")))?;
    let connection = Connection::read(&arguments.connection, &order)?;
    let program = Program { pg_dump: &arguments.pg_dump, work: &arguments.work, ca: arguments.ca.as_deref() };
    let mut ends = signal(SignalKind::terminate())
        .map_err(|error| Failure::new(Reason::NotInstalled, format!("signals cannot be had: {error}")))?;
    let stop = async move {
        ends.recv().await;
    };
    run(&order, &connection, &program, stop).await
}
