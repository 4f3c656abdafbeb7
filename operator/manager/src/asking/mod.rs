//! What is asked of restored databases themselves, and what is known of them here. AWS is asked by the observation plane.

pub mod postgres;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use runbook_aws::{Freshness, Password, Vault};
use runbook_core::checks::{FailureClass, SqlFailure};
use runbook_core::facts::{Answer, SqlResults};
use runbook_core::query::SqlQuestion;
use runbook_core::{DatabaseId, Query};
use tokio::time::Instant;

/// How long an answer is kept that nobody asks for any more.
const KEPT: Duration = Duration::from_secs(3600);

/// What a database answers to statements: PostgreSQL in production, a fake in the simulator.
#[async_trait]
pub trait Databases: Send + Sync {
    /// Asks everything in one read-only transaction.
    ///
    /// # Errors
    /// Why nothing could be asked.
    async fn ask(&self, question: &SqlQuestion, password: &Password) -> Result<SqlResults, SqlFailure>;
}

/// Asks databases, and remembers what the last one answered: what was just asked is not asked again for the write that follows from it.
pub struct Asking {
    databases: Arc<dyn Databases>,
    answered: Mutex<HashMap<DatabaseId, Answered>>,
}

struct Answered {
    question: SqlQuestion,
    asked: Instant,
    answer: Result<SqlResults, SqlFailure>,
}

impl Asking {
    /// Asks these.
    pub fn new(databases: Arc<dyn Databases>) -> Self {
        Self { databases, answered: Mutex::default() }
    }

    /// The answer to a question that is not AWS's; none to one that is.
    pub async fn answer(&self, query: &Query, vault: &Vault, freshness: Freshness) -> Option<Answer> {
        match query {
            Query::Credential(database) => Some(Answer::Credential(vault.holds(database))),
            Query::Sql(question) => Some(Answer::Sql(self.ask(question, vault, freshness).await)),
            _ => None,
        }
    }

    async fn ask(&self, question: &SqlQuestion, vault: &Vault, freshness: Freshness) -> Result<SqlResults, SqlFailure> {
        if let Freshness::Since(time) = freshness {
            let known = self.answered();
            let known = known.get(&question.database).filter(|one| one.asked >= time && one.question == *question);
            if let Some(known) = known {
                return known.answer.clone();
            }
        }
        let Some(password) = vault.password(&question.database, &question.resource_id) else {
            return Err(SqlFailure::new(FailureClass::Credentials, "no password is known: another is set"));
        };
        let asked = Instant::now();
        let answer = self.databases.ask(question, &password).await;
        let mut answered = self.answered();
        answered.retain(|_, one| one.asked.elapsed() < KEPT);
        let kept = Answered { question: question.clone(), asked, answer: answer.clone() };
        answered.insert(question.database.clone(), kept);
        answer
    }

    fn answered(&self) -> MutexGuard<'_, HashMap<DatabaseId, Answered>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No database answers.
pub struct NoDatabases;

#[async_trait]
impl Databases for NoDatabases {
    async fn ask(&self, _: &SqlQuestion, _: &Password) -> Result<SqlResults, SqlFailure> {
        Err(SqlFailure::new(FailureClass::Unreachable, "no database is asked here"))
    }
}
