//! A restored instance that is asked whether the backup is good, and deleted whatever it answers.
//!
//! ```text
//! available ─► password ─► asked ─► verdict recorded ─► deleted ─► gone ─► snapshot tagged ─► ended
//!      └──────── broken, or too late: the verdict is that nothing is known ───┘
//! ```

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::database_restore::RestorePhase;
use runbook_api::verification::{CheckStatus, VerificationResult, VerificationStatus};

use super::input::{Input, Source, Verification};
use super::outlook::Outlook;
use super::plan::{end, waiting};
use crate::backup::status::is_broken;
use crate::checks::{SqlCheck, SqlFailure, Verdict};
use crate::facts::{Facts, Inquiry, SqlResults};
use crate::ids::DatabaseId;
use crate::observed::{Database, SnapshotOf};
use crate::ownership::VERIFIED_TAG;
use crate::plan::{Finding, Plan, Progress};
use crate::query::{Query, SqlQuestion};
use crate::report::conditions::whole_seconds;
use crate::run::Ended;
use crate::step::{DatabaseStep, Step};

/// How long a database that cannot be asked is asked again, after the first time: what RDS says it has done takes a moment to be so.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);
/// How soon it is asked again.
const SOON: SignedDuration = SignedDuration::from_secs(30);
/// The name under which PendingModifiedValues tells of a password that is not set yet.
const PASSWORD: &str = "MasterUserPassword";
/// The database that every PostgreSQL server has.
const DEFAULT_DATABASE: &str = "postgres";
/// Longest message of a check in a status, in characters.
const LONGEST: usize = 256;

/// Decides what is to be asked of, or done with, an instance that this run has made.
pub(super) fn plan(
    input: &Input,
    verification: &Verification,
    target: &Database,
    facts: &Facts,
    now: Timestamp,
) -> Plan {
    let id = &input.target;
    let wait = |phase, finding| waiting(input, Some(target), phase, finding, now);
    if target.status == "deleting" {
        return wait(RestorePhase::Deleting, Finding::waiting("InstanceDeleting", format!("RDS deletes {id}")));
    }
    if let Some(verdict) = settled(input, now) {
        return delete(input, target, Some(verdict.clone()));
    }
    if let Some(why) = given_up(input, verification, target, now) {
        return delete(input, target, Some(unknown(&why, now)));
    }
    let endpoint = target.instance.as_ref().and_then(|instance| instance.endpoint.as_ref());
    let (Some(endpoint), "available") = (endpoint, target.status.as_str()) else {
        let message = format!("{id} is {}: it is asked when it is available", target.status);
        return wait(RestorePhase::Restoring, Finding::waiting("InstanceNotAvailable", message));
    };
    let mut inquiry = Inquiry::new(facts);
    let credential = inquiry.credential(Query::Credential(id.clone()));
    match (inquiry.open(), credential) {
        (Some(missing), _) => return Plan::missing(missing),
        (None, Some(Some(resource_id))) if *resource_id == target.resource_id => {}
        (None, _) => return set_password(input, target),
    }
    if target.pending.contains_key(PASSWORD) {
        let message = format!("RDS sets the password of the master user of {id}");
        return wait(RestorePhase::Verifying, Finding::waiting("PasswordPending", message));
    }
    let instance = target.instance.as_deref();
    let question = SqlQuestion {
        database: id.clone(),
        resource_id: target.resource_id.clone(),
        endpoint: endpoint.clone(),
        user: instance.and_then(|one| one.master_username.clone()).unwrap_or_else(|| DEFAULT_DATABASE.into()),
        name: verification
            .database
            .clone()
            .or_else(|| instance.and_then(|one| one.db_name.clone()))
            .unwrap_or_else(|| DEFAULT_DATABASE.into()),
        statements: verification.checks.iter().map(|check| (check.name.clone(), check.sql.clone())).collect(),
        timeout: verification.checks_timeout,
    };
    let mut inquiry = Inquiry::new(facts);
    let answer = inquiry.sql(Query::Sql(Box::new(question)));
    match (inquiry.open(), answer) {
        (Some(missing), _) => Plan::missing(missing),
        (None, Some(Ok(results))) => match judge(verification, results, now) {
            Ok(verdict) => delete(input, target, Some(verdict)),
            Err(failure) => ask_again(input, target, failure, now),
        },
        (None, Some(Err(failure))) => ask_again(input, target, failure, now),
        (None, None) => Plan::default(),
    }
}

