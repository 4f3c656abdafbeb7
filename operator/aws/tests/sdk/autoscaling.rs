//! Application Auto Scaling.

use runbook_aws::{Call, Cloud, Reply};
use runbook_core::Namespace;
use runbook_core::observed::{
    AppliedPolicyKind, MetricDataQuery, MetricSource, Suspended, TargetTrackingConfiguration, TrackedMetric,
};

use crate::server::*;
use crate::support::{self, scope};

#[tokio::test]
async fn targets_and_policies_are_observed_page_by_page() {
    let target = r#"{"NextToken":"t2","ScalableTargets":[{"ServiceNamespace":"ecs","ResourceId":"service/app/web","RoleARN":"r",
        "CreationTime":1,"ScalableDimension":"ecs:service:DesiredCount","MinCapacity":1,"MaxCapacity":9,
        "SuspendedState":{"ScheduledScalingSuspended":true}}]}"#;
    let call = Call::DescribeScalableTargets {
        namespace: Namespace::Ecs,
        resource_ids: vec!["service/app/web".into()],
        next_token: None,
    };
    let Reply::ScalableTargets { targets, next_token } = answered(target, &call).await.unwrap() else {
        panic!("no targets")
    };
    assert_eq!(next_token.as_deref(), Some("t2"));
    let capacity = targets[0].1.capacity;
    assert_eq!((capacity.min, capacity.max), (1, 9));
    assert_eq!(capacity.suspended, Suspended { scheduled_scaling: true, ..Suspended::default() });

    let policy = |kind: &str, more: &str| {
        format!(
            r#"{{"PolicyARN":"a","PolicyName":"cpu","ServiceNamespace":"ecs","ResourceId":"service/app/web","CreationTime":1,
            "ScalableDimension":"ecs:service:DesiredCount","PolicyType":"{kind}"{more}}}"#
        )
    };
    let tracking = r#","TargetTrackingScalingPolicyConfiguration":{"TargetValue":60.0,"ScaleInCooldown":30,
        "PredefinedMetricSpecification":{"PredefinedMetricType":"ECSServiceAverageCPUUtilization"}}"#;
    let math = r#","TargetTrackingScalingPolicyConfiguration":{"TargetValue":60.0,
        "CustomizedMetricSpecification":{"Metrics":[{"Id":"m1","Expression":"1"}]}}"#;
    let body = format!(
        r#"{{"ScalingPolicies":[{},{},{}]}}"#,
        policy("TargetTrackingScaling", tracking),
        policy("TargetTrackingScaling", math),
        policy("PredictiveScaling", "")
    );
    let call = Call::DescribeScalingPolicies { namespace: Namespace::Ecs, resource_id: None, next_token: None };
    let Reply::ScalingPolicies { policies, .. } = answered(&body, &call).await.unwrap() else { panic!("no policies") };
    let kinds: Vec<_> = policies.into_iter().map(|(_, policy)| policy.kind).collect();
    let [
        AppliedPolicyKind::TargetTracking(cpu),
        AppliedPolicyKind::TargetTracking(math),
        AppliedPolicyKind::Other(other),
    ] = &kinds[..]
    else {
        panic!("{kinds:?}")
    };
    assert_eq!(
        (cpu.target_value, cpu.scale_in_cooldown, cpu.scale_out_cooldown, cpu.disable_scale_in),
        (60.0, Some(30), None, false)
    );
    let one = MetricDataQuery {
        id: "m1".into(),
        label: None,
        return_data: true,
        source: MetricSource::Expression("1".into()),
    };
    assert_eq!(math.metric, TrackedMetric::MetricMath(vec![one]));
    assert_eq!(other, "PredictiveScaling");
}

#[tokio::test]
async fn what_is_written_about_a_cluster_names_its_namespace_and_dimension() {
    let server = Server::start(|_| (200, "{}".into())).await;
    let cloud = cloud(&server, false).await;
    let resource_id = "cluster:db".to_owned();
    for call in [
        Call::RegisterScalableTarget {
            resource_id: resource_id.clone(),
            capacity: support::capacity(1, 4),
            tags: vec![],
        },
        Call::DeleteScalingPolicy { resource_id: resource_id.clone(), name: "cpu".into() },
        Call::DeleteScheduledAction { resource_id: resource_id.clone(), name: "night".into() },
        Call::DeregisterScalableTarget { resource_id },
    ] {
        cloud.call(&scope(), &call).await.unwrap();
    }
    for request in server.requests() {
        let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(body["ServiceNamespace"], "rds", "{body}");
        assert_eq!(body["ScalableDimension"], "rds:cluster:ReadReplicaCount", "{body}");
        assert_eq!(body["ResourceId"], "cluster:db", "{body}");
    }
}

