//! The SDKs and the plane against the AWS sandbox; runs where `RUNBOOK_SANDBOX_ENDPOINT` names one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use runbook_aws::{
    AwsMetrics, Cloud, Connection, Connections, Executor, Freshness, Origin, Plane, PlaneOptions, SdkCloud,
    SystemClock, WriteGuard,
};
use runbook_core::facts::Answer;
use runbook_core::observed::{AppliedPolicyKind, ServiceLookup, TargetTrackingConfiguration, TrackedMetric};
use runbook_core::{ErrorClass, Query, Scope, ServiceId, Step};
use support::{ACCOUNT, capacity};

struct Leader;

impl WriteGuard for Leader {
    fn time_left(&self) -> Duration {
        Duration::from_secs(15)
    }
}

/// Calls ECS as a user would, through the SDK.
async fn ecs(endpoint: &str) -> aws_sdk_ecs::Client {
    let credentials = aws_credential_types::Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(aws_config::Region::new("eu-central-1"))
        .credentials_provider(credentials)
        .load()
        .await;
    aws_sdk_ecs::Client::new(&config)
}

/// A cluster of its own for each run, with one service.
async fn service_of_two(endpoint: &str) -> String {
    let cluster = format!("plane-{}", std::process::id());
    let client = ecs(endpoint).await;
    client.create_cluster().cluster_name(&cluster).send().await.expect("a cluster");
    let container = aws_sdk_ecs::types::ContainerDefinition::builder().name("web").image("web:1").memory(128).build();
    client
        .register_task_definition()
        .family("web")
        .container_definitions(container)
        .send()
        .await
        .expect("a task definition");
    client
        .create_service()
        .cluster(&cluster)
        .service_name("web")
        .task_definition("web")
        .desired_count(2)
        .send()
        .await
        .expect("a service");
    cluster
}

#[tokio::test]
async fn a_service_is_observed_scaled_and_observed_again() {
    let Ok(endpoint) = std::env::var("RUNBOOK_SANDBOX_ENDPOINT") else {
        println!("skipped: RUNBOOK_SANDBOX_ENDPOINT names no sandbox");
        return;
    };
    let cluster = service_of_two(&endpoint).await;
    let cloud = Arc::new(SdkCloud::with_credentials("runbook-operator", "AKIDEXAMPLE", "secret"));
    cloud.set_connection(Connection {
        name: "default".into(),
        account_id: ACCOUNT.into(),
        assume_role: None,
        use_fips: false,
        use_dual_stack: false,
        endpoint_url: Some(endpoint),
    });
    let scope = Scope { connection: "default".into(), account_id: ACCOUNT.into(), region: "eu-central-1".into() };
    let door: Arc<dyn Cloud> = cloud;
    let plane = Plane::new(door, Arc::new(SystemClock), PlaneOptions::default(), AwsMetrics::default());
    let executor = Executor::new(Arc::clone(&plane), Arc::new(Leader));
    let origin = Origin { object: "ScalingPolicy test/web".into(), reason: "Applying".into() };
    let web = ServiceId { scope: scope.clone(), cluster: cluster.clone(), service: "web".into() };
    let gone = ServiceId { service: "gone".into(), ..web.clone() };
    let nowhere = ServiceId { cluster: format!("{cluster}-no"), ..web.clone() };
    let queries = [
        Query::CallerIdentity(scope),
        Query::EcsService(web.clone()),
        Query::EcsService(gone),
        Query::EcsService(nowhere),
        Query::ScalableTarget(web.clone().into()),
        Query::ScalingPolicies(web.clone().into()),
    ];
    let answers: Vec<Answer> = plane
        .observe(&queries, Freshness::Now)
        .await
        .into_iter()
        .map(|(query, answer, _)| answer.unwrap_or_else(|error| panic!("{query:?}: {error:?}")))
        .collect();
    assert!(
        matches!(&answers[1], Answer::EcsService(ServiceLookup::Found(service)) if service.desired_count == 2),
        "{answers:?}"
    );
    assert_eq!(answers[2], Answer::EcsService(ServiceLookup::ServiceMissing));
    assert_eq!(answers[3], Answer::EcsService(ServiceLookup::ClusterMissing));
    assert_eq!(answers[4..], [Answer::ScalableTarget(None), Answer::ScalingPolicies(vec![])]);

    let scale = Step::SetDesiredCount { service: web.clone(), from: 2, to: 4 };
    assert!(executor.execute(&scale, &origin).await.expect("scaled").is_some(), "AWS gives an id to every request");
    let register = Step::RegisterScalableTarget {
        target: web.clone().into(),
        from: None,
        to: capacity(1, 3),
        desired_count: 4,
        tags: vec![("ops.clocked.app/owner".into(), "test/web".into())],
    };
    executor.execute(&register, &origin).await.expect("registered");
    let configuration = TargetTrackingConfiguration {
        metric: TrackedMetric::Predefined {
            metric_type: "ECSServiceAverageCPUUtilization".into(),
            resource_label: None,
        },
        target_value: 60.0,
        scale_out_cooldown: Some(60),
        scale_in_cooldown: None,
        disable_scale_in: false,
    };
    let put = Step::PutTargetTrackingPolicy {
        target: web.clone().into(),
        name: "cpu".into(),
        from: None,
        configuration: configuration.clone(),
    };
    executor.execute(&put, &origin).await.expect("put");
    let answers: Vec<_> =
        plane.observe(&[queries[1].clone(), queries[4].clone(), queries[5].clone()], Freshness::WithinResync).await;
    assert!(
        matches!(&answers[0].1, Ok(Answer::EcsService(ServiceLookup::Found(service))) if service.desired_count == 3),
        "registering moves the service into the band: {answers:?}"
    );
    assert!(
        matches!(&answers[1].1, Ok(Answer::ScalableTarget(Some(target))) if target.capacity == capacity(1, 3)),
        "{answers:?}"
    );
    let Ok(Answer::ScalingPolicies(policies)) = &answers[2].1 else { panic!("{answers:?}") };
    assert_eq!(policies.len(), 1);
    assert_eq!(policies[0].kind, AppliedPolicyKind::TargetTracking(configuration));

    let absent = Step::SetDesiredCount { service: ServiceId { service: "gone".into(), ..web }, from: 1, to: 2 };
    let error = executor.execute(&absent, &origin).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::NotFound, "ServiceNotFoundException"), "{error:?}");
}
