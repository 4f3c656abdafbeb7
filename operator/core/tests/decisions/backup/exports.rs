//! Weeks of a policy that exports: the DatabaseBackups that are made, seen late, and end well or badly, with crashes and losses in between.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use proptest::prelude::*;
use proptest::sample::select;
use runbook_api::DatabaseBackup;
use runbook_api::backup_policy::{BackupPolicySpec, BackupPolicyStatus};
use runbook_api::common::condition::EXPORTED;
use runbook_api::database_backup::DatabaseBackupStatus;
use runbook_api::scheduled_export::{ExportSlot, ExportState};
use runbook_core::backup::exports::Run;
use runbook_core::backup::{self, Input, Memory, report};
use runbook_core::report::{Act, Outcome, Summary};
use runbook_core::{DatabaseKind, Facts, Plan, Step};
use serde_json::{Value, json};

use super::world;

const KIND: DatabaseKind = DatabaseKind::Instance;
const NAME: &str = "user-data";

/// What happens at one look.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Luck {
    Fine,
    /// The operator is down.
    Down,
    /// It ends when it has claimed what it is about to do.
    EndsAfterClaim,
    /// It ends when it has made the object.
    EndsAfterStep,
    /// The status is lost, and the policy is created again.
    StatusLost,
    /// The objects that were made at the last look are not seen yet.
    SeenLate,
    /// Somebody deletes what was made last.
    Deleted,
    /// The run that is under way ends badly.
    Fails,
}

struct Life {
    policy: BackupPolicySpec,
    input: Input,
    facts: Facts,
    status: BackupPolicyStatus,
    created: Timestamp,
    /// The objects that there are, and when they were made.
    objects: BTreeMap<String, (DatabaseBackup, Timestamp)>,
    /// Slots for which an object was made, whatever became of it.
    made: Vec<Timestamp>,
}

impl Life {
    fn new(schedule: &str, jitter: &str) -> Self {
        let export = json!({"name": NAME, "schedule": schedule, "timeZone": "Europe/Berlin", "jitter": jitter, "source": "Primary",
            "connection": {"secretRef": {"name": "clocked-db-export"}}, "serviceAccountName": "exporter",
            "s3": {"bucket": "clocked-backups", "prefix": "database/"}});
        let policy = world::spec(json!({"exports": [export]}));
        Self {
            input: world::input_of(&policy),
            policy,
            facts: world::facts(KIND, Some(world::database(KIND)), Vec::new(), 0),
            status: BackupPolicyStatus::default(),
            created: begin(),
            objects: BTreeMap::new(),
            made: Vec::new(),
        }
    }

    /// One look, after which a run that is under way has ended, where it was seen before.
    fn look(&mut self, luck: Luck, now: Timestamp) -> Result<(), TestCaseError> {
        match luck {
            Luck::Down => return Ok(()),
            Luck::StatusLost => (self.status, self.created) = (BackupPolicyStatus::default(), now),
            Luck::Deleted => self.delete_newest(),
            _ => {}
        }
        let since = now - SignedDuration::from_secs(90);
        let seen = self.objects.values().filter(|(_, made)| luck != Luck::SeenLate || *made < since);
        let of = (&self.policy.account_ref, None, &self.policy.source);
        let runs: Vec<Run> = seen.map(|(object, _)| Run::read(object, "clocked-db", of)).collect();
        let input = self.input.clone().beside(Memory::of(&self.status, Some(self.created))).with_exported(runs);
        let plan = backup::plan(&input, &self.facts, now);
        self.report(&plan, &Outcome::of_plan(&plan, None), &plan.steps, &[], now);
        let mut acts = Vec::new();
        if luck != Luck::EndsAfterClaim {
            for step in &plan.steps {
                self.make(step, now)?;
                acts.push(Act { step: step.clone(), time: now, reason: "Schedule".into(), result: Ok(None) });
            }
        }
        if luck != Luck::EndsAfterStep && !acts.is_empty() {
            let applied = Outcome::Working { reason: "Applied".into(), message: String::new() };
            self.report(&plan, &applied, &[], &acts, now);
        }
        Ok(())
    }

