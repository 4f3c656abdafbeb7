//! Amazon ECS.

use runbook_aws::{Call, Cloud, Reply};
use runbook_core::{ErrorClass, Namespace};

use crate::server::*;
use crate::support::scope;

const WEB: &str = r#"{"serviceName":"web","serviceArn":"arn:aws:ecs:r:1:service/app/web","status":"ACTIVE",
  "desiredCount":3,"runningCount":2,"pendingCount":1,"schedulingStrategy":"REPLICA",
  "deploymentConfiguration":{"strategy":"BLUE_GREEN"},"deploymentController":{"type":"CODE_DEPLOY"},
  "deployments":[{"id":"ecs-svc/1","status":"ACTIVE","desiredCount":1,"runningCount":1,"createdAt":1.7e9},
                 {"id":"ecs-svc/2","status":"PRIMARY","desiredCount":3,"runningCount":2,"rolloutState":"IN_PROGRESS"}],
  "tags":[{"key":"team","value":"shop"}]}"#;

#[tokio::test]
async fn a_service_is_observed_with_its_deployments_and_tags() {
    let body = format!(
        r#"{{"services":[{WEB}],"failures":[{{"arn":"arn:aws:ecs:r:1:service/app/gone","reason":"MISSING"}}]}}"#
    );
    let Reply::Services(found) = answered(&body, &describe(&["web", "gone"])).await.unwrap() else {
        panic!("no services")
    };
    let [(name, web)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((name.as_str(), web.desired_count, web.running_count, web.pending_count), ("web", 3, 2, 1));
    assert_eq!(
        (web.deployment_controller.as_str(), web.deployment_strategy.as_deref()),
        ("CODE_DEPLOY", Some("BLUE_GREEN"))
    );
    let statuses: Vec<_> = web.deployments.iter().map(|deployment| deployment.status.as_str()).collect();
    assert_eq!(statuses, ["PRIMARY", "ACTIVE"]);
    assert!(web.deployment_in_progress());
    assert_eq!(web.deployments[1].created_at.unwrap().as_second(), 1_700_000_000);
    assert_eq!(web.tags["team"], "shop");
}

#[tokio::test]
async fn services_are_listed_by_name_whatever_the_format_of_their_arns() {
    let server = Server::start(|_| {
        let body =
            r#"{"serviceArns":["arn:aws:ecs:r:1:service/app/web","arn:aws:ecs:r:1:service/old"],"nextToken":"t2"}"#;
        (200, body.to_owned())
    })
    .await;
    let call = Call::ListServices { cluster: "app".into(), next_token: Some("t1".into()) };
    let answered = cloud(&server, false).await.call(&scope(), &call).await.unwrap();
    let names = vec!["web".to_owned(), "old".to_owned()];
    assert_eq!(answered.reply, Reply::ServiceNames { names, next_token: Some("t2".into()) });
    let sent: serde_json::Value = serde_json::from_str(&server.requests()[0].body).unwrap();
    assert_eq!(sent, serde_json::json!({"cluster": "app", "nextToken": "t1", "maxResults": 100}));
}

#[tokio::test]
async fn what_is_absent_is_an_error_and_not_zero() {
    let without_count =
        WEB.replace(r#""desiredCount":3,"runningCount":2,"pendingCount""#, r#""runningCount":2,"pendingCount""#);
    let incomplete = "IncompleteAnswer";
    for (body, code, what) in [
        (format!(r#"{{"services":[{without_count}]}}"#), incomplete, "desiredCount"),
        (r#"{"services":[],"failures":[]}"#.to_owned(), incomplete, "neither described"),
        (
            r#"{"services":[],"failures":[{"arn":"other","reason":"MISSING"}]}"#.to_owned(),
            incomplete,
            "neither described",
        ),
        ("<html>".to_owned(), "BadResponse", ""),
    ] {
        let error = answered(&body, &describe(&["web"])).await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Transient, code), "{error:?}");
        assert!(error.message.contains(what), "{error:?}");
    }
    let target = r#"{"ScalableTargets":[{"ServiceNamespace":"ecs","ResourceId":"service/app/web","RoleARN":"r","CreationTime":1,
        "ScalableDimension":"ecs:service:DesiredCount","MinCapacity":1}]}"#;
    let call = Call::DescribeScalableTargets {
        namespace: Namespace::Ecs,
        resource_ids: vec!["service/app/web".into()],
        next_token: None,
    };
    let error = answered(target, &call).await.unwrap_err();
    assert!(error.message.contains("MaxCapacity"), "{error:?}");
}

#[tokio::test]
async fn a_failure_of_one_service_that_is_not_its_absence_is_an_error() {
    let body = r#"{"services":[],"failures":[{"arn":"app/web","reason":"ACCESS_DENIED","detail":"no"}]}"#;
    let error = answered(body, &describe(&["web"])).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Denied, "ACCESS_DENIED"));
}
