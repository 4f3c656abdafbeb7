//! Errors of the SDKs as [`CloudError`]s: one table.

use std::error::Error;
use std::io::ErrorKind;

use aws_config::meta::ProviderChainError;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::RequestId;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use runbook_core::{CloudError, ErrorClass};

use super::complete::Incomplete;
use crate::call::{Call, Request};

/// Longest message that is passed on; AWS's own are shorter, an intermediary's page is not.
const LONGEST: usize = 1000;
/// There are no credentials: a person must give some.
const NOT_LOADED: &str = "CredentialsNotLoaded";
/// There are credentials, but not now.
const UNAVAILABLE: &str = "CredentialsUnavailable";

/// Operations that remove something by its name.
const REMOVALS: [&str; 3] = ["DeleteScalingPolicy", "DeleteScheduledAction", "DeregisterScalableTarget"];

/// Operations of which RDS makes only so many at once.
const COPIES: [&str; 2] = ["CopyDBSnapshot", "CopyDBClusterSnapshot"];

/// What an error of the SDK means.
pub(super) fn classify<E>(call: &Call, error: &SdkError<E, HttpResponse>) -> CloudError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    classify_request(call.request(), error)
}

/// As [`classify`], of a request that is no [`Call`].
pub(super) fn classify_request<E>(request: Request, error: &SdkError<E, HttpResponse>) -> CloudError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let (class, code, message) = match error {
        SdkError::ServiceError(refused) => of_service(request.operation, request.write, refused.err().meta(), status),
        SdkError::TimeoutError(_) => (ErrorClass::Transient, "Timeout".into(), chain(error)),
        // What cannot be read is told by its status: an intermediary's page, not AWS's answer.
        SdkError::ResponseError(_) => match status {
            _ if causes(error).any(|cause| cause.is::<Incomplete>()) => {
                (ErrorClass::Transient, "IncompleteAnswer".into(), chain(error))
            }
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
        operation: request.operation,
        resource: request.resource,
        code,
        message: shortened(message),
        request_id: error.request_id().map(Into::into),
    }
}

type Classified = (ErrorClass, String, String);

fn of_service(operation: &str, write: bool, meta: &ErrorMetadata, status: Option<u16>) -> Classified {
    let code = match (meta.code(), status) {
        (Some(code), _) => code.to_owned(),
        (None, Some(status)) => format!("Http{status}"),
        (None, None) => "Unknown".to_owned(),
    };
    let message = meta.message().unwrap_or("AWS gave no message").to_owned();
    (by_message(operation, write, &code, &message).unwrap_or_else(|| class_of(&code, status)), code, message)
}

/// Where AWS uses one code for several things: what its message says, and of which operation it is.
fn by_message(operation: &str, write: bool, code: &str, message: &str) -> Option<ErrorClass> {
    let says = |part: &str| message.to_ascii_lowercase().contains(part);
    match code {
        // What Application Auto Scaling asks of CloudWatch on our behalf: the alarms of policies.
        "FailedResourceAccessException" if says("rate exceeded") || says("throttl") => Some(ErrorClass::Throttled),
        "FailedResourceAccessException" if !write => Some(ErrorClass::Transient),
        // Clocks apart, or a request that waited; but a secret that does not match stays wrong until somebody corrects it.
        "InvalidSignatureException" if !says("does not match") => Some(ErrorClass::Transient),
        "SignatureDoesNotMatch" if says("signature expired") || says("signature not yet current") => {
            Some(ErrorClass::Transient)
        }
        // Where something is to go, that it is gone is no conflict.
        "ObjectNotFoundException" if REMOVALS.contains(&operation) => Some(ErrorClass::NotFound),
        // The scalable target was deregistered meanwhile, or cannot be seen everywhere yet.
        "ObjectNotFoundException" if write => Some(ErrorClass::Conflict),
        "ResourceNotFoundException" if operation == "ListTagsForResource" => Some(ErrorClass::Conflict),
        // RDS makes so many copies of a region at once; the other quota is of snapshots that stay.
        "SnapshotQuotaExceeded" if COPIES.contains(&operation) && (says("across regions") || says("in progress")) => {
            Some(ErrorClass::Conflict)
        }
        // What was shared, or taken, a moment ago is not seen everywhere yet; what is gone is not wanted any more when it is looked again.
        "DBSnapshotNotFound" | "DBSnapshotNotFoundFault" | "DBClusterSnapshotNotFoundFault"
            if COPIES.contains(&operation) =>
        {
            Some(ErrorClass::Conflict)
        }
        // A service-linked role that was made a moment ago.
        "ValidationException" if says("unable to assume iam role") => Some(ErrorClass::Conflict),
        // Tags are given with a first registration only; somebody else was first.
        "ValidationException" if says("tried to tag already exists") => Some(ErrorClass::Conflict),
        _ => None,
    }
}