/// The verdict, where it is one: that nothing is known is one when it was tried long enough, or the instance goes already.
pub(super) fn settled(input: &Input, now: Timestamp) -> Option<&VerificationStatus> {
    let patience = |since: &Time| since.0.checked_add(PATIENCE).unwrap_or(Timestamp::MAX);
    let verdict = input.memory.verification.as_ref()?;
    let is_final =
        input.memory.tearing_down || verdict.result != VerificationResult::Unknown || patience(&verdict.time) <= now;
    is_final.then_some(verdict)
}

/// Why no more is asked of an instance, where that is so.
fn given_up(input: &Input, verification: &Verification, target: &Database, now: Timestamp) -> Option<String> {
    if is_broken(&target.status) {
        return Some(format!("{} became {}, which it does not leave by itself", input.target, target.status));
    }
    if let Some(why) = not_asked(&target.engine) {
        return Some(format!("{} {why}", input.target));
    }
    too_late(input, verification, now)
}

/// Why a database of this engine is not asked, where it is not: only PostgreSQL's protocol is spoken.
pub(super) fn not_asked(engine: &str) -> Option<String> {
    (!engine.starts_with("postgres")).then(|| format!("is of engine {engine}, and only PostgreSQL can be verified"))
}

/// Why it is given up, where its time is over.
pub(super) fn too_late(input: &Input, verification: &Verification, now: Timestamp) -> Option<String> {
    let ends = input.memory.started?.checked_add(verification.timeout).ok()?;
    (ends <= now).then(|| format!("the database was not restored and asked within {:#}", verification.timeout))
}

fn set_password(input: &Input, target: &Database) -> Plan {
    let step = DatabaseStep::SetMasterPassword {
        database: input.target.clone(),
        resource_id: target.resource_id.clone(),
        tags: input.tags.clone(),
    };
    with(input, target, RestorePhase::Verifying, input.memory.verification.clone(), step)
}

/// The step that deletes the instance, under the verdict that led to it: it is recorded before the step is made.
pub(super) fn delete(input: &Input, target: &Database, verdict: Option<VerificationStatus>) -> Plan {
    let step = DatabaseStep::DeleteInstance {
        database: input.target.clone(),
        resource_id: target.resource_id.clone(),
        tags: input.tags.clone(),
    };
    with(input, target, RestorePhase::Deleting, verdict, step)
}

fn with(
    input: &Input,
    target: &Database,
    phase: RestorePhase,
    verification: Option<VerificationStatus>,
    step: DatabaseStep,
) -> Plan {
    let outlook = Outlook { instance: Some(Box::new(target.clone())), verification, ..Outlook::of(input, phase) };
    Plan { steps: vec![Step::Database(step)], progress: Some(Box::new(Progress::Restore(outlook))), ..Plan::default() }
}

/// The database could not be asked: nothing is known of the backup, and it is asked again.
fn ask_again(input: &Input, target: &Database, failure: &SqlFailure, now: Timestamp) -> Plan {
    let first = input.memory.verification.as_ref().map(|verdict| verdict.time.clone());
    let verdict = VerificationStatus {
        time: first.unwrap_or_else(|| Time(whole_seconds(now))),
        ..unknown(&failure.to_string(), now)
    };
    let message = format!("{} cannot be asked: {failure}; it is tried again for {PATIENCE:#}", input.target);
    let finding = Finding::waiting("DatabaseNotAnswering", message);
    let outlook = Outlook {
        instance: Some(Box::new(target.clone())),
        verification: Some(verdict),
        ..Outlook::of(input, RestorePhase::Verifying)
    };
    let mut plan = Plan { progress: Some(Box::new(Progress::Restore(outlook))), ..Plan::only(finding) };
    now.checked_add(SOON).ok().into_iter().for_each(|at| plan.wake(at));
    plan
}

fn unknown(why: &str, now: Timestamp) -> VerificationStatus {
    VerificationStatus {
        result: VerificationResult::Unknown,
        time: Time(whole_seconds(now)),
        checks: Vec::new(),
        message: Some(why.chars().take(512).collect()),
    }
}

