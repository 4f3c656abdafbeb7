//! The fake API server behaves as the real one in what the operator relies on. Rules: Kubernetes documentation, "API Concepts".

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::runtime::watcher;
use runbook_api::ScalingPolicy;
use runbook_tests::dice::Dice;
use runbook_tests::fault::{At, Calm, Door, Fault, Schedule};
use runbook_tests::kubernetes::kinds::SCALING_POLICY;
use runbook_tests::kubernetes::{ApiServer, Key};
use runbook_tests::process::Process;
use runbook_tests::stage::Stage;
use serde_json::{Value, json};

struct Setup {
    server: ApiServer,
    process: Arc<Process>,
    policies: Api<DynamicObject>,
    leases: Api<Lease>,
}

fn set_up(schedule: impl Schedule + 'static) -> Setup {
    let epoch = Timestamp::from_second(1_800_000_000).unwrap();
    let stage = Arc::new(Stage::new(epoch, Dice::new(1), Box::new(schedule)));
    let server = ApiServer::new(Arc::clone(&stage));
    let process = Process::start(0, stage);
    let client = server.client(&process);
    let resource = ApiResource::erase::<ScalingPolicy>(&());
    let policies = Api::namespaced_with(client.clone(), "clocked", &resource);
    Setup { server, process, policies, leases: Api::namespaced(client, "runbook-system") }
}

fn policy(name: &str) -> DynamicObject {
    serde_json::from_value(json!({
        "apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingPolicy",
        "metadata": {"name": name, "namespace": "clocked"},
        "spec": {"replicas": 1, "target": {"ecsService": {"cluster": "c", "service": "s"}}}, "status": {"replicas": 9}
    }))
    .unwrap()
}

