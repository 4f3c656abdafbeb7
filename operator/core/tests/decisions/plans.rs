//! Golden plans: each file in `tests/plans` is a situation and, after `---`, what is decided in it.
//!
//! `UPDATE_PLANS=1 cargo test -p runbook-core --test decisions plans` writes the second half anew; the diff is the review.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use jiff::Timestamp;
use runbook_api::common::condition::{READY, RECONCILING, STALLED, SYNCED};
use runbook_core::report::{Before, Hold, Outcome, conditions};
use runbook_core::scaling::{self, input, predict};
use runbook_core::{Facts, Finding, Plan};

use crate::situation::Situation;
use crate::world;

#[test]
fn every_situation_is_decided_as_written() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/plans");
    let mut files: Vec<PathBuf> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 30, "only {} situations in {}", files.len(), directory.display());
    let update = env::var_os("UPDATE_PLANS").is_some();
    let mut wrong = String::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let (situation, written) = text.split_once("---\n").unwrap_or((&text, ""));
        let decided =
            decide(&serde_norway::from_str(situation).unwrap_or_else(|error| panic!("{}: {error}", file.display())));
        if update {
            fs::write(&file, format!("{situation}---\n{decided}")).unwrap();
        } else if decided != written {
            write!(wrong, "\n{}\n is written as\n{written} and is decided as\n{decided}", file.display()).unwrap();
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong}\nif that is meant: UPDATE_PLANS=1 cargo test -p runbook-core --test decisions plans"
    );
}

/// The decision as lines, with the grants and holds looked at where the runner looks at them.
fn decide(situation: &Situation) -> String {
    let (spec, access) = (situation.spec(), situation.access());
    let input = match input::validate(&spec, &world::policy_id(), "production", &access) {
        Ok(input) => situation.beside(input),
        Err(finding) => return report(&Plan::only(finding), &Plan::default(), None, situation.now()),
    };
    let mut facts = situation.facts();
    let mut plan = scaling::plan(&input, &facts, situation.now());
    let questions: Vec<_> = world::queries_of(&situation.target()).into_iter().map(|(_, query)| query).collect();
    if let Err(finding) = access.grants.allow_queries(&questions).and_then(|()| access.grants.allow_steps(&plan.steps))
    {
        plan = Plan::only(finding);
    }
    let next = afterwards(&input, &mut facts, &plan, situation.now());
    report(&plan, &next, Hold::of(spec.suspend, spec.mode, situation.account_mode), situation.now())
}

/// The plan that follows when every step has been made.
fn afterwards(input: &scaling::Input, facts: &mut Facts, plan: &Plan, now: Timestamp) -> Plan {
    if plan.steps.is_empty() {
        return Plan::default();
    }
    let mut input = input.clone();
    for step in &plan.steps {
        predict::predict(facts, step);
        predict::predict_input(&mut input, step, now);
    }
    scaling::plan(&input, facts, now)
}

fn report(plan: &Plan, next: &Plan, hold: Option<Hold>, now: Timestamp) -> String {
    let mut lines: Vec<String> = Vec::new();
    for query in &plan.needs {
        let target = query.target().unwrap_or_else(|| world::service_id().into());
        let all = world::queries_of(&target).into_iter().chain([("ScalableTargetTags", world::tags_query(&target))]);
        let (name, _) = { all }.find(|(_, known)| known == query).unwrap();
        lines.push(format!("ask {name}"));
    }
    lines.extend(plan.steps.iter().map(|step| format!("do  {step}")));
    let say = |Finding { weight, reason, message }: &Finding| format!("say {weight:?}/{reason}: {message}");
    lines.extend(plan.findings.iter().map(say));
    if let Some(at) = plan.next_at {
        lines.push(format!("again in {}s", at.duration_since(now).as_secs()));
    }
    lines.extend(next.steps.iter().map(|step| format!("then do {step}")));
    if plan.needs.is_empty() {
        let outcome = Outcome::of_plan(plan, hold);
        let conditions = conditions(Before { conditions: &[] }, &outcome, Some(1), now);
        let told = [READY, SYNCED, STALLED, RECONCILING].map(|type_| {
            let condition = conditions.iter().find(|condition| condition.type_ == type_).unwrap();
            format!("{type_}={}/{}", condition.status, condition.reason)
        });
        lines.push(format!("conditions of a new policy: {}", told.join(" ")));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}
