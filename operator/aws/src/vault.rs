//! Passwords of databases that were restored to be verified: made here, kept in memory alone, and gone with the process, which then sets
//! another.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::distr::{Alphanumeric, SampleString};
use runbook_core::DatabaseId;
use secrecy::{ExposeSecret, SecretString};

/// Characters of a password, of 62 that every engine takes: 238 bits. (Amazon RDS API Reference, ModifyDBInstance: 8 to 128 for
/// PostgreSQL, 8 to 41 for MySQL.)
const LENGTH: usize = 40;

/// A password. It shows itself to nobody who does not ask for it by name.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// This text as a password.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    fn random() -> Self {
        Self::new(Alphanumeric.sample_string(&mut rand::rng(), LENGTH))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(****)")
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

/// Passwords by database.
#[derive(Debug, Default)]
pub struct Vault {
    kept: Mutex<HashMap<DatabaseId, Kept>>,
}

#[derive(Debug)]
struct Kept {
    resource_id: String,
    password: Password,
    /// Whether RDS has taken it.
    set: bool,
}

impl Vault {
    /// A new password for a database, which counts when [`Vault::confirm`] says that RDS has taken it.
    pub fn renew(&self, database: &DatabaseId, resource_id: &str) -> Password {
        let password = Password::random();
        let kept = Kept { resource_id: resource_id.into(), password: password.clone(), set: false };
        self.kept().insert(database.clone(), kept);
        password
    }

    /// RDS has taken the password that was made last.
    pub fn confirm(&self, database: &DatabaseId) {
        if let Some(kept) = self.kept().get_mut(database) {
            kept.set = true;
        }
    }

    /// The resource id of the database of this name whose password is kept.
    pub fn holds(&self, database: &DatabaseId) -> Option<String> {
        self.kept().get(database).filter(|kept| kept.set).map(|kept| kept.resource_id.clone())
    }

    /// The password of the very database that has this resource id.
    pub fn password(&self, database: &DatabaseId, resource_id: &str) -> Option<Password> {
        let kept = self.kept();
        let kept = kept.get(database).filter(|kept| kept.set && kept.resource_id == resource_id)?;
        Some(kept.password.clone())
    }

    /// The database is gone, or goes.
    pub fn forget(&self, database: &DatabaseId) {
        self.kept().remove(database);
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<DatabaseId, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use runbook_core::{DatabaseKind, Scope};

    use super::*;

    #[test]
    fn a_password_counts_when_rds_has_it_and_for_one_database_alone() {
        let scope =
            Scope { connection: "default".into(), account_id: "111122223333".into(), region: "eu-central-1".into() };
        let database = DatabaseId { scope, kind: DatabaseKind::Instance, identifier: "rbv-one".into() };
        let vault = Vault::default();
        let first = vault.renew(&database, "db-1");
        assert_eq!((vault.holds(&database), vault.password(&database, "db-1")), (None, None));
        vault.confirm(&database);
        assert_eq!(vault.holds(&database).as_deref(), Some("db-1"));
        assert_eq!(vault.password(&database, "db-1"), Some(first.clone()));
        assert_eq!(vault.password(&database, "db-2"), None, "another database of the same name");
        assert_ne!(vault.renew(&database, "db-1"), first);
        assert_eq!(vault.holds(&database), None, "RDS may not have taken it");
        vault.forget(&database);
        vault.confirm(&database);
        assert_eq!(vault.holds(&database), None);
        assert_eq!((first.expose().len(), format!("{first:?}").as_str()), (LENGTH, "Password(****)"));
    }
}
