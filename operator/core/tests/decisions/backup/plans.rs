//! Golden plans: each file in `tests/backups` is a situation and, after `---`, what is decided in it.
//!
//! `UPDATE_PLANS=1 cargo test -p runbook-core --test decisions plans` writes the second half anew; the diff is the review.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use jiff::Timestamp;
use runbook_api::common::condition::{READY, RECONCILING, STALLED, SYNCED};
use runbook_api::scheduled_export::MadeExport;
use runbook_core::backup::{self, Input, input, predict};
use runbook_core::report::{Before, Hold, Outcome, conditions};
use runbook_core::{Facts, Finding, Plan};

use super::situation::Situation;
use super::world;

#[test]
fn every_situation_is_decided_as_written() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/backups");
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

/// The decision as lines.
fn decide(situation: &Situation) -> String {
    let (spec, now) = (situation.spec(), situation.now());
    let input = match input::validate(&spec, &world::policy_id(), world::CLUSTER_ID, &situation.access()) {
        Ok(input) => situation.beside(input),
        Err(finding) => return lines(&Plan::only(finding), &Plan::default(), None, now),
    };
    let mut facts = situation.facts();
    let plan = backup::plan(&input, &facts, now);
    situation.access().grants.allow_steps(&plan.steps).unwrap();
    let next = afterwards(&input, &mut facts, &plan, now);
    let mut text = lines(&plan, &next, Hold::of(spec.suspend, spec.mode, situation.account_mode), now);
    for query in &plan.needs {
        let (name, _) = world::queries(situation.kind()).into_iter().find(|(_, known)| known == query).unwrap();
        writeln!(text, "ask {name}").unwrap();
    }
    text
}

/// The plan that follows when every step has been made.
fn afterwards(input: &Input, facts: &mut Facts, plan: &Plan, now: Timestamp) -> Plan {
    if plan.steps.is_empty() {
        return Plan::default();
    }
    let mut input = input.clone();
    for step in &plan.steps {
        predict::predict(facts, step);
        predict::predict_input(&mut input, step, now);
    }
    backup::plan(&input, facts, now)
}

fn lines(plan: &Plan, next: &Plan, hold: Option<Hold>, now: Timestamp) -> String {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(plan.steps.iter().map(|step| format!("do  {step}")));
    let say = |Finding { weight, reason, message }: &Finding| format!("say {weight:?}/{reason}: {message}");
    lines.extend(plan.findings.iter().map(say));
    lines.extend(plan.next_at.map(|at| format!("again at {at}")));
    lines.extend(next.steps.iter().map(|step| format!("then do {step}")));
    if let Some(outlook) = &plan.outlook {
        lines.extend(outlook.scheduled.iter().map(|one| format!("counts {} since {}", one.schedule, one.since.0)));
        lines.extend(outlook.next_backup_time.map(|at| format!("next at {at}")));
        lines.extend(outlook.last_backup.iter().map(|one| format!("last {}", one.snapshot_identifier)));
        for slot in &outlook.slots {
            let rest = [&slot.snapshot_identifier, &slot.message].map(|text| text.as_deref().unwrap_or_default());
            lines.push(format!("slot {} {:?} {}", slot.time.0, slot.state, rest.join(" ").trim()).trim_end().into());
        }
        if let Some(told) = &outlook.verifications {
            lines.extend(told.scheduled.iter().map(|one| format!("verifies {} since {}", one.schedule, one.since.0)));
            lines.extend(told.next.map(|at| format!("next verification at {at}")));
            for slot in &told.ledger {
                let took = slot.time_to_restore.as_ref().map(|took| format!("in {took}"));
                let rest = [&slot.restore, &slot.snapshot_identifier, &took, &slot.message];
                let rest: Vec<&str> = rest.into_iter().flatten().map(String::as_str).collect();
                lines.push(
                    format!("verification {} {:?} {}", slot.time.0, slot.state, rest.join(" ")).trim_end().into(),
                );
            }
        }
        for told in &outlook.exports {
            let name = &told.name;
            let scheduled = told.scheduled.as_ref().unwrap();
            lines.push(format!("exports {name} {} since {}", scheduled.schedule, scheduled.since.0));
            lines.extend(told.next_time.as_ref().map(|at| format!("next export {name} at {}", at.0)));
            let location = |made: &MadeExport| made.location.clone().unwrap_or_default();
            let last = told.last_succeeded.as_ref();
            lines.extend(last.map(|made| format!("newest export {name} {} {}", made.time.0, location(made))));
            for slot in &told.slots {
                let rest = [&slot.backup, &slot.message].into_iter().flatten().map(String::as_str);
                let rest = rest.collect::<Vec<_>>().join(" ");
                lines.push(format!("export {name} {} {:?} {rest}", slot.time.0, slot.state).trim_end().into());
            }
        }
        lines.extend(
            outlook
                .proved
                .iter()
                .map(|one| format!("proved {} of {} at {}", one.snapshot_identifier, one.time.0, one.verified_time.0)),
        );
        for one in outlook.retention.iter().flat_map(|retention| &retention.next_deletions) {
            lines.push(format!("goes {} at {}", one.snapshot_identifier, one.time.0));
        }
    }
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
