//! PostgreSQL, asked by SQL.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use ipnet::IpNet;
use runbook_aws::Password;
use runbook_core::checks::SqlFailure;
use runbook_core::facts::SqlResults;
use runbook_core::query::SqlQuestion;
use runbook_probes::{Dialer, Limits, Networks, SqlTarget, Trust, sql};
use secrecy::SecretString;

use super::Databases;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// Databases that speak PostgreSQL's protocol.
pub struct Postgres {
    dialer: Dialer,
    trust: Trust,
}

impl Postgres {
    /// Connects to no network that is denied, unless it is among `allowed`, and trusts RDS's certificates and those of `authorities`,
    /// files in PEM.
    ///
    /// # Errors
    /// What is wrong with a file.
    pub fn new(allowed: Vec<IpNet>, authorities: &[PathBuf]) -> Result<Self, String> {
        let read = |path: &PathBuf| {
            let name = path.display().to_string();
            std::fs::read(path).map(|pem| (name.clone(), pem)).map_err(|error| format!("{name}: {error}"))
        };
        let files: Vec<(String, Vec<u8>)> = authorities.iter().map(read).collect::<Result<_, _>>()?;
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, pem)| (name.as_str(), pem.as_slice())).collect();
        let dialer = Dialer::new(Networks::default().allow(allowed), CONNECT);
        Ok(Self { dialer, trust: Trust::rds_and(&files)? })
    }
}

#[async_trait]
impl Databases for Postgres {
    async fn ask(&self, question: &SqlQuestion, password: &Password) -> Result<SqlResults, SqlFailure> {
        let target = SqlTarget {
            host: question.endpoint.address.clone(),
            port: question.endpoint.port,
            database: question.name.clone(),
            user: question.user.clone(),
            password: SecretString::from(password.expose()),
            trust: self.trust.clone(),
        };
        let total = Duration::try_from(question.timeout).unwrap_or_default();
        let limits = Limits { statement: total, total, ..Limits::default() };
        sql::run(&self.dialer, &target, &question.statements, limits).await
    }
}
