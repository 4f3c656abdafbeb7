//! The databases of a scenario: BackupPolicies of every sort, and what is done to them, their databases and their snapshots.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use runbook_core::DatabaseKind;
use runbook_core::observed::BackupSettings;
use runbook_core::step::SettingsChange;
use serde_json::{Value, json};

use super::event::Event;
use super::objects::{backup, backup_tags, with};
use super::restores;
use super::run::EPOCH;
use super::scenario::{DatabaseSetup, Scenario, SnapshotSetup};
use super::{ACCOUNT, NAMESPACE, REGION};
use crate::cloud::rds;
use crate::cloud::rds::outside::Act;
use crate::dice::{self, Dice};
use crate::kubernetes::Key;
use crate::kubernetes::kinds::{AWS_ACCOUNT, BACKUP_POLICY};

/// One of so many runs has databases.
const SHARE: u8 = 3;
/// Minutes after eight in which a schedule has slots: the last is taken long before it must be quiet.
const LAST_SLOT: i32 = 19;
/// How long the world is quiet before the operator must have finished: until the last snapshot is there, and what it replaces is gone.
const SETTLE: Duration = Duration::from_secs(1300);
/// What waits for a maintenance window that does not come.
const CLASS: (&str, &str) = ("DBInstanceClass", "db.m7g.large");

struct Generator<'s> {
    rng: Rng,
    scenario: &'s mut Scenario,
}

/// A policy, its database and the names of its snapshots.
struct Subject {
    policy: Key,
    database: rds::Key,
    prefix: String,
    /// The hour of the schedule, in its zone.
    hour: i32,
}

/// Adds databases to the scenario of a seed, or does not.
pub fn add(scenario: &mut Scenario) {
    let rng = Dice::new(scenario.seed).stream("databases");
    let mut generator = Generator { rng, scenario };
    if generator.rng.u8(0..SHARE) > 0 {
        return;
    }
    generator.scenario.settle = SETTLE;
    generator.scenario.failing_snapshots = [0.0, 0.0, 0.1, 0.3][generator.rng.usize(0..4)];
    if generator.rng.u8(0..3) == 0 {
        let most = generator.rng.i32(1..=3);
        let account = generator.scenario.accounts[0].clone();
        generator.scenario.accounts[0] = with(account, "/spec/safety/maxDeletesPerDay", json!(most));
    }
    for number in 0..generator.rng.u32(1..=2) {
        let subject = generator.subject(number);
        for _ in 0..generator.rng.u32(1..=6) {
            generator.event(&subject);
        }
    }
    if generator.rng.bool() {
        let account = generator.scenario.accounts[0].clone();
        generator.scenario.accounts[0] = with(account, "/spec/requestBudget/rds", json!({"read": 20, "modify": "2.5"}));
    }
    restores::add(scenario);
}

