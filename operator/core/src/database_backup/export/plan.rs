//! The decision on an export: its Job is made once, and what the Job says is told.

use jiff::{SignedDuration, Timestamp};

use super::job::{JobState, Program};
use super::wanted::Wanted;
use crate::database_backup::input::Input;
use crate::database_backup::outlook::Outlook;
use crate::export::{Done, Order, Outcome, Reason};
use crate::facts::{Facts, Inquiry};
use crate::ids::DatabaseId;
use crate::observed::{Database, Endpoint};
use crate::plan::{Finding, Plan, Progress};
use crate::query::Query;
use crate::run::Ended;
use crate::step::{ExportStep, Step};

/// How soon to look again at a Job, and at what is not ready.
const SOON: SignedDuration = SignedDuration::from_secs(10);

/// Why a Job was not made for which nothing else was in the way.
const IN_THE_WAY: &str = "the operator was away, or was not let (a grant, or the mode of the AwsAccount)";

/// No more characters of what a container runtime says are told.
const LONGEST: usize = 200;

/// Decides what is to be asked, or made, so that the export is made once.
pub fn plan(input: &Input, wanted: &Wanted, facts: &Facts, now: Timestamp) -> Plan {
    if input.program.is_none() && !input.memory.seen {
        // Where exports are turned off the operator may not even look for a Job.
        return overdue(wanted, disabled(), wanted.over_at(), now);
    }
    let mut inquiry = Inquiry::new(facts);
    let job = inquiry.export_job(Query::ExportJob(wanted.job.clone()));
    match (inquiry.open(), job) {
        (Some(missing), _) => unseen(input, wanted, Plan::missing(missing), now),
        (None, Some(Some(job))) => follow(wanted, job, now),
        (None, Some(None)) if input.memory.seen => {
            end(wanted, None, lost(wanted, "is gone, and nothing here has deleted it"))
        }
        (None, Some(None)) => overdue(wanted, begin(input, wanted, facts, now), wanted.start_before, now),
        // An inquiry that is not open has all its answers.
        (None, None) => Plan::default(),
    }
}

/// What has become of the Job.
fn follow(wanted: &Wanted, job: &JobState, now: Timestamp) -> Plan {
    let name = &wanted.job.id.name;
    if job.owner_uid.as_ref() != Some(&wanted.uid) {
        let message = format!("there is a Job {name} that is not of this object: create another DatabaseBackup");
        return end(wanted, None, Ended::failed("NameTaken", message));
    }
    match (job.ended, job.outcome()) {
        (Some(true), Some(Outcome::Complete(done))) => {
            let message = told(wanted, &done);
            end(wanted, Some(done), Ended::complete(message))
        }
        // Its pod is gone, and what it has said. That it ended well means that the manifest is there.
        (Some(true), _) => {
            end(wanted, None, Ended::complete(format!("Job {name} has ended well; what it has said is lost")))
        }
        (Some(false), outcome) => end(wanted, None, failed(job, name, outcome)),
        (None, _) => {
            let finding = match &job.waiting {
                Some(waiting) => {
                    Finding::waiting("ExportNotRunning", format!("Job {name} does not run yet: {waiting}"))
                }
                None => {
                    Finding::waiting("ExportInProgress", format!("Job {name} exports to s3://{}", wanted.store.bucket))
                }
            };
            with_outlook(soon(Plan::only(finding), now), wanted, true, None, None)
        }
    }
}

/// Why a Job has failed: what its program says, and if it says nothing what Kubernetes does.
fn failed(job: &JobState, name: &str, outcome: Option<Outcome>) -> Ended {
    let reason = job.reason.as_deref().unwrap_or("Failed");
    match outcome {
        // That it was told to end is not why.
        Some(Outcome::Failed { reason: cause, message }) if cause != Reason::Interrupted => {
            Ended::failed(cause.as_str(), message)
        }
        _ if reason == "DeadlineExceeded" => Ended::failed(
            "ExportTimeout",
            format!("Job {name} was ended after export.timeout: give it longer, or export fewer tables at once"),
        ),
        _ => {
            let how = job.terminated.as_deref().unwrap_or("nothing is known of its container");
            // What the container runtime says of one that it could not start.
            let said = job.message.as_deref().map(|said| said.chars().take(LONGEST).collect::<String>());
            let said = said.filter(|said| !said.is_empty()).unwrap_or_else(|| "it said nothing".into());
            let advice = match how {
                "OOMKilled" => "give exports more memory (exports.memory of the chart)",
                _ => "look at its pods' logs and events",
            };
            Ended::failed("ExportFailed", format!("Job {name} has failed ({reason}; {how}; {said}): {advice}"))
        }
    }
}

