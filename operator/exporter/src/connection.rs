//! As whom the database is read: the files of a mounted Secret.

use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use runbook_core::export::{Order, Reason};
use runbook_probes::roots::RDS_ROOTS;
use secrecy::SecretString;

use crate::failure::Failure;

/// As whom the database is read. Printing it shows no password.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Role.
    pub user: String,
    /// Its password.
    pub password: SecretString,
    /// Name of the database.
    pub database: String,
}

impl Connection {
    /// Reads `username`, `password` and, where the order names no database, `dbname` (or `database`).
    ///
    /// # Errors
    /// One of them is missing.
    pub fn read(folder: &Path, order: &Order) -> Result<Self, Failure> {
        let named = || match file(folder, "dbname")? {
            Some(name) => Ok(Some(name)),
            None => file(folder, "database"),
        };
        let database = match &order.database {
            Some(name) => Some(name.clone()),
            None => named()?.or_else(|| order.instance_database.clone()),
        };
        Ok(Self {
            user: file(folder, "username")?.ok_or_else(|| missing("username"))?,
            password: file(folder, "password")?.ok_or_else(|| missing("password"))?.into(),
            database: database.ok_or_else(|| missing("dbname"))?,
        })
    }
}

/// A key of the Secret, without the line's end that `echo` adds.
fn file(folder: &Path, name: &str) -> Result<Option<String>, Failure> {
    match fs::read_to_string(folder.join(name)) {
        Ok(text) => Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()).filter(|text| !text.is_empty())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(Failure::new(Reason::CredentialsMissing, format!("{name} of the Secret cannot be read: {error}")))
        }
    }
}

fn missing(name: &str) -> Failure {
    Failure::new(Reason::CredentialsMissing, format!("the Secret of the connection has no {name}: add it"))
}

/// RDS's certificate authorities, and those of a file or folder, in PEM.
///
/// # Errors
/// The file or folder cannot be read.
pub fn authorities(further: Option<&Path>) -> Result<String, Failure> {
    let mut all = RDS_ROOTS.to_owned();
    let Some(further) = further else { return Ok(all) };
    let refused = |error: std::io::Error| {
        Failure::new(Reason::NotInstalled, format!("{} cannot be read: {error}", further.display()))
    };
    let files = if further.is_dir() {
        let entries = fs::read_dir(further).map_err(refused)?.filter_map(Result::ok).map(|entry| entry.path());
        // A mounted ConfigMap has folders of its own beside the files.
        entries.filter(|path| path.is_file()).collect()
    } else {
        vec![further.to_owned()]
    };
    for file in files {
        let _ = write!(all, "\n{}", fs::read_to_string(file).map_err(refused)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn order(database: Option<&str>) -> Order {
        serde_json::from_value(serde_json::json!({
            "owner": "o", "name": "n", "slot": "2026-03-04T01:00:00Z", "databaseArn": "arn", "source": "Primary",
            "host": "h", "port": 5432, "deadlineSeconds": 3600, "database": database,
            "s3": {"bucket": "bucket", "region": "eu-central-1", "bucketOwner": "123456789012"},
        }))
        .unwrap()
    }

    #[test]
    fn a_secret_as_people_make_it() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let read = |database| Connection::read(folder.path(), &order(database));
        put("username", "clocked\n");
        let failure = read(None).unwrap_err();
        assert_eq!((failure.reason, failure.message.contains("no password")), (Reason::CredentialsMissing, true));
        put("password", " p w \r\n");
        assert!(read(None).unwrap_err().message.contains("no dbname"));
        assert_eq!(read(Some("other")).unwrap().database, "other");
        put("database", "clocked");
        let found = read(None).unwrap();
        assert_eq!(
            (found.user.as_str(), found.password.expose_secret(), found.database.as_str()),
            ("clocked", " p w ", "clocked")
        );
        assert!(!format!("{found:?}").contains("p w"));
    }
}
