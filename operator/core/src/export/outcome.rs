//! What came of an export: the termination message of its container.

use serde::{Deserialize, Serialize};

/// The kubelet takes no longer termination message (Kubernetes documentation, "Customizing the termination message").
const LONGEST: usize = 4096;
/// No more characters of what went wrong are told; each takes four bytes at most.
const LONGEST_MESSAGE: usize = 900;
/// And of what retention could not do, which stands beside the rest.
const LONGEST_NOTE: usize = 300;

/// What came of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "result")]
pub enum Outcome {
    /// It is in S3, with its manifest.
    #[serde(rename = "Complete")]
    Complete(Done),
    /// It is not.
    #[serde(rename = "Failed")]
    Failed {
        /// Why.
        reason: Reason,
        /// For a person: what happened, to what, what to do next.
        message: String,
    },
}

/// What is in S3.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Done {
    /// Key of the dump; its manifest has the same and `.manifest.json`.
    pub key: String,
    /// How many tables it has.
    pub tables: u64,
    /// How many rows they have together.
    pub rows: u64,
    /// Bytes of the object.
    pub bytes: u64,
    /// SHA-256 of the object, in hexadecimal digits.
    pub sha256: String,
    /// How many older exports were deleted.
    pub deleted: u64,
    /// How many older exports are due and stay, because the bucket keeps them locked.
    pub retained: u64,
    /// What retention could not do, for a person. The export is complete all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_refused: Option<String>,
}

/// Why there is no export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// What was ordered cannot be read, or makes no sense.
    InvalidOrder,
    /// The Secret of the connection lacks something.
    CredentialsMissing,
    /// The server lets this role not in.
    CredentialsRefused,
    /// The server's certificate is not for this host, or of nobody who is known.
    TlsFailed,
    /// There is no server, or it takes nobody now.
    DatabaseUnreachable,
    /// The server has no such database.
    DatabaseNotFound,
    /// The server is a primary and not a replica, or the other way round.
    WrongSource,
    /// A table that is named is not there.
    TableNotFound,
    /// The role may not read something.
    PermissionDenied,
    /// Something holds a lock on a table for too long.
    TableLocked,
    /// The replica has cancelled the dump.
    ReplicaConflict,
    /// pg_dump is of an older major version than the server.
    VersionTooOld,
    /// pg_dump has failed otherwise.
    DumpFailed,
    /// The bucket is not there, or is in another region.
    BucketNotFound,
    /// S3 refuses: IAM, the bucket's policy, its owner, or the key that it encrypts with.
    BucketRefused,
    /// There are no credentials of AWS to be had.
    AwsCredentialsMissing,
    /// Something else has the key.
    KeyTaken,
    /// What has to be replaced or removed is locked.
    ObjectLocked,
    /// S3 does not answer, or not in time.
    StorageUnavailable,
    /// The dump is larger than an object of S3 can be.
    TooLarge,
    /// The container was told to end.
    Interrupted,
    /// The machine has not what is needed: pg_dump, a folder to write to.
    NotInstalled,
}

impl Reason {
    /// Whether it may pass without anybody doing anything.
    pub fn is_temporary(self) -> bool {
        matches!(
            self,
            Self::DatabaseUnreachable
                | Self::TableLocked
                | Self::ReplicaConflict
                | Self::StorageUnavailable
                | Self::AwsCredentialsMissing
                | Self::DumpFailed
                | Self::Interrupted
        )
    }

    /// As conditions have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidOrder => "InvalidOrder",
            Self::CredentialsMissing => "CredentialsMissing",
            Self::CredentialsRefused => "CredentialsRefused",
            Self::TlsFailed => "TlsFailed",
            Self::DatabaseUnreachable => "DatabaseUnreachable",
            Self::DatabaseNotFound => "DatabaseNotFound",
            Self::WrongSource => "WrongSource",
            Self::TableNotFound => "TableNotFound",
            Self::PermissionDenied => "PermissionDenied",
            Self::TableLocked => "TableLocked",
            Self::ReplicaConflict => "ReplicaConflict",
            Self::VersionTooOld => "VersionTooOld",
            Self::DumpFailed => "DumpFailed",
            Self::BucketNotFound => "BucketNotFound",
            Self::BucketRefused => "BucketRefused",
            Self::AwsCredentialsMissing => "AwsCredentialsMissing",
            Self::KeyTaken => "KeyTaken",
            Self::ObjectLocked => "ObjectLocked",
            Self::StorageUnavailable => "StorageUnavailable",
            Self::TooLarge => "TooLarge",
            Self::Interrupted => "Interrupted",
            Self::NotInstalled => "NotInstalled",
        }
    }
}

impl Outcome {
    /// As the termination message: one line of JSON, no longer than the kubelet takes.
    pub fn told(&self) -> String {
        let shorter = match self {
            Self::Complete(done) => Self::Complete(Done {
                retention_refused: done.retention_refused.as_deref().map(|note| shortened(note, LONGEST_NOTE)),
                ..done.clone()
            }),
            Self::Failed { reason, message } => {
                Self::Failed { reason: *reason, message: shortened(message, LONGEST_MESSAGE) }
            }
        };
        serde_json::to_string(&shorter).unwrap_or_default()
    }

    /// Reads a termination message; none for what is no outcome.
    pub fn read(message: &str) -> Option<Self> {
        (message.len() <= LONGEST).then(|| serde_json::from_str(message).ok()).flatten()
    }
}

/// Without control characters, which JSON would write with six.
fn shortened(message: &str, most: usize) -> String {
    let plain: String = message.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
    match plain.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &plain[..end]),
        None => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read_again() {
        let done = Done { key: "database/user-data-20260301-013000.dump.zst".into(), rows: 40, ..Done::default() };
        for outcome in [
            Outcome::Complete(done),
            Outcome::Failed { reason: Reason::TableNotFound, message: "there is no table users".into() },
        ] {
            assert_eq!(Outcome::read(&outcome.told()), Some(outcome));
        }
        assert_eq!(Outcome::read("killed"), None);
        assert_eq!(Outcome::read(""), None);
    }

    #[test]
    fn it_is_no_longer_than_the_kubelet_takes() {
        for character in ["x", "\u{1F600}", "\u{1}", "\"", "\\"] {
            let failed = Outcome::Failed { reason: Reason::DumpFailed, message: character.repeat(5000) };
            assert!(failed.told().len() <= LONGEST, "{character:?}");
            let (key, refused) = ("k".repeat(1024), Some(character.repeat(5000)));
            let done = Done { key, sha256: "0".repeat(64), retention_refused: refused, ..Done::default() };
            assert!(Outcome::Complete(done).told().len() <= LONGEST, "{character:?}");
        }
    }

    #[test]
    fn a_reason_is_called_as_it_is_written() {
        for reason in [Reason::TableNotFound, Reason::BucketRefused, Reason::VersionTooOld, Reason::Interrupted] {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }
}
