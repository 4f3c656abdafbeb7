//! The restores of a scenario: verifications on a schedule and by hand, and what is done to them and to what they have made.

use std::time::Duration;

use fastrand::Rng;
use runbook_api::ABANDON;
use runbook_core::DatabaseKind;
use runbook_core::ownership::VERIFIED_TAG;
use serde_json::{Value, json};

use super::NAMESPACE;
use super::event::{Event, Places};
use super::objects::{scheduled_verification, set, verification, with};
use super::scenario::Scenario;
use crate::cloud::rds::colleagues::Act;
use crate::cloud::rds::outside;
use crate::cloud::rds::restores::Odds;
use crate::dice::{self, Dice};
use crate::kubernetes::Key;
use crate::kubernetes::kinds::{AWS_ACCOUNT, BACKUP_POLICY, DATABASE_RESTORE};

/// Of the scenarios with databases one of so many has no restores.
const SHARE: u8 = 4;
/// The last minute after eight in which a verification is due.
const LAST_SLOT: i32 = 8;
/// How long the world is quiet until the last instance is gone: a verification may begin late, wait for two others, and take its whole time.
const SETTLE: Duration = Duration::from_secs(2500);
/// And where instances may be left behind: until somebody has swept, who looks once an hour.
const SWEPT: Duration = Duration::from_secs(7500);

/// Adds restores to a scenario with databases, or does not.
pub fn add(scenario: &mut Scenario) {
    let rng = Dice::new(scenario.seed).stream("restores");
    let mut generator = Generator { rng, scenario };
    if generator.rng.u8(0..SHARE) == 0 {
        return;
    }
    generator.without_services();
    generator.scenario.settle = SETTLE;
    generator.scenario.odds = generator.odds();
    let mut policies = Vec::new();
    for index in 0..generator.scenario.backups.len() {
        policies.extend(generator.schedule(index));
    }
    for number in 0..generator.rng.u32(0..=2) {
        generator.by_hand(number);
    }
    for _ in 0..generator.rng.u32(1..=5) {
        generator.event(&policies);
    }
    if generator.rng.u8(0..6) == 0 {
        generator.leave_behind();
    }
}

/// The snapshots that are said to be good before the run.
pub fn verified(scenario: &Scenario) -> Vec<String> {
    let all = scenario.databases.iter().flat_map(|setup| &setup.snapshots);
    all.filter(|one| one.tags.contains_key(VERIFIED_TAG)).map(|one| one.name.clone()).collect()
}

struct Generator<'s> {
    rng: Rng,
    scenario: &'s mut Scenario,
}

