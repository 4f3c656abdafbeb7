//! A scenario from a seed: policies of every sort, and ten minutes in which everything happens at once.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use runbook_core::observed::{Capacity, Suspended};
use serde_json::{Value, json};

use super::databases;
use super::event::{Event, account_mode};
use super::objects::{
    account, adopting, after_the_beginning, band, fixed, of_aurora, policy, scaling_override, steps, tracking, window,
    with,
};
use super::scenario::{ClusterSetup, Faults, Scenario, ServiceSetup};
use super::{ACCOUNT, NAMESPACE, OTHER_ACCOUNT, STRANGER};
use crate::cloud::cluster_id;
use crate::dice::{self, Dice};
use crate::kubernetes::Key;
use crate::kubernetes::kinds::{AWS_ACCOUNT, SCALING_OVERRIDE, SCALING_POLICY};

/// How long faults and script go on.
const TURBULENCE: Duration = Duration::from_secs(600);
/// How long Aurora Replicas take to get into their band, step by step.
const SETTLING: Duration = Duration::from_secs(5400);
/// When what does not end in the run ends.
const LONG_AFTER: Duration = Duration::from_secs(7200);

/// What a service, or the Aurora Replicas of a cluster, are there for.
#[derive(Clone, Debug)]
struct Subject {
    /// The service by its name, or the Aurora Replicas by their ResourceId.
    service: String,
    policy: Key,
    banded: bool,
    /// Its policies may have windows, and delete what they do not declare.
    scheduled: bool,
}

struct Generator {
    rng: Rng,
    scenario: Scenario,
    subjects: Vec<Subject>,
}

/// The scenario of a seed.
pub fn scenario(seed: u64) -> Scenario {
    let mut rng = Dice::new(seed).stream("scenario");
    let faults = match rng.u8(0..8) {
        0 => Faults::None,
        1 => Faults::Mixed { aws: 0.3, kubernetes: 0.02, crash: 0.0 },
        2 => Faults::Mixed { aws: 0.02, kubernetes: 0.25, crash: 0.0 },
        3 => Faults::Mixed { aws: 0.02, kubernetes: 0.02, crash: 0.05 },
        _ => Faults::Mixed { aws: 0.1, kubernetes: 0.08, crash: 0.01 },
    };
    let scenario = Scenario {
        name: format!("seed {seed}"),
        seed,
        faults,
        turbulence: TURBULENCE,

        replicas: if rng.u8(0..4) == 0 { 2 } else { 1 },
        same_identity: rng.bool(),
        aws_latency: [5, 80, 80, 900][rng.usize(0..4)],
        ..Scenario::calm("")
    };
    let mut generator = Generator { rng, scenario, subjects: Vec::new() };
    generator.accounts();
    generator.bystanders();
    for number in 0..generator.rng.u32(2..=5) {
        generator.subject(number);
    }
    for _ in 0..generator.rng.u32(4..=18) {
        generator.event();
    }
    databases::add(&mut generator.scenario);
    generator.scenario
}

impl Generator {
    fn accounts(&mut self) {
        let mut accounts =
            vec![account("default", ACCOUNT), account("other", OTHER_ACCOUNT), account("mistaken", "333333333333")];
        if self.rng.bool() {
            accounts[0] = with(accounts[0].clone(), "/spec/requestBudget/ecs", json!({"read": 20, "modify": 5}));
        }
        accounts[0] = self.brakes(accounts[0].clone());
        accounts[1] = with(accounts[1].clone(), "/spec/mode", json!("Observe"));
        self.scenario.strangers = BTreeMap::from([("mistaken".to_owned(), "444444444444".to_owned())]);
        self.scenario.accounts = accounts;
    }

    /// What the account's owner holds back.
    fn brakes(&mut self, account: Value) -> Value {
        let sort = self.rng.u8(0..8);
        let mut account = account;
        if sort == 0 || sort == 1 {
            let percent = [25, 34, 50][self.rng.usize(0..3)];
            account = with(account, "/spec/safety/scaleInStep", json!({"percent": percent, "every": "45s"}));
        }
        if sort == 1 || sort == 2 {
            let from = self.rng.u64(30..=350);
            let to = from + self.rng.u64(80..=240);
            let [from, to] = [from, to].map(|at| after_the_beginning(Duration::from_secs(at)));
            account =
                with(account, "/spec/freeze", json!([{"from": from, "to": to, "reason": "nobody is there to look"}]));
        }
        if sort == 3 {
            account = with(account, "/spec/safety/maxChangedTargetsPercent", json!(self.rng.i32(15..=60)));
        }
        account
    }

