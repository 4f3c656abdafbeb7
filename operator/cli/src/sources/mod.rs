//! From files to objects of our kinds, with what is wrong with the others.

mod files;
mod objects;

use std::fmt;

use runbook_api::{AwsAccount, BackupPolicy, DatabaseBackup, DatabaseRestore, ScalingOverride, ScalingPolicy};

use crate::arguments::Sources;
use crate::cluster::Existing;
use crate::errors::CliError;
use crate::kinds::Subject;
use crate::schema::Schemas;

/// Where an object was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file, or `standard input`.
    pub file: String,
    /// Which document of it, from 1; 0 where there is only one.
    pub document: usize,
}

/// An object, and where it was read.
#[derive(Clone, Debug)]
pub struct Sourced<T> {
    /// Where.
    pub origin: Origin,
    /// The object.
    pub object: T,
}

/// Something in a file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub origin: Origin,
    /// The object, where that much could be read.
    pub subject: Option<Subject>,
    /// What is wrong with it, a line each.
    pub messages: Vec<String>,
}

/// What the files declare.
#[derive(Debug, Default)]
pub struct Declared {
    /// ScalingOverrides.
    pub overrides: Vec<Sourced<ScalingOverride>>,
    /// AwsAccounts.
    pub accounts: Vec<Sourced<AwsAccount>>,
    /// ScalingPolicies.
    pub policies: Vec<Sourced<ScalingPolicy>>,
    /// BackupPolicies.
    pub backups: Vec<Sourced<BackupPolicy>>,
    /// DatabaseBackups.
    pub database_backups: Vec<Sourced<DatabaseBackup>>,
    /// DatabaseRestores.
    pub database_restores: Vec<Sourced<DatabaseRestore>>,
    /// What cannot be used.
    pub problems: Vec<Problem>,
    /// What was passed over, a line each.
    pub notes: Vec<String>,
}

/// Reads what `sources` names. Objects that exist already (`existing`) decide what must not change.
///
/// # Errors
/// When a file cannot be read, or there is nothing of ours in any.
pub fn load(sources: &Sources, existing: &Existing) -> Result<Declared, CliError> {
    let read = files::read(&sources.filenames)?;
    let schemas = Schemas::new()?;
    let declared = objects::sort(read, &schemas, &sources.namespace, existing);
    let Declared { overrides, accounts, policies, backups, database_backups, database_restores, problems, .. } =
        &declared;
    let runs = database_backups.is_empty() && database_restores.is_empty();
    let policies = policies.is_empty() && backups.is_empty() && runs;
    if overrides.is_empty() && accounts.is_empty() && policies && problems.is_empty() {
        let names: Vec<String> = sources.filenames.iter().map(|path| path.display().to_string()).collect();
        return Err(CliError::Usage(format!(
            "{} holds no object of {}: name the files or directories in which your policies are",
            names.join(", "),
            runbook_api::GROUP
        )));
    }
    Ok(declared)
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.document {
            0 => formatter.write_str(&self.file),
            number => write!(formatter, "{} (document {number})", self.file),
        }
    }
}