#[tokio::test]
async fn writes_send_what_they_change_and_nothing_beside_it() {
    let server = Server::start(|request| {
        let body = if request.is("PutScalingPolicy") { r#"{"PolicyARN":"a"}"# } else { "{}" };
        (200, body.into())
    })
    .await;
    let cloud = cloud(&server, false).await;
    let resource_id = "service/app/web".to_owned();
    let configuration = TargetTrackingConfiguration {
        metric: TrackedMetric::Customized {
            namespace: "Queue".into(),
            metric_name: "Depth".into(),
            dimensions: [("Name".to_owned(), "jobs".to_owned())].into(),
            statistic: "Average".into(),
            unit: None,
        },
        target_value: 10.0,
        scale_out_cooldown: Some(60),
        scale_in_cooldown: None,
        disable_scale_in: true,
    };
    for call in [
        Call::UpdateService { cluster: "app".into(), service: "web".into(), desired_count: 0 },
        Call::RegisterScalableTarget {
            resource_id: resource_id.clone(),
            capacity: support::capacity(0, 4),
            tags: vec![("k".into(), "v".into())],
        },
        Call::RegisterScalableTarget {
            resource_id: resource_id.clone(),
            capacity: support::capacity(1, 4),
            tags: vec![],
        },
        Call::PutTargetTrackingPolicy { resource_id, name: "queue".into(), configuration },
    ] {
        let answered = cloud.call(&scope(), &call).await.unwrap();
        assert_eq!((answered.reply, answered.request_id.as_deref()), (Reply::Done, Some("r-1")));
    }
    let bodies: Vec<serde_json::Value> =
        server.requests().iter().map(|request| serde_json::from_str(&request.body).unwrap()).collect();
    let not_suspended = serde_json::json!({
        "DynamicScalingInSuspended": false, "DynamicScalingOutSuspended": false, "ScheduledScalingSuspended": false
    });
    let of_web = |more: serde_json::Value| {
        let mut body = serde_json::json!({
            "ServiceNamespace": "ecs", "ResourceId": "service/app/web", "ScalableDimension": "ecs:service:DesiredCount"
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    assert_eq!(
        bodies,
        [
            serde_json::json!({"cluster": "app", "service": "web", "desiredCount": 0}),
            of_web(
                serde_json::json!({"MinCapacity": 0, "MaxCapacity": 4, "SuspendedState": not_suspended, "Tags": {"k": "v"}})
            ),
            of_web(serde_json::json!({"MinCapacity": 1, "MaxCapacity": 4, "SuspendedState": not_suspended})),
            of_web(serde_json::json!({
                "PolicyName": "queue", "PolicyType": "TargetTrackingScaling",
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": 10.0, "ScaleOutCooldown": 60, "DisableScaleIn": true,
                    "CustomizedMetricSpecification": {
                        "Namespace": "Queue", "MetricName": "Depth", "Statistic": "Average",
                        "Dimensions": [{"Name": "Name", "Value": "jobs"}]
                    }
                }
            })),
        ]
    );
}

#[tokio::test]
async fn whose_a_target_is_is_read_and_what_is_gone_already_is_removed() {
    let server = Server::start(|request| match request {
        request if request.is("ListTagsForResource") => (200, r#"{"Tags":{"ops.clocked.app/owner":"a/b/c"}}"#.into()),
        // Neither the target nor anything on it is there any more.
        _ => (400, r#"{"__type":"ObjectNotFoundException","Message":"No scalable target found"}"#.into()),
    })
    .await;
    let cloud = cloud(&server, false).await;
    let arn = "arn:aws:application-autoscaling:eu-central-1:123456789012:scalable-target/0ec5".to_owned();
    let tags = cloud.call(&scope(), &Call::ListTagsForResource { arn: arn.clone() }).await.unwrap();
    assert_eq!(tags.reply, Reply::Tags([("ops.clocked.app/owner".to_owned(), "a/b/c".to_owned())].into()));
    let resource_id = "service/app/web".to_owned();
    for call in [
        Call::DeregisterScalableTarget { resource_id: resource_id.clone() },
        Call::DeleteScalingPolicy { resource_id: resource_id.clone(), name: "cpu".into() },
        Call::DeleteScheduledAction { resource_id, name: "night".into() },
    ] {
        let answered = cloud.call(&scope(), &call).await.unwrap();
        assert_eq!((answered.reply, answered.request_id.as_deref()), (Reply::Done, Some("r-1")), "{call:?}");
    }
    let requests = server.requests();
    let bodies: Vec<serde_json::Value> =
        requests.iter().map(|request| serde_json::from_str(&request.body).unwrap()).collect();
    assert_eq!(bodies[0], serde_json::json!({"ResourceARN": arn}));
    let target = serde_json::json!({
        "ServiceNamespace": "ecs", "ResourceId": "service/app/web", "ScalableDimension": "ecs:service:DesiredCount"
    });
    assert_eq!(bodies[1], target);
}
