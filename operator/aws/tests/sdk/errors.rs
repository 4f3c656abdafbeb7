//! What becomes of refusals and of no answer.

use runbook_aws::Cloud;
use runbook_core::ErrorClass;

use crate::server::*;
use crate::support::scope;

#[tokio::test]
async fn errors_keep_code_message_and_request_id() {
    let call = describe(&["web"]);
    for (status, body, class, code) in [
        (
            400,
            r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#,
            ErrorClass::Throttled,
            "ThrottlingException",
        ),
        (
            400,
            r#"{"__type":"ClusterNotFoundException","message":"Cluster not found."}"#,
            ErrorClass::NotFound,
            "ClusterNotFoundException",
        ),
        (
            400,
            r#"{"__type":"com.amazonaws.ecs#AccessDeniedException","Message":"no"}"#,
            ErrorClass::Denied,
            "AccessDeniedException",
        ),
        (500, r#"{"__type":"ServerException","message":"oops"}"#, ErrorClass::Transient, "ServerException"),
        (500, "<html>Internal Server Error</html>", ErrorClass::Transient, "Http500"),
        (403, "<html>Forbidden</html>", ErrorClass::Denied, "Http403"),
        (403, "", ErrorClass::Denied, "Http403"),
    ] {
        let error = refused(status, body, &call).await;
        assert_eq!((error.class, error.code.as_str()), (class, code), "{error:?}");
        assert_eq!(error.request_id.as_deref(), Some("r-1"), "{error:?}");
        assert_eq!((error.operation, error.resource.as_str()), ("DescribeServices", "app/web"));
    }
    let error = refused(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#, &call).await;
    assert_eq!(error.to_string(), "DescribeServices of app/web failed with ThrottlingException: Rate exceeded");
}

#[tokio::test]
async fn no_answer_is_transient_and_no_secret_is_told() {
    let server = Server::start(|_| (0, String::new())).await;
    let error = cloud(&server, false).await.call(&scope(), &describe(&["web"])).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Transient, "DispatchFailure"), "{error:?}");
    assert!(!format!("{error:?}").contains(SECRET));
    assert_eq!(server.requests().len(), 1, "nothing is retried here");
    assert!(!server.requests()[0].head.contains(SECRET));
}
