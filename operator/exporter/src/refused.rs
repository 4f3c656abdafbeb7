//! What errors of PostgreSQL, of pg_dump and of S3 mean.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use runbook_core::export::Reason;
use tokio_postgres::error::SqlState;

use crate::failure::Failure;

/// No more of what pg_dump has said is told.
const LONGEST: usize = 300;

/// A session that did not begin.
pub fn login(error: &tokio_postgres::Error, place: &str, user: &str) -> Failure {
    if let Some(answer) = error.as_db_error() {
        let code = answer.code();
        let (reason, advice) = match code.code() {
            state if state.starts_with("28") => (
                Reason::CredentialsRefused,
                format!("look at the password of {user} in the Secret, and at what the server lets it do"),
            ),
            state if state == SqlState::INVALID_CATALOG_NAME.code() => {
                (Reason::DatabaseNotFound, "correct the name of the database".to_owned())
            }
            "42501" => (Reason::PermissionDenied, format!("grant CONNECT to {user}")),
            _ => (Reason::DatabaseUnreachable, "it is tried again".to_owned()),
        };
        return Failure::new(reason, format!("{place}: {} {}; {advice}", code.code(), answer.message()));
    }
    // tokio-postgres tells these apart by their text alone.
    match error.to_string().as_str() {
        "error performing TLS handshake" => Failure::new(
            Reason::TlsFailed,
            format!(
                "{place}: {}; connect by the name that RDS gives, and give the CA where it is not RDS's",
                chain(error)
            ),
        ),
        "authentication error" | "invalid configuration" => {
            Failure::new(Reason::CredentialsRefused, format!("{place}: {user} cannot log in: {}", chain(error)))
        }
        _ => Failure::new(Reason::DatabaseUnreachable, format!("{place}: {}", chain(error))),
    }
}

/// A statement that failed.
pub fn statement(error: &tokio_postgres::Error, what: &str) -> Failure {
    let Some(answer) = error.as_db_error() else {
        return Failure::new(
            Reason::DatabaseUnreachable,
            format!("{what}: the connection was lost ({})", chain(error)),
        );
    };
    let code = answer.code();
    let reason = match code.code() {
        "42501" => Reason::PermissionDenied,
        "55P03" => Reason::TableLocked,
        // A replica's own reason to cancel ("Handling Query Conflicts").
        "40001" | "40P01" => Reason::ReplicaConflict,
        state if state.starts_with("57P") || state.starts_with("08") || state.starts_with("53") => {
            Reason::DatabaseUnreachable
        }
        _ => Reason::DumpFailed,
    };
    Failure::new(reason, format!("{what}: {} {}{}", code.code(), answer.message(), advice(reason)))
}

/// What pg_dump has said before it failed.
pub fn pg_dump(said: &str, ended: &str) -> Failure {
    let error = said.lines().find(|line| line.contains("error:")).or_else(|| said.lines().next()).unwrap_or_default();
    let error: String = error.chars().take(LONGEST).collect();
    let reason = match () {
        _ if said.contains("permission denied") || said.contains("row-level security") => Reason::PermissionDenied,
        _ if said.contains("conflict with recovery") => Reason::ReplicaConflict,
        _ if said.contains("lock timeout") => Reason::TableLocked,
        _ if said.contains("server version mismatch") => Reason::VersionTooOld,
        _ if said.contains("No space left on device") => Reason::NotInstalled,
        _ if said.contains("server closed the connection") || said.contains("connection to server") => {
            Reason::DatabaseUnreachable
        }
        _ => Reason::DumpFailed,
    };
    Failure::new(reason, format!("pg_dump {ended}: {error}{}", advice(reason)))
}

fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::PermissionDenied => {
            "; grant the role SELECT on what is exported (pg_read_all_data, and BYPASSRLS where rows are hidden)"
        }
        Reason::TableLocked => "; something alters the table, or is idle in a transaction that has",
        Reason::ReplicaConflict => {
            "; the replica cancels what reads for too long: turn on hot_standby_feedback, or export from a verified restore"
        }
        _ => "",
    }
}