fn code<T: std::fmt::Debug>(result: kube::Result<T>) -> u16 {
    match result {
        Err(kube::Error::Api(status)) => status.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_object_gets_identity_and_no_status() {
    let Setup { policies, .. } = set_up(Calm);
    let created = policies.create(&PostParams::default(), &policy("a")).await.unwrap();
    assert_eq!(created.metadata.generation, Some(1));
    assert_eq!(created.metadata.uid.as_ref().unwrap().len(), 36);
    assert_eq!(created.metadata.creation_timestamp.as_ref().unwrap().0.as_second(), 1_800_000_000);
    assert!(created.data.get("status").is_none());
    assert_eq!(code(policies.create(&PostParams::default(), &policy("a")).await), 409);
    assert_eq!(code(policies.get("b").await), 404);
}

#[tokio::test(start_paused = true)]
async fn spec_and_status_are_written_apart_and_only_the_spec_counts_generations() {
    let Setup { policies, .. } = set_up(Calm);
    let mut object = policies.create(&PostParams::default(), &policy("a")).await.unwrap();
    object.data["spec"]["replicas"] = json!(2);
    object.data["status"] = json!({"replicas": 2});
    let written = policies.replace("a", &PostParams::default(), &object).await.unwrap();
    assert_eq!((written.metadata.generation, written.data.get("status")), (Some(2), None));

    let mut object = written;
    object.data["spec"]["replicas"] = json!(3);
    object.data["status"] = json!({"replicas": 3, "conditions": []});
    object.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
    let written = policies.replace_status("a", &PostParams::default(), &object).await.unwrap();
    assert_eq!(written.data["spec"]["replicas"], json!(2));
    assert_eq!(written.data["status"]["replicas"], json!(3));
    assert_eq!((written.metadata.generation, written.metadata.labels.is_none()), (Some(2), true));
}

#[tokio::test(start_paused = true)]
async fn an_older_resource_version_is_a_conflict_and_none_is_invalid() {
    let Setup { policies, leases, .. } = set_up(Calm);
    let old = policies.create(&PostParams::default(), &policy("a")).await.unwrap();
    let mut newer = old.clone();
    newer.data["spec"]["replicas"] = json!(5);
    policies.replace("a", &PostParams::default(), &newer).await.unwrap();
    let mut late = old.clone();
    late.data["status"] = json!({"replicas": 1});
    assert_eq!(code(policies.replace_status("a", &PostParams::default(), &late).await), 409);
    let patch = json!({"metadata": {"resourceVersion": old.metadata.resource_version}, "status": {"replicas": 1}});
    assert_eq!(code(policies.patch_status("a", &PatchParams::default(), &Patch::Merge(&patch)).await), 409);
    late.metadata.resource_version = None;
    assert_eq!(code(policies.replace_status("a", &PostParams::default(), &late).await), 422);
    let lease: Lease = serde_json::from_value(json!({"metadata": {"name": "l"}})).unwrap();
    leases.create(&PostParams::default(), &lease).await.unwrap();
    assert_eq!(code(leases.replace("l", &PostParams::default(), &lease).await), 422);
}

#[tokio::test(start_paused = true)]
async fn a_write_without_a_change_is_no_write() {
    let Setup { policies, .. } = set_up(Calm);
    let object = policies.create(&PostParams::default(), &policy("a")).await.unwrap();
    let again = policies.replace("a", &PostParams::default(), &object).await.unwrap();
    assert_eq!(again.metadata.resource_version, object.metadata.resource_version);
    let changed =
        policies.patch("a", &PatchParams::default(), &Patch::Merge(&json!({"spec": {"replicas": 4}}))).await.unwrap();
    assert_ne!(changed.metadata.resource_version, object.metadata.resource_version);
}

#[tokio::test(start_paused = true)]
async fn a_write_must_fit_the_schema_and_loses_what_the_schema_does_not_know() {
    let Setup { server, policies, .. } = set_up(Calm);
    let mut object = policies.create(&PostParams::default(), &policy("a")).await.unwrap();
    object.data["status"] = json!({"conditions": [{"type": "Ready"}]});
    assert_eq!(code(policies.replace_status("a", &PostParams::default(), &object).await), 422);
    object.data["status"] = json!({"conditions": [], "unknown": 1});
    let written = policies.replace_status("a", &PostParams::default(), &object).await.unwrap();
    assert_eq!(written.data["status"], json!({"conditions": []}));
    let many = json!({"spec": {"replicas": "many"}});
    assert_eq!(code(policies.patch("a", &PatchParams::default(), &Patch::Merge(&many)).await), 422);
    // An object that never fitted can still be told so in its status.
    let mut raw = serde_json::to_value(policy("raw")).unwrap();
    raw["spec"]["replicas"] = json!("many");
    server.put_raw(SCALING_POLICY, raw);
    let told = json!({"status": {"observedGeneration": 1, "conditions": []}});
    policies.patch_status("raw", &PatchParams::default(), &Patch::Merge(&told)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_keeps_an_object_until_it_is_taken_off() {
    let Setup { policies, .. } = set_up(Calm);
    let mut object = policy("a");
    object.metadata.finalizers = Some(vec!["ops.clocked.app/test".into()]);
    policies.create(&PostParams::default(), &object).await.unwrap();
    policies.delete("a", &DeleteParams::default()).await.unwrap();
    let held = policies.get("a").await.unwrap();
    assert!(held.metadata.deletion_timestamp.is_some());
    policies
        .patch("a", &PatchParams::default(), &Patch::Merge(&json!({"metadata": {"finalizers": null}})))
        .await
        .unwrap();
    assert_eq!(code(policies.get("a").await), 404);
}

#[tokio::test(start_paused = true)]
async fn a_delete_with_preconditions_spares_a_changed_object() {
    let Setup { policies, .. } = set_up(Calm);
    let object = policies.create(&PostParams::default(), &policy("a")).await.unwrap();
    let wrong = DeleteParams::default()
        .preconditions(kube::api::Preconditions { uid: Some("other".into()), ..Default::default() });
    assert_eq!(code(policies.delete("a", &wrong).await), 409);
    let right = DeleteParams::default()
        .preconditions(kube::api::Preconditions { uid: object.metadata.uid, ..Default::default() });
    policies.delete("a", &right).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_watch_continues_from_a_resource_version() {
    let Setup { policies, .. } = set_up(Calm);
    policies.create(&PostParams::default(), &policy("a")).await.unwrap();
    let from = policies.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    policies.create(&PostParams::default(), &policy("b")).await.unwrap();
    let mut events = policies.watch(&WatchParams::default(), &from).await.unwrap().boxed();
    policies.patch("a", &PatchParams::default(), &Patch::Merge(&json!({"spec": {"replicas": 7}}))).await.unwrap();
    policies.delete("a", &DeleteParams::default()).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 4 {
        seen.push(match events.try_next().await.unwrap().unwrap() {
            WatchEvent::Added(object) => format!("+{}", object.metadata.name.unwrap()),
            WatchEvent::Modified(object) => format!("~{}", object.metadata.name.unwrap()),
            WatchEvent::Deleted(object) => format!("-{}", object.metadata.name.unwrap()),
            WatchEvent::Bookmark(_) => "bookmark".into(),
            WatchEvent::Error(error) => panic!("{error:?}"),
        });
    }
    assert_eq!(seen, ["+b", "~a", "-a", "bookmark"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_forgotten_version_is_gone() {
    let Setup { server, policies, .. } = set_up(Calm);
    policies.create(&PostParams::default(), &policy("a")).await.unwrap();
    policies.create(&PostParams::default(), &policy("b")).await.unwrap();
    server.compact();
    let mut events = policies.watch(&WatchParams::default(), "1").await.unwrap().boxed();
    let WatchEvent::Error(error) = events.try_next().await.unwrap().unwrap() else { panic!() };
    assert_eq!(error.code, 410);
    assert!(events.try_next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_watch_of_an_other_namespace_or_name_sees_nothing_of_it() {
    let Setup { server, policies, .. } = set_up(Calm);
    let mut only_b = policies.watch(&WatchParams::default().fields("metadata.name=b"), "0").await.unwrap().boxed();
    policies.create(&PostParams::default(), &policy("a")).await.unwrap();
    let mut elsewhere = serde_json::to_value(policy("b")).unwrap();
    elsewhere["metadata"]["namespace"] = json!("other");
    server.create(SCALING_POLICY, elsewhere).unwrap();
    policies.create(&PostParams::default(), &policy("b")).await.unwrap();
    let WatchEvent::Added(object) = only_b.try_next().await.unwrap().unwrap() else { panic!() };
    assert_eq!((object.metadata.name.as_deref(), object.metadata.namespace.as_deref()), (Some("b"), Some("clocked")));
}

/// kube's own watcher, by both of its strategies, through dropped connections, a compaction and an outage.
#[tokio::test(start_paused = true)]
async fn the_watcher_of_kube_keeps_up_whatever_happens_to_its_connections() {
    for config in [watcher::Config::default().page_size(2), watcher::Config::default().streaming_lists()] {
        let Setup { server, policies, leases, .. } = set_up(Calm);
        for name in ["a", "b", "c", "d", "e"] {
            policies.create(&PostParams::default(), &policy(name)).await.unwrap();
        }
        let writer = kube::runtime::reflector::store::Writer::new(ApiResource::erase::<ScalingPolicy>(&()));
        let store = writer.as_reader();
        let stream = kube::runtime::reflector(
            writer,
            kube::runtime::WatchStreamExt::default_backoff(watcher(policies.clone(), config)),
        );
        let reading = tokio::spawn(stream.for_each(|_| async {}));
        store.wait_until_ready().await.unwrap();
        assert_eq!(store.len(), 5);
        for round in 0..4 {
            match round {
                0 => server.drop_watches(),
                1 => server.compact(),
                2 => {
                    // Other kinds have moved on, so that the version of the last event is too old.
                    let lease: Lease = serde_json::from_value(json!({"metadata": {"name": "l"}})).unwrap();
                    leases.create(&PostParams::default(), &lease).await.unwrap();
                    server.compact();
                    server.drop_watches();
                }
                _ => server.outage(Duration::from_secs(20)),
            }
            let name = format!("new-{round}");
            server.create(SCALING_POLICY, serde_json::to_value(policy(&name)).unwrap()).unwrap();
            server.delete(SCALING_POLICY, &Key::new("clocked", ["a", "b", "c", "d"][round])).unwrap();
            tokio::time::sleep(Duration::from_secs(120)).await;
            let mut names: Vec<String> =
                store.state().iter().map(|object| object.metadata.name.clone().unwrap()).collect();
            names.sort();
            let server_names: Vec<String> = server.list(SCALING_POLICY).into_iter().map(|(key, _)| key.name).collect();
            assert_eq!(names, server_names, "round {round}");
        }
        reading.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn faults_are_what_they_say() {
    let run = async |fault| {
        let setup = set_up(At { door: Door::Kubernetes, index: 0, fault });
        let Setup { policies, process, .. } = &setup;
        let object = policy("a");
        let params = PostParams::default();
        let create = policies.create(&params, &object);
        let answer = tokio::time::timeout(Duration::from_secs(600), create).await;
        let answer = answer.map(|result| match result {
            Ok(_) => 201,
            Err(kube::Error::Api(status)) => status.code,
            Err(_) => 0,
        });
        let effect = setup.server.get(SCALING_POLICY, &Key::new("clocked", "a")).is_some();
        (answer.ok(), effect, process.is_dead())
    };
    assert_eq!(run(Fault::ErrorBefore).await, (Some(500), false, false));
    assert_eq!(run(Fault::ErrorAfter).await, (Some(0), true, false));
    assert_eq!(run(Fault::Throttle).await, (Some(429), false, false));
    assert_eq!(run(Fault::Conflict).await, (Some(409), false, false));
    assert_eq!(run(Fault::HangBefore).await, (Some(0), false, false));
    assert_eq!(run(Fault::HangThenEffect(Duration::from_secs(2))).await, (Some(0), true, false));
    assert_eq!(run(Fault::CrashBefore).await, (None, false, true));
    assert_eq!(run(Fault::CrashAfter).await, (None, true, true));
    assert_eq!(run(Fault::Slow(Duration::from_secs(5))).await, (Some(201), true, false));
}

#[tokio::test(start_paused = true)]
async fn a_raw_object_passes_every_check() {
    let Setup { server, policies, .. } = set_up(Calm);
    let raw: Value = json!({
        "apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingPolicy",
        "metadata": {"name": "bad", "namespace": "clocked"}, "spec": {"replicas": "many"}
    });
    server.put_raw(SCALING_POLICY, raw);
    assert_eq!(policies.get("bad").await.unwrap().data["spec"]["replicas"], json!("many"));
}