    /// Policies that must not lead to any write, and must not be in the way of the others.
    fn bystanders(&mut self) {
        self.service(OTHER_ACCOUNT, "watched", 1, None);
        let watched = with(fixed("watched", "watched", 3), "/spec/accountRef/name", json!("other"));
        self.service(ACCOUNT, "observed", 1, None);
        let observed = with(fixed("observed", "observed", 3), "/spec/mode", json!("Observe"));
        self.service(ACCOUNT, "suspended", 1, None);
        let suspended = with(fixed("suspended", "suspended", 3), "/spec/suspend", json!(true));
        self.service(ACCOUNT, "foreign", 1, None);
        let foreign = with(policy(STRANGER, "foreign", "foreign"), "/spec/replicas", json!(3));
        self.service(ACCOUNT, "driven", 2, Some((1, 4)));
        let driven = fixed("driven", "driven", 3);
        let lost = fixed("lost", "no-such-service", 2);
        let mistaken = with(fixed("mistaken", "mistaken", 2), "/spec/accountRef/name", json!("mistaken"));
        let nowhere = with(fixed("nowhere", "nowhere", 2), "/spec/accountRef/name", json!("no-such-account"));
        let mut all = vec![watched, observed, suspended, foreign, driven, lost, mistaken, nowhere];
        self.rng.shuffle(&mut all);
        // Not all in each run: what is not there costs no time.
        all.truncate(self.rng.usize(2..=4));
        self.scenario.policies = all;
        let malformed = with(fixed("malformed", "malformed", 1), "/spec/replicas", json!("many"));
        let nothing = with(policy(NAMESPACE, "nothing", "nothing"), "/spec", json!("nothing at all"));
        self.scenario.raw = if self.rng.bool() { vec![malformed] } else { vec![nothing] };
    }

    fn service(&mut self, account: &'static str, name: &str, desired: i32, capacity: Option<(i32, i32)>) {
        let capacity = capacity.map(|(min, max)| Capacity { min, max, suspended: Suspended::default() });
        self.scenario.services.push(ServiceSetup { account, name: name.into(), desired, capacity });
    }

    fn cluster(&mut self, name: &str, readers: i32, capacity: Option<(i32, i32)>) {
        let capacity = capacity.map(|(min, max)| Capacity { min, max, suspended: Suspended::default() });
        self.scenario.clusters.push(ClusterSetup { name: name.into(), readers, capacity });
        // Each step of a scale-in waits until the readers of the one before have gone.
        self.scenario.settle = SETTLING;
    }

    /// A service with a policy that is enforced, at least at first.
    fn subject(&mut self, number: u32) {
        let banded = self.rng.u8(0..3) > 0;
        let aurora = banded && self.rng.u8(0..4) == 0;
        let service = if aurora { cluster_id(&format!("db-{number}")) } else { format!("app-{number}") };
        let name = format!("policy-{number}");
        let scheduled = banded && self.rng.bool();
        let object =
            if banded { self.banded(&name, &service, scheduled) } else { fixed(&name, &service, self.rng.i32(1..=6)) };
        let object = self.temporary(object, aurora);
        let capacity = if banded && self.rng.bool() { Some(self.limits()) } else { None };
        let desired = self.rng.i32(0..=8);
        if aurora {
            self.cluster(&format!("db-{number}"), desired / 3, capacity);
        } else {
            self.service(ACCOUNT, &service, desired, capacity);
        }
        self.scenario.policies.push(object);
        if self.rng.u8(0..4) == 0 {
            // A younger rival, which must wait until the older one goes.
            let rival = format!("rival-{number}");
            let size = self.rng.i32(1..=6);
            let object = if banded { self.banded(&rival, &service, scheduled) } else { fixed(&rival, &service, size) };
            self.scenario.policies.push(object);
            self.subjects.push(Subject {
                service: service.clone(),
                policy: Key::new(NAMESPACE, &rival),
                banded,
                scheduled,
            });
        }
        self.subjects.push(Subject { service, policy: Key::new(NAMESPACE, &name), banded, scheduled });
    }

    fn limits(&mut self) -> (i32, i32) {
        let min = self.rng.i32(1..=4);
        (min, min + self.rng.i32(0..=6))
    }

