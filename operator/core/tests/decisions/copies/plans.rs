//! Golden plans: each file in `tests/copies` is a situation and, after `---`, what is decided in it, look after look, until nothing is
//! left to do.
//!
//! `UPDATE_PLANS=1 cargo test -p runbook-core --test decisions plans` writes the second half anew; the diff is the review.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use jiff::Timestamp;
use runbook_api::backup_policy::BackupPolicyStatus;
use runbook_core::backup::{self, Memory, copies, report};
use runbook_core::ids::DatabaseKind;
use runbook_core::observed::DatabaseSnapshot;
use runbook_core::ownership::SHARED_TAG;
use runbook_core::report::{Act, Outcome, Summary};
use runbook_core::{DatabaseId, Plan};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cloud::{Cloud, refused};
use super::world::{Accounts, at, scope, spec};
use crate::backup::world as own;

/// Looks until nothing is left to do.
const MOST: usize = 12;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Situation {
    copies: Value,
    /// What else `snapshots` says.
    #[serde(default)]
    snapshots: serde_json::Map<String, Value>,
    /// What else the accounts say.
    #[serde(default)]
    account: serde_json::Map<String, Value>,
    #[serde(default)]
    vault: serde_json::Map<String, Value>,
    /// The policy's snapshots, by slot: encrypted and available, unless said otherwise.
    #[serde(default)]
    own: Vec<Snapshot>,
    /// Copies: by `CONNECTION/REGION`.
    #[serde(default)]
    there: BTreeMap<String, Vec<Snapshot>>,
    /// Places that do not answer: `CONNECTION/REGION`.
    #[serde(default)]
    silent: Vec<String>,
    #[serde(default)]
    used: i64,
    #[serde(default)]
    status: Option<Value>,
    /// The first copy that is begun is refused with this code.
    #[serde(default)]
    refused: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Snapshot {
    slot: Timestamp,
    status: Option<String>,
    #[serde(default)]
    plain: bool,
    /// Nobody's.
    #[serde(default)]
    foreign: bool,
    /// Made to be shared for copies of this name.
    shared_for: Option<String>,
}

#[test]
fn every_situation_is_decided_as_written() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/copies");
    let mut files: Vec<PathBuf> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 15, "only {} situations in {}", files.len(), directory.display());
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

fn decide(situation: &Situation) -> String {
    let mut accounts = Accounts::default();
    accounts.own.as_object_mut().unwrap().extend(situation.account.clone());
    accounts.vault.as_object_mut().unwrap().extend(situation.vault.clone());
    let mut more = json!({"schedule": "0 0 1 1 *"});
    more.as_object_mut().unwrap().extend(situation.snapshots.clone());
    let (input, access) = accounts.input(&spec(situation.copies.clone(), more));
    let mut cloud = situation.cloud();
    let scheduled = json!({"schedule": "0 0 1 1 * UTC", "since": "2026-03-01T00:00:00Z"});
    let status = situation.status.clone().unwrap_or_else(|| json!({}));
    let mut status: BackupPolicyStatus = serde_json::from_value(status).unwrap();
    status.scheduled = serde_json::from_value(scheduled).unwrap();
    let (mut now, mut text) = (own::now(), String::new());
    let mut refuses = situation.refused.clone();
    for look in 0..MOST {
        let input = input.clone().beside(Memory::of(&status, Some(own::at("2026-02-01T00:00:00Z"))));
        let facts = cloud.facts();
        let plan = backup::plan(&input, &facts, now);
        access.grants.allow_steps(&plan.steps).unwrap();
        if look > 0 {
            writeln!(text, "afterwards").unwrap();
        }
        text.push_str(&lines(&plan));
        let mut acts = Vec::new();
        for step in &plan.steps {
            let result = match refuses.take_if(|_| step.name() == "CopySnapshot") {
                Some(code) => Err(refused(&code)),
                None => cloud.make(step).map(|()| None),
            };
            let failed = result.is_err();
            acts.push(Act { step: step.clone(), time: now, reason: "Schedule".into(), result });
            if failed {
                writeln!(text, "refused").unwrap();
                break;
            }
        }
        let outcome = Outcome::of_plan(&plan, None);
        let summary = Summary {
            outcome: &outcome,
            findings: &plan.findings,
            generation: Some(1),
            pending: &[],
            acts: &acts,
            requested: None,
            untold: false,
            facts: &facts,
            now,
            intent: None,
            outlook: plan.outlook.as_deref(),
            progress: None,
            queues: &[],
        };
        status = report::status(&status, &summary);
        if plan.steps.is_empty() && cloud.running.is_empty() {
            return text;
        }
        now += jiff::SignedDuration::from_mins(1);
        cloud.time_passes(now);
    }
    panic!("after {MOST} looks something is left to do:\n{text}")
}