impl Generator<'_> {
    fn subject(&mut self, number: u32) -> Subject {
        let kind = if self.rng.u8(0..3) == 0 { DatabaseKind::Cluster } else { DatabaseKind::Instance };
        let database: rds::Key = (kind, format!("db-{number}"));
        let name = format!("backup-{number}");
        let berlin = self.rng.bool();
        let hour = if berlin { 9 } else { 8 };
        let mut object = backup(&name, &database, &self.schedule(hour));
        let set = |object: &mut Value, pointer: &str, value: Value| {
            *object = with(object.clone(), pointer, value);
        };
        if berlin {
            set(&mut object, "/spec/snapshots/timeZone", json!("Europe/Berlin"));
        }
        if self.rng.bool() {
            set(&mut object, "/spec/snapshots/jitter", json!(["5s", "30s", "90s"][self.rng.usize(0..3)]));
        }
        let deadline = ["1m", "2m", "5m", "12h"][self.rng.usize(0..4)];
        set(&mut object, "/spec/snapshots/startingDeadline", json!(deadline));
        set(&mut object, "/spec/snapshots/runOnCreate", json!(self.rng.u8(0..4) == 0));
        let mut prefix = format!("{}-scheduled", database.1);
        if self.rng.bool() {
            prefix = format!("{}-manual", database.1);
            set(&mut object, "/spec/snapshots/namePrefix", json!(prefix));
        }
        if self.rng.u8(0..4) > 0 {
            set(&mut object, "/spec/snapshots/retention", self.retention());
        }
        let automated = self.rng.u8(0..3) > 0;
        if automated {
            let days = self.days(kind);
            set(&mut object, "/spec/automated", json!({"retentionDays": days, "copyTagsToSnapshot": true}));
            if self.rng.bool() {
                set(&mut object, "/spec/automated/window", json!("03:00-04:00"));
            }
            set(&mut object, "/spec/allowOutage", json!(days == 0 || self.rng.bool()));
        }
        set(&mut object, "/spec/deletionProtection", json!(self.rng.bool()));
        let settings = BackupSettings {
            retention_days: self.days(kind),
            window: Some(["03:00-04:00", "05:00-05:30"][self.rng.usize(0..2)].into()),
            copy_tags_to_snapshot: self.rng.bool(),
            deletion_protection: self.rng.bool(),
        };
        let snapshots = self.snapshots(&name, &database, &prefix);
        self.scenario.databases.push(DatabaseSetup { key: database.clone(), settings, snapshots });
        self.scenario.backups.push(object);
        if self.rng.u8(0..5) == 0 {
            // A younger policy for the same database, which must wait.
            let rival =
                with(backup(&format!("rival-of-{name}"), &database, "0-9/5 8 * * *"), "/spec/mode", json!("Enforce"));
            self.scenario.backups.push(rival);
        }
        Subject { policy: Key::new(NAMESPACE, &name), database, prefix, hour }
    }

    /// Every two to five minutes of an hour.
    fn schedule(&mut self, hour: i32) -> String {
        let (first, every) = (self.rng.i32(0..=3), self.rng.i32(2..=5));
        format!("{first}-{LAST_SLOT}/{every} {hour} * * *")
    }

    fn days(&mut self, kind: DatabaseKind) -> i32 {
        match (kind, self.rng.u8(0..4)) {
            (DatabaseKind::Instance, 0) => 0,
            _ => self.rng.i32(1..=14),
        }
    }

    fn retention(&mut self) -> Value {
        let rules = [
            json!({"keepLast": 1}),
            json!({"keepLast": 2}),
            json!({"keepLast": 3, "maxAgeDays": 1}),
            json!({"daily": 2}),
            json!({"keepLast": 1, "daily": 1, "weekly": 2}),
            json!({"weekly": 1, "monthly": 2}),
            json!({"maxAgeDays": 10}),
        ];
        rules[self.rng.usize(0..rules.len())].clone()
    }

    /// What is there already: the policy's own, as after the loss of a cluster; others'; RDS's.
    fn snapshots(&mut self, policy: &str, database: &rds::Key, prefix: &str) -> Vec<SnapshotSetup> {
        let begin = Timestamp::from_second(EPOCH).unwrap_or_default();
        let stored = crate::cloud::rds::Stored::new(ACCOUNT, REGION, database, settings());
        let own = |hours: i64| {
            let age = SignedDuration::from_hours(hours);
            let slot = begin.checked_sub(age).unwrap_or(begin);
            let name = format!("{prefix}-{}", TimeZone::UTC.to_datetime(slot).strftime("%Y%m%d-%H%M%S"));
            let tags = backup_tags(policy, &stored.arn_of_snapshot(database.0, &name), slot);
            SnapshotSetup { name, age, snapshot_type: "manual", tags }
        };
        let mut all: Vec<SnapshotSetup> = Vec::new();
        if self.rng.bool() {
            let ages = [3, 20, 24, 44, 48, 170, 340, 720, 1500];
            all.extend(ages.into_iter().filter(|_| self.rng.bool()).map(own));
        }
        for number in 0..self.rng.u8(0..4) {
            let (name, age) = (format!("by-hand-{}-{number}", database.1), SignedDuration::from_hours(100));
            all.push(SnapshotSetup { name, age, snapshot_type: "manual", tags: BTreeMap::new() });
        }
        if self.rng.bool() {
            // A copy of one of ours, with its tags.
            let (tags, age) = (own(2000).tags, SignedDuration::from_hours(2000));
            all.push(SnapshotSetup { name: format!("copy-{}", database.1), age, snapshot_type: "manual", tags });
        }
        for hours in [5, 29] {
            let (name, age) = (format!("rds:{}-{hours}", database.1), SignedDuration::from_hours(hours));
            all.push(SnapshotSetup { name, age, snapshot_type: "automated", tags: BTreeMap::new() });
        }
        all
    }

    fn event(&mut self, subject: &Subject) {
        let at = dice::between(&mut self.rng, 5_000, 560_000);
        let later = (at + dice::between(&mut self.rng, 500, 200_000)).min(Duration::from_secs(595));
        let Subject { policy, database, prefix, hour } = subject;
        let set = |pointer, value| Event::Set(BACKUP_POLICY, policy.clone(), pointer, value);
        let act = |act| Event::Database(database.clone(), act);
        let number = self.scenario.script.len();
        let mut script = Vec::new();
        match self.rng.u8(0..24) {
            0 | 1 => {
                script.extend([(at, set("/spec/suspend", json!(true))), (later, set("/spec/suspend", json!(false)))])
            }
            2 => {
                script.push((at, set("/spec/mode", json!("Observe"))));
                if self.rng.bool() {
                    script.push((later, set("/spec/mode", json!("Enforce"))));
                }
            }
            3 => script.push((at, set("/spec/snapshots/retention", self.retention()))),
            4 => script.push((at, set("/spec/snapshots/schedule", json!(self.schedule(*hour))))),
            5 | 6 => {
                let days = Some(self.rng.i32(1..=30));
                let window = self.rng.bool().then(|| "06:00-06:45".to_owned());
                let changes = SettingsChange { retention_days: days, window, ..SettingsChange::default() };
                script.push((at, act(Act::Settings(changes))));
            }
            7 => script.push((at, act(Act::Unprotect))),
            8 => {
                script.push((at, act(Act::AskFor(CLASS.0, CLASS.1))));
                if self.rng.bool() {
                    script.push((later, act(Act::Maintain)));
                }
            }
            9 | 10 => script.push((at, act(Act::BackUp(dice::between(&mut self.rng, 5_000, 240_000))))),
            11..=13 => {
                // Snapshots that nothing tells of are read every four hours; a person who knows of a change asks for a look now.
                let rival = Key::new(NAMESPACE, &format!("rival-of-{}", policy.name));
                script.push((at, act(Act::DeleteNewest)));
                script.extend([policy.clone(), rival].map(|policy| (later, Event::RequestBackup(policy))));
            }
            14 => script.push((at, act(Act::Snapshot(format!("colleague-{}-{number}", database.1))))),
            15 => script.push((at, act(Act::Copy(format!("copied-{}-{number}", database.1))))),
            16 => {
                // Under the name that a slot would have.
                let minute = self.rng.i32(4..=9);
                script.push((at, act(Act::Snapshot(format!("{prefix}-20270115-080{minute}00")))));
            }
            17 | 18 => script.extend([(at, act(Act::QuotaFull)), (later, act(Act::Quota(100)))]),
            19 => script.push((at, Event::RequestBackup(policy.clone()))),
            20 => script.push((at, Event::Delete(BACKUP_POLICY, policy.clone()))),
            21 => {
                let key = Key::new("", "default");
                let verbs = |verbs: Value| Event::Set(AWS_ACCOUNT, key.clone(), "/spec/grants/1/verbs", verbs);
                script.push((at, verbs(json!(["observe", "snapshot"]))));
                script.push((later, verbs(json!(["observe", "snapshot", "deleteSnapshot"]))));
            }
            22 => {
                let operations = ["CreateDBSnapshot", "DeleteDBSnapshot", "DescribeDBSnapshots", "ModifyDBInstance"];
                let operation = operations[self.rng.usize(0..4)];
                script.extend([(at, Event::Deny(operation, true)), (later, Event::Deny(operation, false))]);
            }
            _ if self.rng.u8(0..3) == 0 => script.push((at, act(Act::Replace))),
            // Past one slot at least.
            _ => script.push((at, Event::Outage(dice::between(&mut self.rng, 150_000, 300_000)))),
        }
        self.scenario.script.extend(script);
    }
}

fn settings() -> BackupSettings {
    BackupSettings { retention_days: 7, window: None, copy_tags_to_snapshot: false, deletion_protection: false }
}