/// The table: AWS's error codes (API References of Amazon ECS, Application Auto Scaling, STS and SQS, "Common Errors"), then the HTTP status.
pub(super) fn class_of(code: &str, status: Option<u16>) -> ErrorClass {
    match code {
        "Throttling" | "ThrottlingException" | "ThrottledException" | "RequestThrottled" | "RequestThrottledException"
        | "RequestLimitExceeded" | "TooManyRequestsException" | "TooManyRequests" | "SlowDown" | "BandwidthLimitExceeded"
        | "LimitExceeded.Throttling" | "OverLimit" | "KmsThrottled" | "KMS.ThrottlingException" | "EC2ThrottledException" | "PriorRequestNotComplete" | "TransactionInProgressException" => {
            ErrorClass::Throttled
        }
        // The SDK loads new credentials for the next call; credentials that are never renewed fail on, and the message says so.
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "RequestTimeTooSkewed" => ErrorClass::Transient,
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" | "SignatureDoesNotMatch"
        | "InvalidSignatureException" | "IncompleteSignature" | "IncompleteSignatureException" | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" | "NotAuthorized" | "OptInRequired" | "UnauthorizedOperation" | "AuthFailure"
        // The role lacks a permission on something behind the resource, such as cloudwatch:PutMetricAlarm.
        | "FailedResourceAccessException" | "RegionDisabledException" | "InvalidIdentityToken" | "InvalidIdentityTokenException"
        | "IDPRejectedClaim" => ErrorClass::Denied,
        // The key that a queue, or a snapshot, is encrypted with.
        "KmsAccessDenied" | "KMS.AccessDeniedException" | "KMSKeyNotAccessibleFault" => ErrorClass::Denied,
        _ if code.starts_with("AccessDenied") => ErrorClass::Denied,
        "ClusterNotFoundException" | "ServiceNotFoundException" | "ObjectNotFoundException" | "ResourceNotFoundException"
        | "NamespaceNotFoundException" | "QueueDoesNotExist" | "AWS.SimpleQueueService.NonExistentQueue" | "DBInstanceNotFound"
        | "DBInstanceNotFoundFault" | "DBClusterNotFoundFault" | "DBSnapshotNotFound" | "DBSnapshotNotFoundFault"
        | "DBClusterSnapshotNotFoundFault" => ErrorClass::NotFound,
        // A service that is being deleted: observing it again tells what there is to say.
        "ServiceNotActiveException" | "ConcurrentUpdateException" | "UpdateInProgressException" | "ResourceInUseException"
        | "ConflictException" | "ConcurrentModificationException"
        // It is there since a moment ago: by another hand, or by a request whose answer was lost.
        | "DBInstanceAlreadyExists" | "DBInstanceAlreadyExistsFault" | "DBSnapshotAlreadyExists" | "DBSnapshotAlreadyExistsFault" | "DBClusterSnapshotAlreadyExistsFault"
        // A database, or a snapshot, that is busy with something else.
        | "InvalidDBInstanceState" | "InvalidDBInstanceStateFault" | "InvalidDBClusterStateFault" | "InvalidDBSnapshotState"
        | "InvalidDBSnapshotStateFault" | "InvalidDBClusterSnapshotStateFault" => ErrorClass::Conflict,
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
            || (ErrorClass::Transient, UNAVAILABLE.into(), chain(credentials)),
            |(class, code, message)| (class, code, format!("the role could not be assumed: {message}")),
        ));
    }
    let missing =
        matches!(credentials, CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_));
    Some(if missing && !causes(credentials).any(is_unreachable) {
        (ErrorClass::Denied, NOT_LOADED.into(), chain(credentials))
    } else {
        (ErrorClass::Transient, UNAVAILABLE.into(), chain(credentials))
    })
}

