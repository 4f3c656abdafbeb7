//! pg_dump, as a child whose output is read as it comes.

use std::path::Path;
use std::process::Stdio;
use std::{env, io};

use runbook_core::export::{Order, Reason};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::refused;
use crate::tables::Table;
use crate::version::Version;

/// So much of what pg_dump says is kept: the beginning, which has the cause.
const SAID: usize = 8 << 10;
/// What of this process's environment pg_dump has too.
const INHERITED: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "TMPDIR"];

/// A pg_dump that runs. Dropping it kills it.
pub struct Dump {
    /// What it writes.
    pub output: ChildStdout,
    running: Running,
}

/// The same, with its output taken away.
pub struct Running {
    child: Child,
    said: JoinHandle<String>,
}

/// The version of pg_dump.
///
/// # Errors
/// There is none.
pub async fn version(program: &Path) -> Result<Version, Failure> {
    let output = command(program).arg("--version").output().await.map_err(|error| not_installed(program, &error))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    Version::of_program(&printed).ok_or_else(|| {
        let said: String = printed.chars().take(100).collect();
        Failure::new(
            Reason::NotInstalled,
            format!("{} is no pg_dump: asked for its version it says {said:?}", program.display()),
        )
    })
}

/// Begins to dump tables of a snapshot; the whole database where `tables` is none.
///
/// # Errors
/// It cannot be run.
pub fn start(
    program: &Path,
    order: &Order,
    connection: &Connection,
    authorities: &Path,
    snapshot: &str,
    tables: Option<&[Table]>,
) -> Result<Dump, Failure> {
    let mut command = command(program);
    // Everything of the connection by its environment: arguments are for everybody on the node to read.
    command
        .env("PGHOST", &order.host)
        .env("PGPORT", order.port.to_string())
        .env("PGUSER", &connection.user)
        .env("PGPASSWORD", connection.password.expose_secret())
        .env("PGDATABASE", &connection.database)
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", authorities)
        .env("PGCONNECT_TIMEOUT", "30")
        .env("PGAPPNAME", "runbook-export")
        .args(["--format=custom", "--compress=0", "--no-password", "--lock-wait-timeout=300000"])
        .arg(format!("--snapshot={snapshot}"));
    if order.data_only {
        command.arg("--data-only");
    }
    for table in tables.unwrap_or_default() {
        command.arg(format!("--table={}", table.quoted()));
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| not_installed(program, &error))?;
    let (Some(output), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Failure::new(Reason::NotInstalled, "pg_dump has no output"));
    };
    Ok(Dump { output, running: Running { child, said: tokio::spawn(listen(stderr)) } })
}

impl Dump {
    /// Its output, and what is left.
    pub fn split(self) -> (ChildStdout, Running) {
        (self.output, self.running)
    }
}

impl Running {
    /// Waits for its end.
    ///
    /// # Errors
    /// It has failed: what it has written is no dump.
    pub async fn end(mut self) -> Result<(), Failure> {
        let status = self
            .child
            .wait()
            .await
            .map_err(|error| Failure::new(Reason::DumpFailed, format!("pg_dump is lost: {error}")))?;
        let said = self.said.await.unwrap_or_default();
        if status.success() { Ok(()) } else { Err(refused::pg_dump(&said, &format!("ended with {status}"))) }
    }
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").env("PGPASSFILE", "/dev/null");
    for name in INHERITED {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Reads to the end, or pg_dump would wait for it, and keeps the beginning.
async fn listen(stderr: ChildStderr) -> String {
    let mut reader = BufReader::new(stderr);
    let (mut said, mut piece) = (Vec::new(), vec![0; 4096]);
    while let Ok(count @ 1..) = reader.read(&mut piece).await {
        said.extend_from_slice(&piece[..count.min(SAID - said.len())]);
    }
    String::from_utf8_lossy(&said).into_owned()
}

fn not_installed(program: &Path, error: &io::Error) -> Failure {
    Failure::new(Reason::NotInstalled, format!("{} cannot be run: {error}", program.display()))
}