    /// Somebody deletes what was made last. Of what goes before anybody has told of it nothing is known, and it is made again.
    fn delete_newest(&mut self) {
        let Some((name, (object, _))) = self.objects.pop_last() else { return };
        if !self.slots().iter().any(|slot| slot.backup.as_ref() == Some(&name)) {
            let slot = object.spec.export.unwrap().slot.unwrap();
            self.made.retain(|made| *made != slot.0);
        }
    }

    /// As the API server does: what is there is not made again.
    fn make(&mut self, step: &Step, now: Timestamp) -> Result<(), TestCaseError> {
        let Step::ExportDatabase { export, .. } = step else { return Ok(()) };
        if let Some((existing, _)) = self.objects.get(&export.id.name) {
            prop_assert!(export.is_made(existing));
            return Ok(());
        }
        let running: Vec<&String> =
            self.objects.iter().filter(|(_, (one, _))| one.status.is_none()).map(|(name, _)| name).collect();
        prop_assert!(running.is_empty(), "{} is made beside {running:?}", export.id.name);
        prop_assert!(!self.made.contains(&export.slot), "{} is made twice", export.slot);
        self.made.push(export.slot);
        self.objects.insert(export.id.name.clone(), (export.object(), now));
        Ok(())
    }

    /// The runs that are under way end.
    fn time_passes(&mut self, fails: bool, now: Timestamp) {
        let (type_, reason) = if fails { ("Failed", "BucketRefused") } else { ("Complete", "Complete") };
        for (object, made) in self.objects.values_mut().filter(|(object, _)| object.status.is_none()) {
            if *made < now {
                let condition: Condition =
                    serde_json::from_value(json!({"type": type_, "status": "True", "reason": reason,
                    "message": "as it is said", "lastTransitionTime": now}))
                    .unwrap();
                let status = DatabaseBackupStatus {
                    conditions: vec![condition],
                    completion_time: Some(Time(now)),
                    ..DatabaseBackupStatus::default()
                };
                object.status = Some(status);
            }
        }
    }

    fn report(&mut self, plan: &Plan, outcome: &Outcome, pending: &[Step], acts: &[Act], now: Timestamp) {
        let summary = Summary {
            outcome,
            findings: &plan.findings,
            generation: Some(1),
            pending,
            acts,
            requested: None,
            facts: &self.facts,
            now,
            intent: None,
            outlook: plan.outlook.as_deref(),
            progress: None,
            queues: &[],
            untold: false,
        };
        self.status = report::status(&self.status, &summary);
    }

    fn slots(&self) -> &[ExportSlot] {
        self.status.exports.first().map_or(&[], |one| &one.slots)
    }

    fn exported(&self) -> (&str, &str) {
        let found = self.status.conditions.iter().find(|one| one.type_ == EXPORTED).unwrap();
        (&found.status, &found.reason)
    }
}

fn begin() -> Timestamp {
    world::at("2026-03-20T00:00:00Z")
}

fn luck() -> impl Strategy<Value = Vec<Luck>> {
    let unlucky = vec![
        Luck::Down,
        Luck::EndsAfterClaim,
        Luck::EndsAfterStep,
        Luck::StatusLost,
        Luck::SeenLate,
        Luck::Deleted,
        Luck::Fails,
    ];
    prop::collection::vec(prop_oneof![6 => Just(Luck::Fine), 1 => select(unlucky)], 40..160)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_slot_is_exported_once_and_one_at_a_time_whatever_happens(
        lucks in luck(),
        schedule in select(vec!["0 */6 * * *", "30 2 * * *", "0 */2 * * *"]),
        jitter in select(vec!["0s", "50m"]),
    ) {
        let mut life = Life::new(schedule, jitter);
        let mut now = begin();
        for luck in lucks {
            // Short enough for what was just made not to be seen, now and then.
            now += SignedDuration::from_mins(if luck == Luck::SeenLate { 1 } else { 30 });
            if luck != Luck::SeenLate {
                life.time_passes(luck == Luck::Fails, now);
            }
            life.look(luck, now)?;
            prop_assert!(life.slots().is_sorted_by(|one, other| one.time.0 > other.time.0));
        }
        // Without further trouble it goes on, and what it has made is told once it has ended.
        let before = life.made.len();
        for _ in 0..60 {
            now += SignedDuration::from_mins(30);
            life.time_passes(false, now);
            life.look(Luck::Fine, now)?;
        }
        if life.objects.values().any(|(object, _)| object.status.is_none()) {
            now += SignedDuration::from_mins(30);
            life.time_passes(false, now);
            life.look(Luck::Fine, now)?;
        }
        prop_assert!(life.made.len() > before, "the schedule is frozen");
        prop_assert_eq!(life.exported(), ("True", "Complete"));
        let newest = life.made.iter().max().unwrap();
        prop_assert_eq!(&life.status.exports[0].last_succeeded.as_ref().unwrap().time.0, newest);
    }
}

