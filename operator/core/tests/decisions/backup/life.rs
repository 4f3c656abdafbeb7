//! Weeks of a policy: the decision, what it does to AWS, and the status that is or is not written, with crashes and losses in between.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use runbook_api::backup_policy::{BackupPolicyStatus, SlotState};
use runbook_core::backup::{self, Input, Memory, predict, report};
use runbook_core::facts::Answer;
use runbook_core::report::{Act, Outcome, Summary};
use runbook_core::step::DatabaseStep;
use runbook_core::{DatabaseKind, Facts, Plan, Query, Step};
use serde_json::json;

use super::{any, world};

const KIND: DatabaseKind = DatabaseKind::Instance;

/// What happens at one look.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Luck {
    Fine,
    /// The operator is down.
    Down,
    /// It ends when it has claimed what it is about to do.
    EndsAfterClaim,
    /// It ends when it has made the first step.
    EndsAfterStep,
    /// The status is lost, and the policy is created again.
    StatusLost,
}

struct Life {
    input: Input,
    facts: Facts,
    status: BackupPolicyStatus,
    created: Timestamp,
    /// Slots of which a snapshot was taken.
    taken: Vec<Timestamp>,
}

impl Life {
    fn look(&mut self, luck: Luck, now: Timestamp) -> Result<(), TestCaseError> {
        self.time_passes(now);
        match luck {
            Luck::Down => return Ok(()),
            Luck::StatusLost => (self.status, self.created) = (BackupPolicyStatus::default(), now),
            _ => {}
        }
        let input = self.input.clone().beside(Memory::of(&self.status, Some(self.created)));
        let plan = backup::plan(&input, &self.facts, now);
        self.report(&plan, &Outcome::of_plan(&plan, None), &plan.steps, &[], now);
        let steps = match luck {
            Luck::EndsAfterClaim => &[],
            Luck::EndsAfterStep => &plan.steps[..plan.steps.len().min(1)],
            _ => &plan.steps[..],
        };
        let mut acts = Vec::new();
        for step in steps {
            self.make(step)?;
            acts.push(Act { step: step.clone(), time: now, reason: "Schedule".into(), result: Ok(None) });
        }
        if luck != Luck::EndsAfterClaim && luck != Luck::EndsAfterStep && !acts.is_empty() {
            let applied = Outcome::Working { reason: "Applied".into(), message: String::new() };
            self.report(&plan, &applied, &[], &acts, now);
        }
        Ok(())
    }

    fn make(&mut self, step: &Step) -> Result<(), TestCaseError> {
        if let Step::Database(DatabaseStep::CreateSnapshot { slot: Some(slot), .. }) = step {
            prop_assert!(!self.taken.contains(slot), "{slot} is taken twice");
            self.taken.push(*slot);
        }
        predict::predict(&mut self.facts, step);
        Ok(())
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

    /// What RDS was asked for is done.
    fn time_passes(&mut self, now: Timestamp) {
        let [_, (_, database), (_, snapshots), ..] = world::queries(KIND);
        self.facts.insert(database, Ok(Answer::Database(Some(Box::new(world::database(KIND))))));
        let mut all = self.snapshots();
        for one in all.iter_mut().filter(|one| one.status == "creating") {
            one.status = "available".into();
            one.created_at = Some(now);
        }
        self.facts.insert(snapshots, Ok(Answer::DatabaseSnapshots(all)));
    }

    fn snapshots(&self) -> Vec<runbook_core::observed::DatabaseSnapshot> {
        match self.facts.get(&Query::DatabaseSnapshots(world::database_id(KIND))) {
            Some(Ok(Answer::DatabaseSnapshots(snapshots))) => snapshots.clone(),
            _ => Vec::new(),
        }
    }
}

fn luck() -> impl Strategy<Value = Vec<Luck>> {
    let unlucky = select(vec![Luck::Down, Luck::EndsAfterClaim, Luck::EndsAfterStep, Luck::StatusLost]);
    prop::collection::vec(prop_oneof![8 => Just(Luck::Fine), 1 => unlucky], 40..160)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_slot_is_taken_once_and_none_is_lost_whatever_happens(
        lucks in luck(),
        schedule in select(vec!["0 */6 * * *", "30 2 * * *", "0 */2 * * *"]),
        jitter in select(vec!["0s", "50m", "6h"]),
        retention in any::retention(),
    ) {
        let spec = json!({"snapshots": {"schedule": schedule, "timeZone": "Europe/Berlin", "jitter": jitter, "retention": retention}});
        let begin = world::at("2026-03-20T00:00:00Z");
        let mut life = Life {
            input: world::input_of(&world::spec(spec)),
            facts: world::facts(KIND, None, Vec::new(), 0),
            status: BackupPolicyStatus::default(),
            created: begin,
            taken: Vec::new(),
        };
        let mut now = begin;
        for luck in &lucks {
            now += SignedDuration::from_mins(61);
            life.look(*luck, now)?;
            let lost = life.status.slots.iter().filter(|slot| slot.state == SlotState::Lost);
            prop_assert_eq!(lost.count(), 0, "{:?}", life.status.slots);
            let times: BTreeSet<Timestamp> = life.status.slots.iter().map(|slot| slot.time.0).collect();
            prop_assert_eq!(times.len(), life.status.slots.len());
            prop_assert!(life.status.slots.is_sorted_by(|one, other| one.time.0 > other.time.0));
            prop_assert!(life.status.slots.len() <= 30 && life.status.history.len() <= 20);
            // Whoever has begun to take snapshots always has one.
            prop_assert_eq!(life.taken.is_empty(), life.snapshots().is_empty());
        }
        // With time and luck enough nothing is left to do, and every slot is accounted for.
        for _ in 0..3 {
            life.look(Luck::Fine, now)?;
        }
        let input = life.input.clone().beside(Memory::of(&life.status, Some(life.created)));
        prop_assert_eq!(backup::plan(&input, &life.facts, now).steps, vec![]);
        let due = life.input.snapshots.as_ref().unwrap().timetable.cron.between(begin, now - world::hours(7), usize::MAX);
        let newest = due.iter().rev().take(30).filter(|slot| **slot > life.created);
        for slot in newest {
            prop_assert!(life.status.slots.iter().any(|one| one.time.0 == *slot) || life.status.slots.len() == 30, "{slot}");
        }
    }

    #[test]
    fn without_trouble_every_slot_is_taken(days in 1..20i64, schedule in select(vec!["0 */6 * * *", "30 2 * * *"])) {
        let spec = json!({"snapshots": {"schedule": schedule, "timeZone": "Europe/Berlin", "jitter": "10m"}});
        let begin = world::at("2026-03-20T00:00:00Z");
        let mut life = Life {
            input: world::input_of(&world::spec(spec)),
            facts: world::facts(KIND, None, Vec::new(), 0),
            status: BackupPolicyStatus::default(),
            created: begin,
            taken: Vec::new(),
        };
        let mut now = begin;
        while now < begin + world::hours(24 * days) {
            now += SignedDuration::from_mins(30);
            life.look(Luck::Fine, now)?;
        }
        let cron = &life.input.snapshots.as_ref().unwrap().timetable.cron;
        let surely = cron.between(begin, now - SignedDuration::from_mins(10), usize::MAX);
        prop_assert_eq!(&life.taken[..surely.len()], &surely[..]);
        prop_assert!(life.taken.len() <= cron.between(begin, now, usize::MAX).len());
    }
}
