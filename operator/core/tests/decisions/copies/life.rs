//! Weeks of a policy whose snapshots are copied, with crashes, losses, refusals and silence in between.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use runbook_api::backup_policy::BackupPolicyStatus;
use runbook_core::account::Access;
use runbook_core::backup::{self, Input, Memory, predict, reach, report};
use runbook_core::ownership::SHARED_TAG;
use runbook_core::report::{Act, Outcome, Summary};
use runbook_core::{Plan, Query, Step};
use serde_json::{Value, json};

use super::cloud::{Cloud, refused};
use super::world::{Accounts, KEY, VAULT, VAULT_KEY, dublin, scope, spec, vault};
use crate::backup::world as own;
use crate::world;

/// What happens at one look.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Luck {
    Fine,
    /// The operator is down, and RDS goes on.
    Down,
    /// RDS is slow.
    Slow,
    /// It ends when it has claimed what it is about to do.
    EndsAfterClaim,
    /// It ends when it has made so many steps.
    EndsAfter(usize),
    /// The step of this number is refused.
    Refused(usize),
    /// The answer to the step of this number is lost.
    AnswerLost(usize),
    StatusLost,
    /// The region of the copies does not answer.
    DublinIsSilent,
    VaultIsSilent,
}

struct Life {
    input: Input,
    access: Access,
    cloud: Cloud,
    status: BackupPolicyStatus,
    created: Timestamp,
    now: Timestamp,
}

impl Life {
    fn new(copies: Value, retention: Value) -> Self {
        let more = json!({"schedule": "0 */6 * * *", "retention": retention});
        let (input, access) = Accounts::default().input(&spec(copies, more));
        let begin = own::at("2026-03-20T00:00:00Z");
        Self {
            input,
            access,
            cloud: Cloud::default(),
            status: BackupPolicyStatus::default(),
            created: begin,
            now: begin,
        }
    }

    fn plan(&self) -> (Input, Plan) {
        let input = self.input.clone().beside(Memory::of(&self.status, Some(self.created)));
        let plan = backup::plan(&input, &self.cloud.facts(), self.now);
        (input, plan)
    }

    fn look(&mut self, luck: Luck) -> Result<(), TestCaseError> {
        if luck != Luck::Slow {
            self.cloud.time_passes(self.now);
        }
        self.cloud.silent = match luck {
            Luck::DublinIsSilent => [(world::ACCOUNT.to_owned(), "eu-west-1".to_owned())].into(),
            Luck::VaultIsSilent => [(VAULT.to_owned(), "eu-central-1".to_owned())].into(),
            _ => [].into(),
        };
        match luck {
            Luck::Down => return Ok(()),
            Luck::StatusLost => (self.status, self.created) = (BackupPolicyStatus::default(), self.now),
            _ => {}
        }
        let (input, plan) = self.plan();
        prop_assert!(plan.needs.is_empty());
        prop_assert!(self.access.grants.allow_steps(&plan.steps).is_ok());
        self.is_allowed(&input, &plan)?;
        self.report(&plan, &plan.steps, &[]);
        let (mut acts, mut ends) = (Vec::new(), false);
        for (number, step) in plan.steps.iter().enumerate() {
            let number = number + 1;
            if luck == Luck::EndsAfterClaim || matches!(luck, Luck::EndsAfter(many) if number > many) {
                ends = true;
                break;
            }
            let result = match luck {
                Luck::Refused(which) if which == number => Err(refused("KMSKeyNotAccessibleFault")),
                Luck::AnswerLost(which) if which == number => {
                    let made = self.cloud.make(step);
                    made.and(Err(super::cloud::error(runbook_core::ErrorClass::Transient, "Timeout")))
                }
                _ => self.cloud.make(step).map(|()| None),
            };
            let failed = result.is_err();
            acts.push(Act { step: step.clone(), time: self.now, reason: "Schedule".into(), result });
            if failed {
                break;
            }
        }
        if !ends {
            self.report(&plan, &[], &acts);
        }
        Ok(())
    }

    /// What is asked and done needs no more than was said it needs.
    fn is_allowed(&self, input: &Input, plan: &Plan) -> Result<(), TestCaseError> {
        let needed = reach::by_account(input);
        for step in &plan.steps {
            for one in step.permissions() {
                let allowed = &needed[&step.scope().connection];
                prop_assert!(allowed.contains(&one), "{step}: {one:?}");
            }
        }
        Ok(())
    }

    fn report(&mut self, plan: &Plan, pending: &[Step], acts: &[Act]) {
        let facts = self.cloud.facts();
        let outcome = Outcome::of_plan(plan, None);
        let summary = Summary {
            outcome: &outcome,
            findings: &plan.findings,
            generation: Some(1),
            pending,
            acts,
            requested: None,
            untold: false,
            facts: &facts,
            now: self.now,
            intent: None,
            outlook: plan.outlook.as_deref(),
            progress: None,
            queues: &[],
        };
        self.status = report::status(&self.status, &summary);
    }

    /// Slots of what is listed in a place, newest first.
    fn slots(&self, connection: &str, region: &str) -> Vec<Timestamp> {
        let listed = self.cloud.listed(&scope(connection, region)).iter();
        let mut slots: Vec<Timestamp> = listed
            .filter(|one| !one.tags.contains_key(SHARED_TAG))
            .map(|one| one.tags["ops.clocked.app/slot"].parse().unwrap())
            .collect();
        slots.sort_unstable_by(|one, other| other.cmp(one));
        slots
    }

    fn made_to_share(&self) -> usize {
        self.cloud.lists.values().flatten().filter(|one| one.tags.contains_key(SHARED_TAG)).count()
    }
}