fn told(wanted: &Wanted, done: &Done) -> String {
    let Done { key, tables, rows, bytes, deleted, retained, retention_refused, .. } = done;
    let mut message = format!("s3://{}/{key} has {rows} rows of {tables} tables in {bytes} bytes", wanted.store.bucket);
    if deleted + retained > 0 {
        message.push_str(&format!("; of older exports {deleted} were deleted, and {retained} are kept by a lock"));
    }
    if let Some(refused) = retention_refused {
        message.push_str(&format!("; older exports could not be deleted: {refused}"));
    }
    message
}

/// The plan, unless the Job that cannot be looked at must have come to its end, if there is one: that it was not made nobody can say.
fn unseen(input: &Input, wanted: &Wanted, mut plan: Plan, now: Timestamp) -> Plan {
    let Some(over) = wanted.over_at().filter(|_| plan.needs.is_empty()) else { return plan };
    if now <= over {
        over.checked_add(SignedDuration::from_secs(1)).ok().into_iter().for_each(|at| plan.wake(at));
        return plan;
    }
    let why = plan.findings.first().map_or("", |finding| &finding.message);
    let ended = lost(wanted, &format!("cannot be looked at ({why}), and its time was over at {over}"));
    with_outlook(ended.plan(), wanted, input.memory.seen, None, Some(ended))
}

/// Nobody knows whether it was done.
fn lost(wanted: &Wanted, why: &str) -> Ended {
    let (name, bucket, family) = (&wanted.job.id.name, &wanted.store.bucket, wanted.family());
    let message = format!("Job {name} {why}: whether s3://{bucket}/{family}… has a manifest says whether it was done");
    Ended::failed("ExportLost", message)
}

/// The plan, unless it is too late for it by `deadline`: whoever waits for this one to end waits no longer.
fn overdue(wanted: &Wanted, mut plan: Plan, deadline: Option<Timestamp>, now: Timestamp) -> Plan {
    let Some(deadline) = deadline.filter(|_| plan.needs.is_empty()) else { return plan };
    if now <= deadline {
        // A moment later: at the deadline itself it may still be made.
        deadline.checked_add(SignedDuration::from_secs(1)).ok().into_iter().for_each(|at| plan.wake(at));
        return plan;
    }
    let why = plan.findings.first().map_or(IN_THE_WAY, |finding| &finding.message);
    let message = format!("Job {} was not made before {deadline}: {why}", wanted.job.id.name);
    let ended = Ended::failed("ExportNotStarted", message);
    with_outlook(ended.plan(), wanted, false, None, Some(ended))
}

/// Looks at everything that the Job needs, and makes it.
fn begin(input: &Input, wanted: &Wanted, facts: &Facts, now: Timestamp) -> Plan {
    let Some(program) = &input.program else { return disabled() };
    let mut inquiry = Inquiry::new(facts);
    let database = inquiry.database(Query::Database(input.database.clone()));
    let replica = wanted.replica.as_ref().map(|id| (id, inquiry.database(Query::Database(id.clone()))));
    let secret = inquiry.usable(Query::UsableSecret(wanted.secret.clone()));
    if let Some(missing) = inquiry.open() {
        return Plan::missing(missing);
    }
    let name = &wanted.secret.id;
    match secret {
        Some(Some(true)) => {}
        Some(Some(false)) => {
            let message =
                format!("Secret {name} is not to be used: label it ops.clocked.app/usable: \"true\" where exports may");
            return Plan::only(Finding::stalled("SecretNotUsable", message));
        }
        _ => {
            let message = format!(
                "there is no Secret {name}: create it with username and password, labelled ops.clocked.app/usable: \"true\""
            );
            return Plan::only(Finding::stalled("SecretNotFound", message));
        }
    }
    let host = match (endpoint(&input.database, database.and_then(Option::as_deref)), replica) {
        (Err(finding), _) => return with_outlook(soon(Plan::only(finding), now), wanted, false, None, None),
        (Ok(found), None) => found,
        (Ok(_), Some((id, replica))) => match endpoint(id, replica.and_then(Option::as_deref)) {
            Ok(found) => found,
            Err(finding) => return with_outlook(soon(Plan::only(finding), now), wanted, false, None, None),
        },
    };
    let named = database.and_then(Option::as_deref).and_then(|found| found.instance.as_deref()?.db_name.clone());
    make(input, wanted, program, host, named)
}

