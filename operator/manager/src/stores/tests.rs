use std::collections::HashMap;
use std::sync::Arc;

use futures::channel::mpsc::UnboundedReceiver;
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::Event;
use runbook_api::ScalingPolicy;
use serde_json::{Value, json};

use super::Object;
use super::reflected::{Change, Reflected};

struct Scene {
    reflected: Arc<Reflected<ScalingPolicy>>,
    writer: Writer<ScalingPolicy>,
    listed: HashMap<ObjectRef<ScalingPolicy>, Arc<kube::core::error_boundary::InvalidObject>>,
}

impl Scene {
    fn new() -> Self {
        let (reflected, writer) = Reflected::new();
        Self { reflected, writer, listed: HashMap::new() }
    }

    fn see(&mut self, event: Event<Value>) {
        let read = |object: Value| serde_json::from_value::<DeserializeGuard<ScalingPolicy>>(object).unwrap();
        let event = match event {
            Event::Apply(object) => Event::Apply(read(object)),
            Event::Delete(object) => Event::Delete(read(object)),
            Event::InitApply(object) => Event::InitApply(read(object)),
            Event::Init => Event::Init,
            Event::InitDone => Event::InitDone,
        };
        self.reflected.apply(event, &mut self.writer, &mut self.listed);
    }

    fn list(&mut self, objects: impl IntoIterator<Item = Value>) {
        self.see(Event::Init);
        objects.into_iter().for_each(|object| self.see(Event::InitApply(object)));
        self.see(Event::InitDone);
    }

    fn subscribe(&self) -> UnboundedReceiver<Change<ScalingPolicy>> {
        self.reflected.subscribe().1
    }
}

fn policy(name: &str, service: &str, version: u64) -> Value {
    json!({
        "apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingPolicy",
        "metadata": {"namespace": "clocked", "name": name, "uid": name, "generation": 1, "resourceVersion": version.to_string()},
        "spec": {"target": {"ecsService": {"cluster": "clocked-cluster", "service": service}}, "replicas": 2},
    })
}

fn changed(mut policy: Value, field: &str, value: Value) -> Value {
    policy["metadata"][field] = value;
    policy
}

fn broken(name: &str) -> Value {
    let mut policy = policy(name, "app", 1);
    policy["spec"] = json!({"target": 5});
    policy
}

fn told(changes: &mut UnboundedReceiver<Change<ScalingPolicy>>) -> Vec<String> {
    let mut told: Vec<String> = std::iter::from_fn(|| changes.try_recv().ok())
        .map(|change| match change {
            Change::Applied(policy) => format!("applied {}", policy.name_any()),
            Change::Deleted(policy) => format!("deleted {}", policy.name_any()),
            Change::Malformed(invalid) => format!("malformed {}", invalid.metadata.name.clone().unwrap()),
        })
        .collect();
    told.sort();
    told
}

#[test]
fn our_own_status_is_no_change() {
    let mut scene = Scene::new();
    scene.list([policy("a", "app", 1)]);
    let mut changes = scene.subscribe();
    scene.see(Event::Apply(policy("a", "app", 2)));
    assert!(told(&mut changes).is_empty());
    scene.see(Event::Apply(changed(policy("a", "app", 3), "generation", json!(2))));
    assert_eq!(told(&mut changes), ["applied a"]);
}

#[test]
fn what_changed_unseen_is_told_after_a_list() {
    let mut scene = Scene::new();
    scene.list([policy("a", "app", 1), policy("b", "app", 2), policy("c", "app", 3), policy("d", "app", 4)]);
    let mut changes = scene.subscribe();
    // Another of the same name is another.
    let again = changed(policy("c", "app", 9), "uid", json!("other"));
    scene.list([policy("a", "app", 8), again, policy("e", "app", 10), broken("d")]);
    assert_eq!(told(&mut changes), ["applied c", "applied e", "deleted b", "deleted d", "malformed d"]);
}

#[test]
fn a_malformed_object_leaves_the_others_and_comes_back() {
    let mut scene = Scene::new();
    scene.list([policy("a", "app", 1), broken("b")]);
    assert_eq!((scene.reflected.store().len(), scene.reflected.malformed_count()), (1, 1));
    let mut changes = scene.subscribe();
    scene.see(Event::Apply(broken("a")));
    scene.see(Event::Apply(broken("a")));
    assert_eq!(told(&mut changes), ["deleted a", "malformed a"]);
    scene.see(Event::Apply(policy("a", "app", 5)));
    assert_eq!(told(&mut changes), ["applied a"]);
    assert_eq!((scene.reflected.store().len(), scene.reflected.malformed_count()), (1, 1));
}

#[test]
fn rivals_are_those_of_the_same_service() {
    let mut scene = Scene::new();
    scene.list([policy("a", "app", 1), policy("b", "app", 2), policy("c", "worker", 3)]);
    let rivals = |scene: &Scene| -> Vec<String> {
        let a = scene.reflected.get(&ObjectRef::new("a").within("clocked")).unwrap();
        scene.reflected.rivals(&a).iter().map(|rival| rival.name_any()).collect()
    };
    assert_eq!(rivals(&scene), ["b"]);
    scene.see(Event::Delete(policy("b", "app", 4)));
    assert!(rivals(&scene).is_empty());
    scene.list([policy("a", "app", 1), policy("d", "app", 6)]);
    assert_eq!(rivals(&scene), ["d"]);
}

#[test]
fn nothing_older_than_our_own_write_is_shown() {
    let mut scene = Scene::new();
    scene.list([policy("a", "app", 7), policy("b", "app", 3)]);
    let reference = ObjectRef::new("a").within("clocked");
    let version = |scene: &Scene| scene.reflected.get(&reference).unwrap().resource_version().unwrap();
    let object = |version| Arc::new(serde_json::from_value(policy("a", "app", version)).unwrap());
    let of_key = |scene: &Scene| {
        let key = scene.reflected.get(&reference).unwrap().key().unwrap();
        scene.reflected.of_key(&key)[0].resource_version().unwrap()
    };
    let as_rival = |scene: &Scene| {
        let b = scene.reflected.get(&ObjectRef::new("b").within("clocked")).unwrap();
        scene.reflected.rivals(&b)[0].resource_version().unwrap()
    };
    scene.reflected.wrote(object(9));
    assert_eq!((version(&scene), of_key(&scene), as_rival(&scene)), ("9".into(), "9".into(), "9".into()));
    scene.see(Event::Apply(policy("a", "app", 8)));
    assert_eq!(version(&scene), "9");
    scene.see(Event::Apply(policy("a", "app", 10)));
    assert_eq!(version(&scene), "10");
    // A late answer does not bring back the past.
    scene.reflected.wrote(object(9));
    assert_eq!(version(&scene), "10");
}