impl Generator<'_> {
    fn odds(&mut self) -> Odds {
        let mut one_of = |odds: [f64; 4]| odds[self.rng.usize(0..4)];
        Odds {
            bad: one_of([0.0, 0.2, 0.3, 0.5]),
            broken: one_of([0.0, 0.0, 0.1, 0.3]),
            slow: one_of([0.0, 0.0, 0.1, 0.3]),
            unreachable: one_of([0.0, 0.0, 0.1, 0.3]),
            unanswered: one_of([0.0, 0.1, 0.3, 0.6]),
        }
    }

    /// Has a policy for a DB instance verify its backups. Its key, if it does.
    fn schedule(&mut self, index: usize) -> Option<Key> {
        let object = &self.scenario.backups[index];
        object.pointer("/spec/source/rdsInstance")?;
        let name = object.pointer("/metadata/name")?.as_str()?.to_owned();
        if self.rng.u8(0..4) == 0 {
            return None;
        }
        let declared = self.declared();
        let object = with(self.scenario.backups[index].clone(), "/spec/verification", declared);
        self.scenario.backups[index] = object;
        Some(Key::new(NAMESPACE, &name))
    }

    fn declared(&mut self) -> Value {
        let (first, every) = (self.rng.i32(1..=5), self.rng.i32(2..=4));
        let mut declared = scheduled_verification(&format!("{first}-{LAST_SLOT}/{every} 8 * * *"));
        let mut set = |field: &str, value: Value| set(&mut declared, field, value);
        set("/startingDeadline", json!(["1m", "3m", "10m"][self.rng.usize(0..3)]));
        set("/select", json!(["Newest", "Random"][self.rng.usize(0..2)]));
        set("/includeAutomated", json!(self.rng.bool()));
        if self.rng.bool() {
            set("/jitter", json!("30s"));
        }
        if self.rng.bool() {
            set("/restore", json!({"instanceClass": "db.t4g.medium"}));
        }
        declared
    }

    /// A person verifies a backup.
    fn by_hand(&mut self, number: u32) {
        let instances = self.scenario.databases.iter().filter(|setup| setup.key.0 == DatabaseKind::Instance);
        let instances: Vec<_> = instances.cloned().collect();
        if instances.is_empty() {
            return;
        }
        let setup = &instances[self.rng.usize(0..instances.len())];
        let source = match (self.rng.u8(0..5), setup.snapshots.is_empty()) {
            (0, _) => json!({"pointInTime": {"rdsInstance": setup.key.1}}),
            (1, _) => json!({"snapshotIdentifier": "no-such-snapshot"}),
            (_, true) => return,
            _ => json!({"snapshotIdentifier": setup.snapshots[self.rng.usize(0..setup.snapshots.len())].name}),
        };
        let object = verification(&format!("drill-{number}"), source);
        if self.rng.bool() {
            self.scenario.restores.push(object);
        } else {
            let at = self.at();
            self.push(at, Event::Create(DATABASE_RESTORE, object));
        }
    }

    /// Verifications take their time, and what is read of services once an hour is another matter: there are none.
    fn without_services(&mut self) {
        let scenario = &mut *self.scenario;
        scenario.policies.clear();
        scenario.raw.clear();
        scenario.services.clear();
        scenario.clusters.clear();
        scenario.script.retain(|(_, event)| !event.is_about_services());
    }

    /// Instances lose the objects that they are of, and time passes: what a policy tells once an hour is told again.
    fn leave_behind(&mut self) {
        (self.scenario.settle, self.scenario.steady) = (SWEPT, Duration::ZERO);
        for _ in 0..self.rng.u8(1..=3) {
            let at = self.at();
            let event = match self.rng.u8(0..3) {
                0 => Event::LoseRestores,
                _ => Event::DeleteRestore { abandon: true },
            };
            self.push(at, event);
        }
    }

    fn at(&mut self) -> Duration {
        dice::between(&mut self.rng, 5_000, 590_000)
    }

    fn push(&mut self, at: Duration, event: Event) {
        self.scenario.script.push((at, event));
    }

    fn event(&mut self, policies: &[Key]) {
        let at = self.at();
        let later = (at + dice::between(&mut self.rng, 500, 200_000)).min(Duration::from_secs(595));
        let number = self.scenario.script.len();
        match self.rng.u8(0..14) {
            0..=2 => self.push(at, Event::DeleteRestore { abandon: false }),
            4 => self.push(at, Event::Restored(Act::RestoreAlike(format!("rbv-theirs-{number}")))),
            5 => self.push(at, Event::Restored(Act::DeleteNewest)),
            3 | 6 => self.push(at, Event::Restored(Act::Untag)),
            7 | 13 => {
                self.push(at, Event::Restored(Act::QuotaFull));
                self.push(later, Event::Restored(Act::Quota(40)));
            }
            8 => {
                let operations = [
                    "RestoreDBInstanceFromDBSnapshot",
                    "DeleteDBInstance",
                    "AddTagsToResource",
                    "ModifyDBInstance",
                    "RestoreDBInstanceToPointInTime",
                ];
                let operation = operations[self.rng.usize(0..5)];
                self.push(at, Event::Deny(operation, true));
                self.push(later, Event::Deny(operation, false));
            }
            9 => {
                let verbs = |verbs| Event::Set(AWS_ACCOUNT, Key::new("", "default"), "/spec/grants/2/verbs", verbs);
                self.push(at, verbs(json!(["observe"])));
                self.push(later, verbs(json!(["observe", "restore"])));
            }
            10 => self.push(at, Event::Kill),
            11 => {
                let databases = &self.scenario.databases;
                let key = databases[self.rng.usize(0..databases.len())].key.clone();
                self.push(at, Event::Database(key, outside::Act::DeleteNewest));
                // Snapshots that nothing tells of are read every four hours; a person who knows of a change asks for a look now.
                let names = self.scenario.backups.iter().filter_map(|one| one.pointer("/metadata/name")?.as_str());
                let policies: Vec<Key> = names.map(|name| Key::new(NAMESPACE, name)).collect();
                policies.into_iter().for_each(|policy| self.push(later, Event::RequestBackup(policy)));
            }
            _ => {
                let Some(policy) = policies.get(self.rng.usize(0..=policies.len())) else { return };
                let declared = if self.rng.bool() { Value::Null } else { self.declared() };
                self.push(at, Event::Set(BACKUP_POLICY, policy.clone(), "/spec/verification", declared));
            }
        }
    }
}

impl Event {
    /// Whether it is about what scales.
    fn is_about_services(&self) -> bool {
        match self {
            Self::Set(kind, ..) | Self::Create(kind, _) | Self::Delete(kind, _) => kind.resource.starts_with("scaling"),
            Self::RequestReconcile(_)
            | Self::Desired(..)
            | Self::Autoscale(..)
            | Self::Register(..)
            | Self::Deregister(_)
            | Self::Schedule(..)
            | Self::DropPolicies(_)
            | Self::PutPolicy(..)
            | Self::Deploy(..)
            | Self::CreateService(..) => true,
            _ => false,
        }
    }
}

impl Places {
    /// A person deletes the newest DatabaseRestore that has not ended, if there is one.
    pub(super) fn delete_restore(&self, abandon: bool) {
        let has_ended = |object: &Value| object.pointer("/status/completionTime").is_some();
        let all = self.kubernetes.list(DATABASE_RESTORE).into_iter().filter(|(_, object)| !has_ended(object));
        let version = |object: &Value| {
            let version = object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
            version.and_then(|version| version.parse::<u64>().ok())
        };
        let Some((key, _)) = all.max_by_key(|(_, object)| version(object)) else { return };
        if abandon {
            let pointer = format!("/metadata/annotations/{}", ABANDON.replace('/', "~1"));
            let edit = |object: &mut Value| set(object, &pointer, json!("true"));
            self.kubernetes(self.kubernetes.edit(DATABASE_RESTORE, &key, "abandon", edit).map(drop));
        }
        self.kubernetes(self.kubernetes.delete(DATABASE_RESTORE, &key));
    }

    /// All DatabaseRestores are gone, whatever held them.
    pub(super) fn lose_restores(&self) {
        for (key, _) in self.kubernetes.list(DATABASE_RESTORE) {
            self.kubernetes.lose(DATABASE_RESTORE, &key);
        }
    }
}