#[test]
fn what_came_of_it_is_told() {
    let told = |life: &Life| life.slots().iter().map(|slot| slot.state).collect::<Vec<_>>();
    let mut life = Life::new("30 2 * * *", "0s");
    let at = |life: &mut Life, time: &str, luck: Luck| life.look(luck, world::at(time)).unwrap();
    at(&mut life, "2026-03-20T00:00:00Z", Luck::Fine);
    assert_eq!((told(&life), life.exported()), (vec![], ("Unknown", "NotYetExported")));
    at(&mut life, "2026-03-20T01:30:00Z", Luck::Fine);
    assert_eq!((told(&life), life.exported()), (vec![ExportState::Running], ("Unknown", "NotYetExported")));
    life.time_passes(true, world::at("2026-03-20T01:35:00Z"));
    at(&mut life, "2026-03-20T01:40:00Z", Luck::Fine);
    assert_eq!((told(&life), life.exported()), (vec![ExportState::Failed], ("False", "ExportFailed")));
    at(&mut life, "2026-03-21T01:30:00Z", Luck::Fine);
    assert_eq!(told(&life), [ExportState::Running, ExportState::Failed]);
    life.time_passes(false, world::at("2026-03-21T01:35:00Z"));
    at(&mut life, "2026-03-21T01:40:00Z", Luck::Fine);
    assert_eq!(told(&life), [ExportState::Complete, ExportState::Failed]);
    assert_eq!(life.exported(), ("True", "Complete"));
    // What is removed after days leaves its word.
    life.objects.clear();
    at(&mut life, "2026-03-21T02:00:00Z", Luck::Fine);
    assert_eq!(told(&life), [ExportState::Complete, ExportState::Failed]);
    assert_eq!(life.status.exports[0].last_succeeded.as_ref().unwrap().time.0, world::at("2026-03-21T01:30:00Z"));
}

#[test]
fn what_is_declared_no_longer_is_told_no_longer() {
    let mut life = Life::new("30 2 * * *", "0s");
    life.look(Luck::Fine, begin()).unwrap();
    assert_eq!(life.status.exports.len(), 1);
    life.input.exports.clear();
    life.look(Luck::Fine, begin()).unwrap();
    assert_eq!(life.status.exports, []);
    assert!(life.status.conditions.iter().all(|one| one.type_ != EXPORTED));
}

#[test]
fn a_policy_of_another_database_knows_nothing_of_what_was_made() {
    let mut life = Life::new("30 2 * * *", "0s");
    life.look(Luck::Fine, begin()).unwrap();
    life.look(Luck::Fine, world::at("2026-03-20T01:30:00Z")).unwrap();
    let (object, _) = life.objects.values().next().unwrap();
    let read = |policy: &str, source: Value| {
        let source = serde_json::from_value(source).unwrap();
        Run::read(object, policy, (&object.spec.account_ref, None, &source)).of
    };
    let own = json!({"rdsInstance": "clocked-db"});
    assert_eq!(read("clocked-db", own.clone()), Some((NAME.to_owned(), world::at("2026-03-20T01:30:00Z"))));
    assert_eq!(read("other", own), None);
    assert_eq!(read("clocked-db", json!({"rdsInstance": "other-db"})), None);
}