    fn banded(&mut self, name: &str, service: &str, scheduled: bool) -> Value {
        let limits = self.limits();
        let count = [0, 1, 1, 2, 3, 11][self.rng.usize(0..6)];
        let names = ["cpu", "memory", "queue", "a", "b", "c", "d", "e", "f", "g", "h"];
        let entries: Vec<Value> = names.iter().take(count).map(|name| tracking(name, self.rng.i64(10..=90))).collect();
        let mut object = band(name, service, limits, &entries);
        if self.rng.u8(0..3) == 0 {
            object = with(object, "/spec/autoscaling/stepScaling", json!([steps("busy", self.rng.i32(1..=3))]));
        }
        if scheduled {
            object = with(object, "/spec/autoscaling/prune", json!(true));
            if self.rng.u8(0..3) > 0 {
                // Every run begins at eight o'clock, and its turbulence ends ten minutes later.
                let start = self.rng.i32(0..=8);
                let end = if self.rng.bool() { self.rng.i32(start + 1..=9) } else { 55 };
                let limits = self.limits();
                object = with(object, "/spec/autoscaling/windows", json!([window("rush", (start, end), limits)]));
            }
        }
        let deletion = if self.rng.bool() { "Delete" } else { "Retain" };
        let object = with(object, "/spec/deletionPolicy", json!(deletion));
        match service.strip_prefix("cluster:") {
            Some(cluster) => of_aurora(object, cluster),
            None => object,
        }
    }

    fn at(&mut self) -> Duration {
        dice::between(&mut self.rng, 5_000, 560_000)
    }

    fn push(&mut self, at: Duration, event: Event) {
        self.scenario.script.push((at, event));
    }

    fn event(&mut self) {
        let at = self.at();
        let later = at + dice::between(&mut self.rng, 500, 200_000);
        let later = later.min(TURBULENCE - Duration::from_secs(5));
        let subject = self.subjects[self.rng.usize(0..self.subjects.len())].clone();
        let Subject { service, policy, .. } = subject.clone();
        match self.rng.u8(0..31) {
            0..=2 => {
                let to = self.rng.i32(0..=12);
                self.push(at, Event::Desired(service, to));
            }
            3..=5 => {
                let place = self.rng.f64();
                self.push(at, Event::Autoscale(service, place));
            }
            6 | 7 => self.edit(at, &subject),
            8 => {
                self.push(at, Event::Set(SCALING_POLICY, policy.clone(), "/spec/suspend", json!(true)));
                self.push(later, Event::Set(SCALING_POLICY, policy, "/spec/suspend", json!(false)));
            }
            9 => {
                self.push(at, Event::Set(SCALING_POLICY, policy.clone(), "/spec/mode", json!("Observe")));
                if self.rng.bool() {
                    self.push(later, Event::Set(SCALING_POLICY, policy, "/spec/mode", json!("Enforce")));
                }
            }
            10 => {
                self.push(at, account_mode("default", "Observe"));
                self.push(later, account_mode("default", "Enforce"));
            }
            11 => {
                let key = Key::new("", "default");
                self.push(at, Event::Set(AWS_ACCOUNT, key.clone(), "/spec/grants/0/verbs", json!(["observe"])));
                self.push(later, Event::Set(AWS_ACCOUNT, key, "/spec/grants/0/verbs", json!(["observe", "scale"])));
            }
            12 if subject.banded && self.rng.bool() => {
                let (min, max) = self.limits();
                let event =
                    if self.rng.bool() { Event::Register(service, min, max) } else { Event::Deregister(service) };
                self.push(at, event);
            }
            12 if subject.scheduled => {
                let minute = self.rng.i32(0..=9);
                self.push(at, Event::Schedule(service.clone(), minute));
                // Actions are read hourly too.
                self.look(later, &service);
            }
            13 if subject.banded => {
                // Policies are read hourly; a person who knows of a change asks for a look now, by whoever holds the service.
                self.push(at, Event::DropPolicies(service.clone()));
                self.look(later, &service);
            }
            14 => {
                let length = dice::between(&mut self.rng, 5_000, 300_000);
                self.push(at, Event::Deploy(service, length));
            }
            15 => {
                self.push(at, Event::Delete(SCALING_POLICY, policy));
            }
            16 => {
                let length = dice::between(&mut self.rng, 2_000, 150_000);
                self.push(at, Event::Outage(length));
            }
            17 => {
                let event = [Event::DropWatches, Event::Compact, Event::Gone][self.rng.usize(0..3)].clone();
                self.push(at, event);
            }
            18 => {
                let lag = self.rng.u64(100..=8_000);
                self.push(at, Event::WatchLag(lag));
                self.push(later, Event::WatchLag(20));
            }
            19 => {
                let operations = [
                    "UpdateService",
                    "RegisterScalableTarget",
                    "PutScalingPolicy",
                    "DescribeServices",
                    "DescribeDBClusters",
                ];
                let operation = operations[self.rng.usize(0..operations.len())];
                self.push(at, Event::Deny(operation, true));
                self.push(later, Event::Deny(operation, false));
            }
            20 => {
                let rate = [(0.2, 1.0), (1.0, 2.0), (2.0, 10.0)][self.rng.usize(0..3)];
                self.push(at, Event::Throttle(Some(rate)));
                self.push(later, Event::Throttle(None));
            }
            21 => self.push(at, Event::Kill),
            22 => self.push(at, Event::Restart),
            23 => self.push(at, Event::RequestReconcile(policy)),
            24 => {
                let to = self.rng.i32(7..=20);
                self.push(at, Event::Desired(service, to));
            }
            25 => self.contest(at, &service),
            _ => self.scaling_override(at, later, &policy),
        }
    }