/// Credentials that have worked are there: that they cannot be got now passes.
pub(super) fn after_success(error: CloudError) -> CloudError {
    if error.code != NOT_LOADED {
        return error;
    }
    CloudError { class: ErrorClass::Transient, code: UNAVAILABLE.into(), ..error }
}

/// Whether something that gives credentials (the instance, a container's agent, STS) was not reached.
fn is_unreachable(cause: &(dyn Error + 'static)) -> bool {
    // A chain of providers names no cause but has one for each.
    if let Some(tried) = cause.downcast_ref::<ProviderChainError<CredentialsError>>() {
        return tried.attempts().iter().any(|attempt| causes(attempt.error()).any(is_unreachable));
    }
    if let Some(error) = cause.downcast_ref::<std::io::Error>() {
        return !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied);
    }
    // The SDK's errors of other operations have types that are not all public.
    let text = cause.to_string();
    cause.is::<ConnectorError>() || ["dispatch failure", "timed out", "timeout"].iter().any(|part| text.contains(part))
}

/// What a service answered, where it answered.
fn service_part<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<Classified> {
    let status = error.raw_response().map(|response| response.status().as_u16());
    match error {
        SdkError::ServiceError(refused) => Some(of_service("", false, refused.err().meta(), status)),
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
    use runbook_core::observed::{Capacity, Suspended};
    use runbook_core::{DatabaseKind, Namespace};

    use super::*;
    use crate::call::RdsCall;

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
            ("QueueDoesNotExist", Some(400), ErrorClass::NotFound),
            ("KmsAccessDenied", Some(400), ErrorClass::Denied),
            ("OverLimit", Some(400), ErrorClass::Throttled),
            ("ServiceNotActiveException", Some(400), ErrorClass::Conflict),
            ("ConcurrentUpdateException", Some(500), ErrorClass::Conflict),
            ("UpdateInProgressException", Some(400), ErrorClass::Conflict),
            ("DBSnapshotAlreadyExists", Some(400), ErrorClass::Conflict),
            ("DBClusterSnapshotAlreadyExistsFault", Some(400), ErrorClass::Conflict),
            ("SnapshotQuotaExceeded", Some(400), ErrorClass::Invalid),
            ("KMSKeyNotAccessibleFault", Some(400), ErrorClass::Denied),
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
    fn messages_tell_apart_what_codes_do_not() {
        let describe = Call::DescribeScalingPolicies { namespace: Namespace::Ecs, resource_id: None, next_token: None };
        let put = Call::RegisterScalableTarget {
            resource_id: "service/app/web".into(),
            capacity: Capacity { min: 1, max: 2, suspended: Suspended::default() },
            tags: vec![],
        };
        let delete = Call::DeleteScalingPolicy { resource_id: "service/app/web".into(), name: "cpu".into() };
        let deregister = Call::DeregisterScalableTarget { resource_id: "service/app/web".into() };
        let tags = Call::ListTagsForResource { arn: "arn".into() };
        let copy = Call::Rds(RdsCall::CopySnapshot {
            kind: DatabaseKind::Instance,
            source: "one".into(),
            snapshot: "one".into(),
            kms_key: None,
            option_group: None,
            tags: vec![],
        });
        let rate = "Unable to retrieve alarms for scaling policy arn due to reason: Rate exceeded (Service: AmazonCloudWatch; \
                    Status Code: 400; Error Code: Throttling; Request ID: 1)";
        let role = "Unable to create alarms due to reason: not authorized to perform: cloudwatch:PutMetricAlarm";
        for (call, code, message, class) in [
            (&describe, "FailedResourceAccessException", rate, ErrorClass::Throttled),
            (&put, "FailedResourceAccessException", rate, ErrorClass::Throttled),
            (&describe, "FailedResourceAccessException", "Unable to retrieve alarms", ErrorClass::Transient),
            (&put, "FailedResourceAccessException", role, ErrorClass::Denied),
            (&put, "ObjectNotFoundException", "No scalable target registered", ErrorClass::Conflict),
            (&describe, "ObjectNotFoundException", "No scalable target registered", ErrorClass::NotFound),
            (&delete, "ObjectNotFoundException", "No scaling policy found", ErrorClass::NotFound),
            (&deregister, "ObjectNotFoundException", "No scalable target found", ErrorClass::NotFound),
            (&tags, "ResourceNotFoundException", "The resource does not exist", ErrorClass::Conflict),
            (&copy, "SnapshotQuotaExceeded", "Cannot copy more than 20 snapshots across regions", ErrorClass::Conflict),
            (&copy, "SnapshotQuotaExceeded", "Cannot create more than 100 manual snapshots", ErrorClass::Invalid),
            (&copy, "DBSnapshotNotFound", "DBSnapshot arn not found", ErrorClass::Conflict),
            (
                &put,
                "ValidationException",
                "The scalable target that you tried to tag already exists. To update tags, use the TagResource API.",
                ErrorClass::Conflict,
            ),
            (&put, "ValidationException", "Unable to assume IAM role: arn:aws:iam::1:role/x", ErrorClass::Conflict),
            (&put, "ValidationException", "Maximum capacity cannot be less than minimum capacity", ErrorClass::Invalid),
            (&put, "InvalidSignatureException", "Signature expired: 1 is now earlier than 2", ErrorClass::Transient),
            (
                &put,
                "SignatureDoesNotMatch",
                "Signature not yet current: 1 is still later than 2",
                ErrorClass::Transient,
            ),
            (
                &put,
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided.",
                ErrorClass::Denied,
            ),
        ] {
            let meta = ErrorMetadata::builder().code(code).message(message).build();
            assert_eq!(
                of_service(call.operation(), call.is_write(), &meta, Some(400)).0,
                class,
                "{}: {code}: {message}",
                call.operation()
            );
        }
    }

    #[test]
    fn credentials_that_cannot_be_reached_are_not_missing() {
        let not_loaded = |source: &'static str| {
            SdkError::<aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError, HttpResponse>::dispatch_failure(
                ConnectorError::other(Box::new(CredentialsError::not_loaded(source)), None),
            )
        };
        let missing = classify(&Call::GetCallerIdentity, &not_loaded("environment variable not set"));
        assert_eq!((missing.class, missing.code.as_str()), (ErrorClass::Denied, NOT_LOADED));
        let unreached = classify(&Call::GetCallerIdentity, &not_loaded("IMDS: dispatch failure: timed out"));
        assert_eq!((unreached.class, unreached.code.as_str()), (ErrorClass::Transient, UNAVAILABLE));
        let later = after_success(missing);
        assert_eq!((later.class, later.code.as_str()), (ErrorClass::Transient, UNAVAILABLE));
        let refused = CloudError { class: ErrorClass::Denied, code: "AccessDenied".into(), ..later };
        assert_eq!(after_success(refused.clone()), refused);
    }

    #[test]
    fn messages_are_cut_between_characters() {
        let message = shortened("ä".repeat(2000));
        assert!(message.len() <= LONGEST + '…'.len_utf8() && message.ends_with("ä…"));
        assert_eq!(shortened("short".into()), "short");
    }
}
