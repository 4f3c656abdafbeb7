//! Errors of the SDKs as [`CloudError`]s: one table.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::RequestId;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use runbook_core::{CloudError, ErrorClass};

use crate::call::Call;

/// Longest message that is passed on; AWS's own are shorter, an intermediary's page is not.
const LONGEST: usize = 1000;

/// What an error of the SDK means.
pub(super) fn classify<E>(call: &Call, error: &SdkError<E, HttpResponse>) -> CloudError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let (class, code, message) = match error {
        SdkError::ServiceError(refused) => of_service(refused.err().meta(), status),
        SdkError::TimeoutError(_) => (ErrorClass::Transient, "Timeout".into(), chain(error)),
        // What cannot be read is told by its status: an intermediary's page, not AWS's answer.
        SdkError::ResponseError(_) => match status {
            Some(status @ 400..) => (class_of("", Some(status)), format!("Http{status}"), chain(error)),
            _ => (ErrorClass::Transient, "BadResponse".into(), chain(error)),
        },
        _ => of_credentials(error).unwrap_or_else(|| match error {
            SdkError::ConstructionFailure(_) => (ErrorClass::Invalid, "BadRequest".into(), chain(error)),
            // No answer came; the request may have been sent.
            _ => (ErrorClass::Transient, "DispatchFailure".into(), chain(error)),
        }),
    };
    CloudError {
        class,
        operation: call.operation(),
        resource: call.resource(),
        code,
        message: shortened(message),
        request_id: error.request_id().map(Into::into),
    }
}

type Classified = (ErrorClass, String, String);

fn of_service(meta: &ErrorMetadata, status: Option<u16>) -> Classified {
    let code = match (meta.code(), status) {
        (Some(code), _) => code.to_owned(),
        (None, Some(status)) => format!("Http{status}"),
        (None, None) => "Unknown".to_owned(),
    };
    let message = meta.message().unwrap_or("AWS gave no message").to_owned();
    (class_of(&code, status), code, message)
}

/// The table: AWS's error codes (API References of Amazon ECS, Application Auto Scaling and STS, "Common Errors"), then the HTTP status.
pub(super) fn class_of(code: &str, status: Option<u16>) -> ErrorClass {
    match code {
        "Throttling" | "ThrottlingException" | "ThrottledException" | "RequestThrottled" | "RequestThrottledException"
        | "RequestLimitExceeded" | "TooManyRequestsException" | "TooManyRequests" | "SlowDown" | "BandwidthLimitExceeded"
        | "LimitExceeded.Throttling" | "EC2ThrottledException" | "PriorRequestNotComplete" | "TransactionInProgressException" => {
            ErrorClass::Throttled
        }
        // The SDK loads new credentials for the next call; credentials that are never renewed fail on, and the message says so.
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "RequestTimeTooSkewed" => ErrorClass::Transient,
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" | "SignatureDoesNotMatch"
        | "InvalidSignatureException" | "IncompleteSignature" | "IncompleteSignatureException" | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" | "NotAuthorized" | "OptInRequired" | "UnauthorizedOperation" | "AuthFailure"
        // The role lacks a permission on something behind the resource, such as cloudwatch:DescribeAlarms.
        | "FailedResourceAccessException" | "RegionDisabledException" | "InvalidIdentityToken" | "InvalidIdentityTokenException"
        | "IDPRejectedClaim" => ErrorClass::Denied,
        _ if code.starts_with("AccessDenied") => ErrorClass::Denied,
        "ClusterNotFoundException" | "ServiceNotFoundException" | "ObjectNotFoundException" | "ResourceNotFoundException"
        | "NamespaceNotFoundException" => ErrorClass::NotFound,
        // A service that is being deleted: observing it again tells what there is to say.
        "ServiceNotActiveException" | "ConcurrentUpdateException" | "UpdateInProgressException" | "ResourceInUseException"
        | "ConflictException" | "ConcurrentModificationException" => ErrorClass::Conflict,
        "ValidationException" | "ValidationError" | "InvalidParameterException" | "InvalidParameterValue"
        | "LimitExceededException" | "UnsupportedFeatureException" | "ClientException" | "UnknownOperationException"
        | "InvalidAction" | "MalformedQueryString" | "SerializationException" => ErrorClass::Invalid,
        // A page's token lapsed: the list is read again from its beginning.
        "InvalidNextTokenException" | "InvalidNextToken" => ErrorClass::Transient,
        "InternalServiceException" | "InternalFailure" | "InternalError" | "InternalServerError" | "ServerException"
        | "ServiceUnavailable" | "ServiceUnavailableException" | "RequestTimeout" | "RequestTimeoutException"
        | "IDPCommunicationError" => ErrorClass::Transient,
        _ => match status {
            Some(429) => ErrorClass::Throttled,
            Some(401 | 403) => ErrorClass::Denied,
            Some(408) => ErrorClass::Transient,
            Some(400..=499) => ErrorClass::Invalid,
            _ => ErrorClass::Transient,
        },
    }
}

