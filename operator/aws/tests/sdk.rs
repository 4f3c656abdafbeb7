//! The SDKs against a small HTTP server of this test: what is sent, what is made of answers and of errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use runbook_aws::{Call, Cloud, Connection, Connections, Reply, SdkCloud};
use runbook_core::observed::{
    AppliedPolicyKind, MetricDataQuery, MetricSource, Suspended, TargetTrackingConfiguration, TrackedMetric,
};
use runbook_core::{CloudError, ErrorClass, Namespace};
use support::{ACCOUNT, scope};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SECRET: &str = "wJalrXUtnFEMIsecret";

/// What the server received and what it answers: status and body.
type Script = Arc<dyn Fn(&Request) -> (u16, String) + Send + Sync>;

#[derive(Clone, Debug)]
struct Request {
    head: String,
    body: String,
}

impl Request {
    fn is(&self, operation: &str) -> bool {
        self.head.contains(&format!(".{operation}\r\n")) || self.body.contains(&format!("Action={operation}&"))
    }
}

struct Server {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    /// TCP connections that were opened.
    accepted: Arc<AtomicUsize>,
}

impl Server {
    async fn start(script: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let accepted = Arc::new(AtomicUsize::new(0));
        let (script, seen): (Script, _) = (Arc::new(script), Arc::clone(&requests));
        let counted = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&seen)));
            }
        });
        Self { url, requests, accepted }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, script: Script, seen: Arc<Mutex<Vec<Request>>>) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8(buffer[..end].to_vec()).ok()?;
        let length: usize = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
            .unwrap_or(0);
        while buffer.len() < end + length {
            stream.read_buf(&mut buffer).await.ok()?;
        }
        let request = Request { head, body: String::from_utf8(buffer[end..end + length].to_vec()).ok()? };
        buffer.drain(..end + length);
        seen.lock().unwrap().push(request.clone());
        let (status, body) = script(&request);
        if status == 0 {
            return None;
        }
        let answer =
            format!("HTTP/1.1 {status} -\r\nx-amzn-requestid: r-1\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}

/// The process's own credentials come from the environment, which a test must not change: a role with a stub STS stands in for them.
async fn cloud(server: &Server, assume_role: bool) -> SdkCloud {
    let cloud = SdkCloud::with_credentials("runbook-operator", "AKIDEXAMPLE", SECRET);
    cloud.set_connection(Connection {
        name: "default".into(),
        account_id: ACCOUNT.into(),
        assume_role: assume_role.then(|| ("arn:aws:iam::123456789012:role/op".into(), Some("external".into()))),
        use_fips: false,
        use_dual_stack: false,
        endpoint_url: Some(server.url.clone()),
    });
    cloud
}

fn describe(names: &[&str]) -> Call {
    Call::DescribeServices { cluster: "app".into(), services: names.iter().map(ToString::to_string).collect() }
}

async fn answered(body: &str, call: &Call) -> Result<Reply, CloudError> {
    let body = body.to_owned();
    let server = Server::start(move |_| (200, body.clone())).await;
    cloud(&server, false).await.call(&scope(), call).await.map(|answered| answered.reply)
}

async fn refused(status: u16, body: &str, call: &Call) -> CloudError {
    let body = body.to_owned();
    let server = Server::start(move |_| (status, body.clone())).await;
    let error = cloud(&server, false).await.call(&scope(), call).await.unwrap_err();
    assert_eq!(server.requests().len(), 1, "nothing is retried here");
    error
}

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

const CLUSTER: &str = "<DBCluster><DBClusterIdentifier>db</DBClusterIdentifier><Status>available</Status><Engine>aurora-mysql</Engine>\
    <DBClusterArn>arn:aws:rds:eu-central-1:123456789012:cluster:db</DBClusterArn><DBClusterMembers>\
    <DBClusterMember><DBInstanceIdentifier>a</DBInstanceIdentifier><IsClusterWriter>true</IsClusterWriter></DBClusterMember>\
    <DBClusterMember><DBInstanceIdentifier>b</DBInstanceIdentifier><IsClusterWriter>false</IsClusterWriter></DBClusterMember>\
    </DBClusterMembers><TagList><Tag><Key>team</Key><Value>shop</Value></Tag></TagList></DBCluster>";

fn described_clusters(cluster: &str, marker: &str) -> String {
    format!(
        r#"<DescribeDBClustersResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBClustersResult>{marker}
        <DBClusters>{cluster}</DBClusters></DescribeDBClustersResult></DescribeDBClustersResponse>"#
    )
}

#[tokio::test]
async fn clusters_are_asked_by_a_filter_and_observed_page_by_page() {
    let server = Server::start(|_| (200, described_clusters(CLUSTER, "<Marker>m2</Marker>"))).await;
    let cloud = cloud(&server, false).await;
    let call = Call::DescribeDbClusters { clusters: vec!["db".into(), "gone".into()], marker: Some("m1".into()) };
    let Reply::DbClusters { clusters, marker } = cloud.call(&scope(), &call).await.unwrap().reply else {
        panic!("no clusters")
    };
    assert_eq!(marker.as_deref(), Some("m2"));
    let [(name, db)] = &clusters[..] else { panic!("{clusters:?}") };
    assert_eq!((name.as_str(), db.status.as_str(), db.engine.as_str()), ("db", "available", "aurora-mysql"));
    assert_eq!(db.arn, "arn:aws:rds:eu-central-1:123456789012:cluster:db");
    let members: Vec<_> = db.members.iter().map(|member| (member.instance.as_str(), member.is_writer)).collect();
    assert_eq!(members, [("a", true), ("b", false)]);
    assert_eq!(db.tags.get("team").map(String::as_str), Some("shop"));
    let body = server.requests()[0].body.clone();
    for sent in [
        "Action=DescribeDBClusters&",
        "Filters.Filter.1.Name=db-cluster-id",
        "Filters.Filter.1.Values.Value.1=db",
        "Filters.Filter.1.Values.Value.2=gone",
        "MaxRecords=100",
        "Marker=m1",
    ] {
        assert!(body.contains(sent), "{sent}: {body}");
    }
}

#[tokio::test]
async fn a_cluster_without_what_decides_is_an_error() {
    let call = Call::DescribeDbClusters { clusters: vec!["db".into()], marker: None };
    for (absent, what) in [
        ("<Status>available</Status>", "Status"),
        ("<Engine>aurora-mysql</Engine>", "Engine"),
        ("<IsClusterWriter>false</IsClusterWriter>", "IsClusterWriter"),
    ] {
        let body = described_clusters(&CLUSTER.replace(absent, ""), "");
        let error = answered(&body, &call).await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Transient, "IncompleteAnswer"), "{error:?}");
        assert!(error.message.contains(what), "{error:?}");
    }
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