    /// Something changes a size again and again, and somebody looks each time.
    fn contest(&mut self, at: Duration, service: &str) {
        let mut at = at.min(TURBULENCE / 3);
        for turn in 0..self.rng.i32(4..=9) {
            let to = if self.rng.bool() { 0 } else { 20 + turn };
            self.push(at, Event::Desired(service.to_owned(), to));
            self.look(at + Duration::from_secs(1), service);
            at += dice::between(&mut self.rng, 15_000, 60_000);
            if at > TURBULENCE - Duration::from_secs(10) {
                return;
            }
        }
    }

    /// Everybody who may hold a service is asked to look at it.
    fn look(&mut self, at: Duration, service: &str) {
        let all: Vec<Key> =
            self.subjects.iter().filter(|other| other.service == service).map(|other| other.policy.clone()).collect();
        for policy in all {
            self.push(at, Event::RequestReconcile(policy));
        }
    }

    /// What a policy lets others do to its size for a while.
    fn temporary(&mut self, object: Value, aurora: bool) -> Value {
        let allow_zero = self.rng.u8(0..3) == 0;
        let object = with(object, "/spec/allowZero", json!(allow_zero));
        match self.rng.u8(0..4) {
            0 => object,
            _ if aurora => with(object, "/spec/overrideCeiling", json!(self.rng.i32(4..=14))),
            1 => with(object, "/spec/overrideCeiling", json!(self.rng.i32(4..=14))),
            // Some adoptions end in the run, some do not.
            _ => adopting(object, [60, 120, 300, 7200][self.rng.usize(0..4)], self.rng.i32(8..=20)),
        }
    }

    /// Somebody changes a size for a while, and perhaps changes his mind.
    fn scaling_override(&mut self, at: Duration, later: Duration, policy: &Key) {
        let count = self.rng.i32(1..=9);
        let mut size = match self.rng.u8(0..8) {
            0..=3 => json!({"atLeast": count}),
            4 | 5 => json!({"exactly": self.rng.i32(0..=7)}),
            _ => json!({"range": {"min": self.rng.i32(0..=count), "max": count}}),
        };
        if self.rng.bool() {
            size["suspendScheduled"] = json!(self.rng.u8(0..4) > 0);
        }
        // It ends long before the end of the run or long after it, or it has ended before it is made.
        let ends = match self.rng.u8(0..5) {
            0 => LONG_AFTER,
            1 => Duration::from_secs(1),
            _ => at + dice::between(&mut self.rng, 1_000, 240_000),
        };
        let number = self.scenario.script.len();
        let name = format!("override-{number}");
        let of = if self.rng.u8(0..12) == 0 { "no-such-policy" } else { &*policy.name };
        self.push(at, Event::Create(SCALING_OVERRIDE, scaling_override(&name, of, &size, ends)));
        let key = Key::new(NAMESPACE, &name);
        match self.rng.u8(0..4) {
            0 => self.push(later, Event::Delete(SCALING_OVERRIDE, key)),
            1 => {
                let moved = if self.rng.bool() { LONG_AFTER } else { later + Duration::from_secs(5) };
                self.push(later, Event::Set(SCALING_OVERRIDE, key, "/spec/expiresAt", after_the_beginning(moved)));
            }
            _ => {}
        }
    }

    fn edit(&mut self, at: Duration, subject: &Subject) {
        let key = subject.policy.clone();
        if !subject.banded {
            let replicas = self.rng.i32(1..=9);
            self.push(at, Event::Set(SCALING_POLICY, key, "/spec/replicas", json!(replicas)));
            return;
        }
        let name = key.name.clone();
        let object = self.banded(&name, &subject.service, subject.scheduled);
        let autoscaling = object.pointer("/spec/autoscaling").cloned().unwrap_or_default();
        self.push(at, Event::Set(SCALING_POLICY, key, "/spec/autoscaling", autoscaling));
    }
}