/// A failure to get credentials, which the SDK hides among the failures of sending.
fn of_credentials<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> Option<Classified> {
    let credentials = causes(error).find_map(|cause| cause.downcast_ref::<CredentialsError>())?;
    // STS may have refused the role, or not have answered.
    let refused = causes(credentials).find_map(|cause| {
        let role = cause.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>().map(service_part);
        let web = cause.downcast_ref::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>().map(service_part);
        role.or(web)
    });
    if let Some(refused) = refused {
        return Some(refused.map_or_else(
            || (ErrorClass::Transient, "CredentialsUnavailable".into(), chain(credentials)),
            |(class, code, message)| (class, code, format!("the role could not be assumed: {message}")),
        ));
    }
    let class = match credentials {
        CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_) => ErrorClass::Denied,
        _ => ErrorClass::Transient,
    };
    let code = if class == ErrorClass::Denied { "CredentialsNotLoaded" } else { "CredentialsUnavailable" };
    Some((class, code.into(), chain(credentials)))
}

/// What a service answered, where it answered.
fn service_part<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<Classified> {
    let status = error.raw_response().map(|response| response.status().as_u16());
    match error {
        SdkError::ServiceError(refused) => Some(of_service(refused.err().meta(), status)),
        _ => None,
    }
}

/// An error and everything behind it.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// What an error and its causes say, each once. Never their debug form, which may hold a request and its headers.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in causes(error) {
        let part = cause.to_string();
        if !parts.last().is_some_and(|last| last.contains(&part)) {
            parts.push(part);
        }
    }
    parts.join(": ")
}

fn shortened(mut message: String) -> String {
    if message.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| message.is_char_boundary(*end)).unwrap_or_default();
        message.truncate(end);
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_classes() {
        for (code, status, class) in [
            ("ThrottlingException", Some(400), ErrorClass::Throttled),
            ("Throttling", Some(400), ErrorClass::Throttled),
            ("RequestLimitExceeded", Some(503), ErrorClass::Throttled),
            ("TooManyRequestsException", Some(429), ErrorClass::Throttled),
            ("Http429", Some(429), ErrorClass::Throttled),
            ("AccessDenied", Some(403), ErrorClass::Denied),
            ("AccessDeniedException", Some(400), ErrorClass::Denied),
            ("UnrecognizedClientException", Some(400), ErrorClass::Denied),
            ("InvalidClientTokenId", Some(403), ErrorClass::Denied),
            ("SignatureDoesNotMatch", Some(403), ErrorClass::Denied),
            ("FailedResourceAccessException", Some(400), ErrorClass::Denied),
            ("Http403", Some(403), ErrorClass::Denied),
            ("ExpiredToken", Some(403), ErrorClass::Transient),
            ("ExpiredTokenException", Some(400), ErrorClass::Transient),
            ("ClusterNotFoundException", Some(400), ErrorClass::NotFound),
            ("ServiceNotFoundException", Some(400), ErrorClass::NotFound),
            ("ObjectNotFoundException", Some(400), ErrorClass::NotFound),
            ("ServiceNotActiveException", Some(400), ErrorClass::Conflict),
            ("ConcurrentUpdateException", Some(500), ErrorClass::Conflict),
            ("UpdateInProgressException", Some(400), ErrorClass::Conflict),
            ("ValidationException", Some(400), ErrorClass::Invalid),
            ("InvalidParameterException", Some(400), ErrorClass::Invalid),
            ("LimitExceededException", Some(400), ErrorClass::Invalid),
            ("SomethingNew", Some(400), ErrorClass::Invalid),
            ("InvalidNextTokenException", Some(400), ErrorClass::Transient),
            ("ServerException", Some(500), ErrorClass::Transient),
            ("InternalServiceException", Some(500), ErrorClass::Transient),
            ("SomethingNew", Some(503), ErrorClass::Transient),
            ("Http500", Some(500), ErrorClass::Transient),
            ("Unknown", None, ErrorClass::Transient),
        ] {
            assert_eq!(class_of(code, status), class, "{code} {status:?}");
        }
    }

    #[test]
    fn messages_are_cut_between_characters() {
        let message = shortened("ä".repeat(2000));
        assert!(message.len() <= LONGEST + '…'.len_utf8() && message.ends_with("ä…"));
        assert_eq!(shortened("short".into()), "short");
    }
}
