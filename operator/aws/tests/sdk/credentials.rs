//! Roles and connections.

use std::sync::atomic::Ordering;

use runbook_aws::{Call, Cloud, Connection, Connections};
use runbook_core::{ErrorClass, Namespace};

use crate::server::*;
use crate::support::{ACCOUNT, scope};

const ROLE: &str = r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
  <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/op/runbook-operator</Arn><AssumedRoleId>A:r</AssumedRoleId></AssumedRoleUser>
  <Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>rolesecret</SecretAccessKey><SessionToken>token</SessionToken>
  <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"#;

#[tokio::test]
async fn a_role_is_assumed_once_for_all_services() {
    let server = Server::start(|request| {
        if request.is("AssumeRole") {
            (200, ROLE.into())
        } else {
            (200, r#"{"ScalableTargets":[],"services":[],"failures":[]}"#.into())
        }
    })
    .await;
    let cloud = cloud(&server, true).await;
    let elsewhere = runbook_core::Scope { region: "eu-west-1".into(), ..scope() };
    cloud.call(&scope(), &describe(&[])).await.unwrap();
    cloud.call(&elsewhere, &describe(&[])).await.unwrap();
    cloud
        .call(
            &scope(),
            &Call::DescribeScalableTargets { namespace: Namespace::Ecs, resource_ids: vec![], next_token: None },
        )
        .await
        .unwrap();
    let requests = server.requests();
    let roles: Vec<_> = requests.iter().filter(|request| request.is("AssumeRole")).collect();
    assert_eq!(roles.len(), 1, "one session serves all: {requests:#?}");
    // A connection may still be on its way back to the pool when the next is wanted; without a pool there would be one for each.
    assert!(
        server.accepted.load(Ordering::Relaxed) < requests.len(),
        "STS, ECS and Application Auto Scaling share connections"
    );
    for part in [
        "RoleSessionName=runbook-operator",
        "ExternalId=external",
        "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fop",
    ] {
        assert!(roles[0].body.contains(part), "{}", roles[0].body);
    }
    assert!(
        roles[0].head.contains("AKIDEXAMPLE/") && roles[0].head.contains("/eu-central-1/sts/"),
        "{}",
        roles[0].head
    );
    assert!(requests[1].head.contains("ASIAROLE/"), "{}", requests[1].head);
    assert!(requests[2].head.contains("/eu-west-1/ecs/"), "{}", requests[2].head);
}

#[tokio::test]
async fn a_role_that_is_refused_is_denied_and_an_sts_that_fails_is_not() {
    for (status, body, class, code) in [
        (
            403,
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>",
            ErrorClass::Denied,
            "AccessDenied",
        ),
        (
            503,
            "<ErrorResponse><Error><Code>ServiceUnavailable</Code></Error></ErrorResponse>",
            ErrorClass::Transient,
            "ServiceUnavailable",
        ),
        (0, "", ErrorClass::Transient, "CredentialsUnavailable"),
    ] {
        let server = Server::start(move |_| (status, body.into())).await;
        let error = cloud(&server, true).await.call(&scope(), &describe(&["web"])).await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (class, code), "{error:?}");
        assert!(!format!("{error:?}").contains(SECRET));
        assert_eq!(server.requests().len(), 1, "nothing is retried here");
    }
}

#[tokio::test]
async fn a_connection_that_is_not_there_is_said_so_and_one_that_changed_is_used() {
    let first = Server::start(|_| (200, r#"{"services":[]}"#.into())).await;
    let second = Server::start(|_| (200, r#"{"services":[]}"#.into())).await;
    let cloud = cloud(&first, false).await;
    cloud.call(&scope(), &describe(&[])).await.unwrap();
    cloud.set_connection(Connection {
        name: "default".into(),
        account_id: ACCOUNT.into(),
        assume_role: None,
        use_fips: false,
        use_dual_stack: false,
        endpoint_url: Some(second.url.clone()),
    });
    cloud.call(&scope(), &describe(&[])).await.unwrap();
    assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
    cloud.remove_connection("default");
    let error = cloud.call(&scope(), &describe(&[])).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Transient, "NotConnected"));
}