fn disabled() -> Plan {
    Plan::only(Finding::stalled(
        "ExportsDisabled",
        "exports are turned off: set exports.image of the chart to an image with runbook-export and pg_dump",
    ))
}

fn make(input: &Input, wanted: &Wanted, program: &Program, host: &Endpoint, named: Option<String>) -> Plan {
    let order = Order {
        owner: wanted.owner.clone(),
        name: wanted.name.clone(),
        slot: wanted.slot,
        database_arn: input.database.arn(),
        source: wanted.source,
        host: host.address.clone(),
        port: host.port,
        database: wanted.database.clone(),
        instance_database: named,
        tables: wanted.tables.clone(),
        data_only: wanted.data_only,
        compression: wanted.compression,
        s3: wanted.store.clone(),
        retention: wanted.retention,
        deadline_seconds: wanted.timeout,
    };
    let job = wanted.job(&order, program);
    let mut plan = Plan::default();
    plan.steps.push(Step::Export(Box::new(ExportStep {
        database: input.database.clone(),
        replica: wanted.replica.clone(),
        id: wanted.job.id.clone(),
        uid: wanted.uid.clone(),
        key: order.key(),
        bucket: wanted.store.bucket.clone(),
        bucket_arn: wanted.object_arn(),
        job,
    })));
    with_outlook(plan, wanted, false, None, None)
}

/// Where a database is reached that can be dumped now.
fn endpoint<'d>(id: &DatabaseId, database: Option<&'d Database>) -> Result<&'d Endpoint, Finding> {
    let Some(database) = database else {
        return Err(Finding::stalled("TargetNotFound", format!("{id} does not exist: create it, or export another")));
    };
    if !matches!(database.engine.as_str(), "postgres" | "aurora-postgresql") {
        let message = format!("{id} is of engine {}: only PostgreSQL is exported", database.engine);
        return Err(Finding::stalled("EngineNotSupported", message));
    }
    // An instance that is backed up, or modified, takes connections.
    if matches!(database.status.as_str(), "stopped" | "stopping" | "failed" | "deleting" | "creating") {
        let message = format!("{id} is {}: it is exported when it takes connections", database.status);
        return Err(Finding::waiting("DatabaseNotAvailable", message));
    }
    let found = database.instance.as_deref().and_then(|instance| instance.endpoint.as_ref());
    found.ok_or_else(|| Finding::waiting("DatabaseNotAvailable", format!("{id} has no endpoint yet")))
}

fn soon(mut plan: Plan, now: Timestamp) -> Plan {
    now.checked_add(SOON).ok().into_iter().for_each(|at| plan.wake(at));
    plan
}

fn end(wanted: &Wanted, done: Option<Done>, ended: Ended) -> Plan {
    with_outlook(ended.plan(), wanted, true, done, Some(ended))
}

fn with_outlook(plan: Plan, wanted: &Wanted, seen: bool, done: Option<Done>, ended: Option<Ended>) -> Plan {
    let export =
        Export { job_name: seen.then(|| wanted.job.id.name.clone()), bucket: wanted.store.bucket.clone(), done };
    let outlook = Outlook { ended, export: Some(Box::new(export)), ..Outlook::default() };
    Plan { progress: Some(Box::new(Progress::Backup(outlook))), ..plan }
}

/// Where an export stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Export {
    /// The Job, once it was seen.
    pub job_name: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// What is in S3, once it is.
    pub done: Option<Done>,
}
