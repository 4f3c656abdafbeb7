//! Databases asked by SQL: a real PostgreSQL with TLS, and peers that do worse than it would.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod answers;
mod connections;
mod refusals;
mod server;

use std::time::Duration;

use runbook_core::checks::{SqlFailure, SqlOutcome};
use runbook_probes::{Dialer, Limits, Networks, SqlTarget, Trust, run};
use server::{EMAIL, PASSWORD, Server, USER};

/// What came of one statement.
type Answered = Result<SqlOutcome, SqlFailure>;

/// A dialer that may connect to this host.
fn dialer() -> Dialer {
    let here = ["127.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap());
    Dialer::new(Networks::default().allow(here), Duration::from_secs(30))
}

fn target(server: &Server) -> SqlTarget {
    SqlTarget {
        host: "localhost".into(),
        port: server.port,
        database: "clocked".into(),
        user: USER.into(),
        password: PASSWORD.into(),
        trust: Trust::rds_and(&[("the test's CA", server.ca.as_bytes())]).unwrap(),
    }
}

/// Statements that are named by their order. That one is no good is for the database to say.
fn named(statements: &[&str]) -> Vec<(String, String)> {
    statements.iter().enumerate().map(|(at, sql)| (at.to_string(), (*sql).to_owned())).collect()
}

async fn ask_of(server: &Server, statements: &[&str], limits: Limits) -> Vec<Answered> {
    let answers = run(&dialer(), &target(server), &named(statements), limits).await.unwrap();
    let names: Vec<String> = answers.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, (0..statements.len()).map(|at| at.to_string()).collect::<Vec<_>>());
    for (_, answer) in &answers {
        if let Err(failure) = answer {
            tells_nothing(failure);
        }
    }
    answers.into_iter().map(|(_, answer)| answer).collect()
}

async fn ask(server: &Server, statements: &[&str]) -> Vec<Answered> {
    ask_of(server, statements, Limits::default()).await
}

/// A failure may be read by more people than the database.
fn tells_nothing(failure: &SqlFailure) {
    for secret in [PASSWORD, EMAIL] {
        assert!(!failure.message.contains(secret), "{failure}");
    }
    assert!(!failure.message.contains('\n') && failure.message.len() < 500, "{failure}");
}