fn lines(plan: &Plan) -> String {
    let mut lines: Vec<String> = plan.steps.iter().map(|step| format!("do  {step}")).collect();
    let say = plan.findings.iter().map(|said| format!("say {:?}/{}: {}", said.weight, said.reason, said.message));
    lines.extend(say);
    for one in plan.outlook.iter().flat_map(|outlook| &outlook.copies) {
        let last = one.last_copy.as_ref().map_or("none", |last| last.snapshot_identifier.as_str());
        let mut line = format!("copies {} in {}: {}, the last {last}", one.name, one.place, one.snapshots);
        for (what, names) in [("in progress", &one.in_progress), ("failed", &one.failed)] {
            if !names.is_empty() {
                write!(line, ", {what} {}", names.join(" ")).unwrap();
            }
        }
        if let Some(since) = &one.waiting_since {
            write!(line, ", {} waiting since {}", one.waiting, since.0).unwrap();
        }
        lines.push(line);
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

impl Situation {
    fn cloud(&self) -> Cloud {
        let mut cloud = Cloud { used: self.used, ..Cloud::default() };
        let home = scope("default", "eu-central-1");
        for one in &self.own {
            let mut snapshot = own::snapshot(DatabaseKind::Instance, one.slot);
            one.show(&mut snapshot);
            cloud.list(&home).push(snapshot);
        }
        let place = |text: &String| {
            let (connection, region) = text.split_once('/').unwrap();
            scope(connection, region)
        };
        let (input, _) = Accounts::default().input(&spec(json!([]), json!({})));
        for (text, listed) in &self.there {
            let there = at(&place(text));
            for one in listed {
                let snapshot = one.copy(&input, &there);
                if snapshot.status == "creating" {
                    let shared = if there.scope.connection == "vault" { "-to-vault" } else { "" };
                    let of = format!("{}{shared}", slot_name(one.slot));
                    let of = own::database_id(DatabaseKind::Instance).snapshot_arn(&of);
                    cloud.running.insert(snapshot.arn.clone(), of);
                }
                cloud.list(&there.scope).push(snapshot);
            }
        }
        cloud.silent = self.silent.iter().map(place).map(|at| (at.account_id, at.region)).collect();
        cloud
    }
}

fn slot_name(slot: Timestamp) -> String {
    runbook_core::backup::slots::identifier(own::PREFIX, slot)
}

impl Snapshot {
    fn show(&self, snapshot: &mut DatabaseSnapshot) {
        snapshot.encrypted = !self.plain;
        if let Some(status) = &self.status {
            snapshot.status = status.clone();
        }
        if self.foreign {
            snapshot.tags.clear();
        }
    }

    fn copy(&self, input: &backup::Input, there: &DatabaseId) -> DatabaseSnapshot {
        let mut snapshot = own::snapshot(DatabaseKind::Instance, self.slot);
        if let Some(name) = &self.shared_for {
            snapshot.identifier = format!("{}-to-{name}", snapshot.identifier);
        }
        let (database, name) = (own::database(DatabaseKind::Instance), snapshot.identifier.clone());
        snapshot.arn = there.snapshot_arn(&name);
        snapshot.tags = copies::tags(input, &database, there, &name, self.slot).into_iter().collect();
        if let Some(name) = &self.shared_for {
            snapshot.tags.insert(SHARED_TAG.into(), name.clone());
        }
        self.show(&mut snapshot);
        snapshot
    }
}