/// What S3 refused.
pub fn s3<E>(operation: &str, place: &str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let (code, message) = match error {
        SdkError::ServiceError(refused) => (
            refused.err().code().map_or_else(|| format!("HTTP {}", status.unwrap_or_default()), Into::into),
            refused.err().message().unwrap_or_default().to_owned(),
        ),
        _ => (String::new(), chain(error)),
    };
    let reason = reason(&code, status, is_of_credentials(error));
    let advice = match reason {
        Reason::BucketNotFound => "correct the bucket, and the region of the account",
        Reason::BucketRefused => {
            "look at the IAM role of the ServiceAccount, the bucket's policy, its owner (bucketOwner) and the key's policy"
        }
        Reason::ObjectLocked => "it goes when its lock does",
        Reason::AwsCredentialsMissing => "give the ServiceAccount a role (IRSA, or a pod identity)",
        _ => "it is tried again",
    };
    let said: Vec<&str> = [code.as_str(), message.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
    Failure::new(reason, format!("{operation} of {place}: {}; {advice}", said.join(": ")))
}

/// Amazon S3 API Reference, "Error responses".
fn reason(code: &str, status: Option<u16>, of_credentials: bool) -> Reason {
    match (code, status) {
        _ if of_credentials => Reason::AwsCredentialsMissing,
        (
            "NoSuchBucket"
            | "PermanentRedirect"
            | "IllegalLocationConstraintException"
            | "AuthorizationHeaderMalformed",
            _,
        )
        | (_, Some(301)) => Reason::BucketNotFound,
        (
            "SlowDown"
            | "RequestTimeout"
            | "RequestTimeTooSkewed"
            | "ExpiredToken"
            | "InternalError"
            | "ServiceUnavailable",
            _,
        )
        | (_, Some(429)) => Reason::StorageUnavailable,
        ("EntityTooLarge", _) => Reason::TooLarge,
        (_, Some(400..=499)) => Reason::BucketRefused,
        _ => Reason::StorageUnavailable,
    }
}

fn is_of_credentials(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(|cause| cause.is::<CredentialsError>())
}

/// What an error and its causes say, each once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in std::iter::successors(Some(error), |&error| error.source()) {
        let part = cause.to_string();
        if !parts.last().is_some_and(|last| last.contains(&part)) {
            parts.push(part);
        }
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pg_dump_says_has_a_reason() {
        for (said, reason) in [
            ("pg_dump: error: query failed: ERROR:  permission denied for table users\n", Reason::PermissionDenied),
            (
                "pg_dump: error: Dumping the contents of table \"users\" failed: PQgetResult() failed.\npg_dump: detail: Error message from \
              server: ERROR:  canceling statement due to conflict with recovery",
                Reason::ReplicaConflict,
            ),
            ("pg_dump: error: query failed: ERROR:  canceling statement due to lock timeout", Reason::TableLocked),
            ("pg_dump: error: aborting because of server version mismatch", Reason::VersionTooOld),
            ("pg_dump: error: out of memory", Reason::DumpFailed),
            ("", Reason::DumpFailed),
        ] {
            assert_eq!(pg_dump(said, "ended with exit code 1").reason, reason, "{said}");
        }
        assert!(pg_dump(&format!("error: {}", "x".repeat(5000)), "ended").message.len() < 400);
    }

    #[test]
    fn what_s3_says_has_a_reason() {
        for (code, status, expected) in [
            ("NoSuchBucket", Some(404), Reason::BucketNotFound),
            ("PermanentRedirect", Some(301), Reason::BucketNotFound),
            ("AccessDenied", Some(403), Reason::BucketRefused),
            ("HTTP 403", Some(403), Reason::BucketRefused),
            ("KMS.DisabledException", Some(400), Reason::BucketRefused),
            ("SlowDown", Some(503), Reason::StorageUnavailable),
            ("ExpiredToken", Some(400), Reason::StorageUnavailable),
            ("", None, Reason::StorageUnavailable),
        ] {
            assert_eq!(reason(code, status, false), expected, "{code}");
        }
        assert_eq!(reason("", None, true), Reason::AwsCredentialsMissing);
    }
}
