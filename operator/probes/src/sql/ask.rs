//! One statement, asked in a savepoint.

use std::pin::pin;

use futures::TryStreamExt;
use runbook_core::checks::{FailureClass, SqlFailure, SqlOutcome};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Statement, Transaction};

use crate::sql::{Answer, Limits, classify, values};

/// What came of a statement, and of the session.
pub struct Asked {
    /// The answer, or the error that has cost the session.
    pub answer: Result<Answer, Error>,
    /// Whether another can be asked.
    pub goes_on: bool,
}

/// Asks one statement, and undoes whatever it has set.
pub async fn in_savepoint(transaction: &mut Transaction<'_>, sql: &str, limits: Limits) -> Asked {
    let savepoint = match transaction.savepoint("runbook").await {
        Ok(savepoint) => savepoint,
        Err(error) => return Asked { answer: Err(error), goes_on: false },
    };
    let answer = match ask(&savepoint, sql, limits).await {
        Ok(answer) => answer,
        Err(error) => match classify::statement(&error, limits.statement) {
            Some(failure) => Err(failure),
            None => return Asked { answer: Err(error), goes_on: false },
        },
    };
    match savepoint.rollback().await {
        Ok(()) => Asked { answer: Ok(answer), goes_on: true },
        // Why it failed says more than that the connection was closed upon it. What succeeded, and ended the transaction, was no question.
        Err(_) if answer.is_err() => Asked { answer: Ok(answer), goes_on: false },
        Err(error) => Asked { answer: Err(error), goes_on: false },
    }
}

async fn ask(transaction: &Transaction<'_>, sql: &str, limits: Limits) -> Result<Answer, Error> {
    let statement = transaction.prepare(sql).await?;
    if let Err(reason) = askable(&statement) {
        return Ok(Err(SqlFailure::new(FailureClass::Statement, reason)));
    }
    let portal = transaction.bind(&statement, &[] as &[&(dyn ToSql + Sync)]).await?;
    // One more than is counted tells that there are more.
    let rows = transaction.query_portal_raw(&portal, i32::from(limits.rows).saturating_add(1)).await?;
    let mut rows = pin!(rows);
    let mut outcome = SqlOutcome::empty();
    while let Some(row) = rows.try_next().await? {
        if outcome.rows == 0 {
            (outcome.value, outcome.row) = match values::read(&row) {
                Ok(read) => read,
                Err(reason) => return Ok(Err(SqlFailure::new(FailureClass::Statement, reason))),
            };
        }
        if outcome.rows == u32::from(limits.rows) {
            outcome.more = true;
        } else {
            outcome.rows += 1;
        }
    }
    Ok(Ok(outcome))
}

/// Whether a statement asks for something, and for what can be read. What returns no columns is no question: COMMIT, SET, DO.
fn askable(statement: &Statement) -> Result<(), String> {
    if !statement.params().is_empty() {
        return Err("it has parameters ($1), of which there are none: write the values".to_owned());
    }
    if statement.columns().is_empty() {
        return Err("it returns no columns: write a SELECT".to_owned());
    }
    match statement.columns().iter().find(|column| !values::is_read(column.type_())) {
        None => Ok(()),
        Some(column) => Err(format!(
            "its column {:?} is of type {}, which is not read: cast it, for example {}::text",
            column.name(),
            column.type_().name(),
            column.name()
        )),
    }
}