fn luck() -> impl Strategy<Value = Vec<Luck>> {
    let number = || 1..4usize;
    let unlucky = prop_oneof![
        select(vec![
            Luck::Down,
            Luck::Slow,
            Luck::EndsAfterClaim,
            Luck::StatusLost,
            Luck::DublinIsSilent,
            Luck::VaultIsSilent
        ]),
        number().prop_map(Luck::EndsAfter),
        number().prop_map(Luck::Refused),
        number().prop_map(Luck::AnswerLost),
    ];
    prop::collection::vec(prop_oneof![4 => Just(Luck::Fine), 2 => unlucky], 20..120)
}

/// Another account in another region: what is shared is made there.
fn far() -> Value {
    let mut far = vault();
    far["region"] = json!("eu-west-1");
    far["kmsKeyId"] = json!(VAULT_KEY.replace("eu-central-1", "eu-west-1"));
    far["shareKmsKeyId"] = json!(KEY);
    far["deletion"] = Value::Null;
    far["retention"] = json!({"keepLast": 2});
    far
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_place_has_what_it_keeps_in_the_end_whatever_happens(
        lucks in luck(),
        copies in select(vec![json!([dublin()]), json!([vault()]), json!([far()]), json!([dublin(), vault()])]),
        keep in 1..4i64,
    ) {
        let mut life = Life::new(copies.clone(), json!({"keepLast": keep}));
        for luck in lucks {
            life.now += SignedDuration::from_mins(37);
            life.look(luck)?;
        }
        // With time and luck enough nothing is left to do: so many are deleted in a day.
        for _ in 0..3 {
            life.now += SignedDuration::from_hours(25);
            for _ in 0..16 {
                life.look(Luck::Fine)?;
            }
        }
        prop_assert_eq!(life.plan().1.steps, vec![]);
        prop_assert_eq!(life.made_to_share(), 0);
        prop_assert!(life.cloud.shared.is_empty());
        let own = life.slots("default", "eu-central-1");
        for copy in copies.as_array().unwrap() {
            let connection = copy["accountRef"]["name"].as_str().unwrap_or("default");
            let there = life.slots(connection, copy["region"].as_str().unwrap_or("eu-central-1"));
            prop_assert_eq!(there.first(), own.first(), "the newest is there");
            if let Some(keeps) = copy["retention"]["keepLast"].as_u64() {
                prop_assert!(there.len() <= usize::try_from(keeps).unwrap(), "{there:?} {:?}", life.plan().1.findings);
            }
            let unique: std::collections::BTreeSet<_> = there.iter().collect();
            prop_assert_eq!(unique.len(), there.len(), "none is there twice");
        }
        prop_assert_eq!(own.len(), usize::try_from(keep).unwrap().min(life.cloud.taken.len()));
    }

    #[test]
    fn what_was_planned_is_not_planned_again(
        lucks in luck(),
        copies in select(vec![json!([dublin()]), json!([vault()]), json!([far(), dublin()])]),
    ) {
        let mut life = Life::new(copies, json!({"keepLast": 2}));
        for luck in lucks {
            life.now += SignedDuration::from_mins(97);
            life.look(luck)?;
        }
        let (mut input, plan) = life.plan();
        let mut facts = life.cloud.facts();
        for step in &plan.steps {
            predict::predict(&mut facts, step);
            predict::predict_input(&mut input, step, life.now);
        }
        let next = backup::plan(&input, &facts, life.now);
        for step in &plan.steps {
            // Who a snapshot is shared with no list shows: it goes before each copy of it.
            prop_assert!(step.name() == "ShareSnapshot" || !next.steps.contains(step), "{step}");
        }
    }

    #[test]
    fn what_is_not_known_is_asked_before_anything_is_done(lucks in luck()) {
        let mut life = Life::new(json!([dublin(), vault()]), json!({"keepLast": 2}));
        for luck in lucks {
            life.now += SignedDuration::from_mins(97);
            life.look(luck)?;
        }
        let (input, _) = life.plan();
        let (all, mut some) = (life.cloud.facts(), runbook_core::Facts::default());
        let allowed = reach::by_account(&input);
        for round in 0.. {
            let plan = backup::plan(&input, &some, life.now);
            if plan.needs.is_empty() {
                break;
            }
            prop_assert!(round < 6, "the runner asks no more than six times");
            prop_assert!(plan.steps.is_empty());
            for query in plan.needs {
                for needed in Query::permissions(&query) {
                    prop_assert!(allowed[&query.scope().connection].contains(&needed), "{query:?}");
                }
                let answer = all.get(&query).unwrap().clone();
                some.insert(query, answer);
            }
        }
    }
}

#[test]
fn who_deletes_the_copies_may_delete_them_all() {
    let mut life = Life::new(json!([vault()]), json!({"keepLast": 2}));
    for _ in 0..30 {
        life.now += SignedDuration::from_mins(97);
        life.look(Luck::Fine).unwrap();
    }
    for _ in 0..5 {
        life.look(Luck::Fine).unwrap();
    }
    let copied = life.slots("vault", "eu-central-1").len();
    assert!(copied > 4, "only {copied} were copied");
    life.cloud.list(&scope("vault", "eu-central-1")).clear();
    for _ in 0..3 {
        life.look(Luck::Fine).unwrap();
    }
    assert_eq!(life.slots("vault", "eu-central-1"), [], "what was copied once is not copied again");
    for _ in 0..8 {
        life.now += SignedDuration::from_mins(97);
        life.look(Luck::Fine).unwrap();
    }
    assert!(!life.slots("vault", "eu-central-1").is_empty(), "and what is new is");
}