/// What the answers mean. A statement that fails is an answer: a table that is missing is missing in the backup. A connection that is
/// lost, or a time that is over, is none.
///
/// # Errors
/// Why one was not answered, where no other has failed: then nothing is known yet.
fn judge<'r>(
    verification: &Verification,
    results: &'r SqlResults,
    now: Timestamp,
) -> Result<VerificationStatus, &'r SqlFailure> {
    let answer_of = |check: &SqlCheck| results.iter().find(|(name, _)| *name == check.name).map(|(_, answer)| answer);
    let unanswered = |check: &SqlCheck| match answer_of(check) {
        Some(Err(failure)) if !failure.class.is_answer() => Some(failure),
        _ => None,
    };
    let failed = |check: &SqlCheck| match answer_of(check) {
        Some(Ok(outcome)) => match check.expectation.judge(outcome) {
            Verdict::Passed => None,
            Verdict::Failed(why) => Some(why),
        },
        Some(Err(failure)) => Some(failure.to_string()),
        None => Some("it was not asked".into()),
    };
    let checks = &verification.checks;
    let disproved = checks.iter().any(|check| unanswered(check).is_none() && failed(check).is_some());
    if let Some(failure) = checks.iter().find_map(unanswered).filter(|_| !disproved) {
        return Err(failure);
    }
    let told = |check: &SqlCheck| {
        let why = failed(check).map(|why| why.chars().take(LONGEST).collect());
        CheckStatus { name: check.name.clone(), passed: why.is_none(), message: why }
    };
    Ok(VerificationStatus {
        result: if disproved { VerificationResult::Failed } else { VerificationResult::Passed },
        time: Time(whole_seconds(now)),
        checks: checks.iter().map(told).collect(),
        message: None,
    })
}

/// The instance is gone: what was found is told on the snapshot, and the run ends.
pub(super) fn conclude(input: &Input, verdict: &VerificationStatus, facts: &Facts) -> Plan {
    let id = &input.target;
    match verdict.result {
        VerificationResult::Passed => match tag(input, verdict, facts) {
            Ok(None) => {
                let message = format!("all {} checks passed; {id} is deleted", verdict.checks.len());
                end(input, None, Ended::complete(message))
            }
            Ok(Some(step)) => {
                let outlook = Outlook::of(input, RestorePhase::Deleting);
                let progress = Some(Box::new(Progress::Restore(outlook)));
                Plan { steps: vec![Step::Database(step)], progress, ..Plan::default() }
            }
            Err(plan) => *plan,
        },
        VerificationResult::Failed => {
            let failed = verdict.checks.iter().filter(|check| !check.passed);
            let why: Vec<String> = failed
                .map(|check| format!("{}: {}", check.name, check.message.as_deref().unwrap_or("not as expected")))
                .collect();
            let message =
                format!("the backup was restored and is not as expected: {}; {id} is deleted", why.join("; "));
            end(input, None, Ended::failed("ChecksFailed", message))
        }
        VerificationResult::Unknown => {
            let why = verdict.message.as_deref().unwrap_or("the database could not be asked");
            let message =
                format!("nothing is known of the backup: {why}; {id} is deleted. Create another DatabaseRestore");
            end(input, None, Ended::failed("NotVerified", message))
        }
    }
}

/// The step that says on the snapshot that it was found good. RDS's own snapshots go soon, and a point in time is no snapshot.
fn tag(input: &Input, verdict: &VerificationStatus, facts: &Facts) -> Result<Option<DatabaseStep>, Box<Plan>> {
    let Source::Snapshot(id) = &input.source else { return Ok(None) };
    let mut inquiry = Inquiry::new(facts);
    let found = inquiry.snapshot(Query::Snapshot(id.clone()));
    match (inquiry.open(), found) {
        (Some(missing), _) => Err(Box::new(Plan::missing(missing))),
        (None, Some(Some(found))) => Ok(missing_tag(found, verdict).then(|| DatabaseStep::TagVerified {
            database: DatabaseId { scope: id.scope.clone(), kind: id.kind, identifier: found.source.clone() },
            snapshot: id.identifier.clone(),
            verified_at: verdict.time.0,
        })),
        (None, _) => Ok(None),
    }
}

fn missing_tag(found: &SnapshotOf, verdict: &VerificationStatus) -> bool {
    let tagged: Option<Timestamp> = found.snapshot.tags.get(VERIFIED_TAG).and_then(|time| time.parse().ok());
    found.snapshot.snapshot_type == "manual" && tagged.is_none_or(|time| time < verdict.time.0)
}
