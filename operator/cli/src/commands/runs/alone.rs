//! A run without a cluster, for the day on which it is down: the same plans and the same steps as the operator's, made from here with the
//! user's own credentials. Nothing is remembered but in this process, so whoever breaks it off looks in RDS what there is.

// The one part of this program that writes to AWS.
#![allow(clippy::disallowed_types)]

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;
use runbook_api::common::{AccountRef, Mode};
use runbook_api::{AwsAccount, BackupPolicy, DatabaseBackup, DatabaseRestore};
use runbook_aws::{
    AwsMetrics, Connection, Connections, Executor, Freshness, Origin, Plane, SdkCloud, SystemClock, WriteGuard,
};
use runbook_core::account::{Access, resolve, usable};
use runbook_core::backoff::seed_of;
use runbook_core::report::{Act, Outcome, Reason, Summary};
use runbook_core::run::Ended;
use runbook_core::{Facts, Finding, Plan, database_backup, database_restore};
use tokio::time::{sleep, timeout};

use crate::arguments::{RunOptions, Sources, WithoutCluster};
use crate::cluster::Existing;
use crate::errors::CliError;
use crate::output::{GREEN, Shown, length, line, tell};
use crate::{aws, sources};

/// How soon it is looked again.
const EVERY: Duration = Duration::from_secs(2);
/// Rounds of questions that a plan may ask.
const ROUNDS: usize = 6;
/// Part of the tags that say whose something is, where nobody says the operator's.
const CLUSTER_ID: &str = "none";

/// What a run is decided by.
pub struct Scene {
    policy: BackupPolicy,
    account: AwsAccount,
    access: Access,
    cluster_id: String,
    aws: crate::arguments::Aws,
}

/// A kind of run.
pub trait Performed {
    /// What is to be asked, or done.
    ///
    /// # Errors
    /// A finding that says what is wrong with it.
    fn plan(&self, scene: &Scene, began: Timestamp, facts: &Facts, now: Timestamp) -> Result<Plan, Finding>;

    /// Remembers what came of it.
    fn remember(&mut self, summary: &Summary<'_>);

    /// How it ended, if it has.
    fn ended(&self) -> Option<Ended>;

    /// Kind and name, for errors and the audit log.
    fn subject(&self) -> String;
}

/// Nobody else leads: whoever calls this program may write.
struct Unguarded;

impl WriteGuard for Unguarded {
    fn time_left(&self) -> Duration {
        Duration::MAX
    }
}

impl Scene {
    /// The policy that a command is about, and its account, out of the files.
    ///
    /// # Errors
    /// What is missing in them, or wrong.
    pub fn read(options: &RunOptions, alone: &WithoutCluster) -> Result<Self, CliError> {
        let name = &options.of.name;
        let from = Sources {
            filenames: alone.filenames.clone(),
            namespace: options.of.namespace.clone().unwrap_or_else(|| "default".into()),
            cluster: false,
            kube: options.of.kube.clone(),
        };
        let declared = sources::load(&from, &Existing::default())?;
        let in_namespace =
            |policy: &BackupPolicy| options.of.namespace.is_none() || policy.metadata.namespace == options.of.namespace;
        let mut named = declared.backups.iter().map(|one| &one.object);
        let Some(policy) = named.find(|policy| policy.name_any() == *name && in_namespace(policy)) else {
            let problems = declared.problems.iter().flat_map(|problem| &problem.messages);
            let problems: Vec<&str> = problems.map(String::as_str).collect();
            let why = if problems.is_empty() { String::new() } else { format!(" ({})", problems.join("; ")) };
            return Err(CliError::Usage(format!(
                "the files hold no BackupPolicy {name}{why}: add -f with the file that does"
            )));
        };
        let reference = &policy.spec.account_ref;
        let account = declared.accounts.iter().find(|one| one.object.name_any() == reference.name);
        let Some(account) = account.map(|one| one.object.clone()) else {
            return Err(CliError::Usage(format!(
                "the files hold no AwsAccount {}, which says the account and the region: add -f with the file that does",
                reference.name
            )));
        };
        let wrong = |finding: Finding| CliError::Usage(finding.message);
        let mut allowed = account.clone();
        // An endpoint on the command line is the user's own, and wins.
        allowed.spec.endpoint_url = None;
        usable(&allowed, false).map_err(wrong)?;
        if account.spec.mode == Mode::Observe {
            return Err(CliError::Usage(format!(
                "AwsAccount {} is in mode Observe, in which nothing is written: use a file that says Enforce",
                reference.name
            )));
        }
        let region = policy.spec.region.as_deref();
        let namespace = policy.namespace().unwrap_or_default();
        let access = resolve(&AccountRef { name: reference.name.clone() }, region, &namespace, Some(&account));
        Ok(Self {
            policy: policy.clone(),
            access: access.map_err(wrong)?,
            account,
            cluster_id: alone.cluster_id.clone().unwrap_or_else(|| CLUSTER_ID.into()),
            aws: alone.aws.clone(),
        })
    }

    /// The policy.
    pub fn policy(&self) -> &BackupPolicy {
        &self.policy
    }
}

/// The object with a uid, which a cluster would give it: part of the tags by which what it makes is told from others'.
pub fn identified<K: ResourceExt>(mut object: K) -> K {
    object.meta_mut().uid = Some(format!("{:016x}", seed_of(&object.name_any())));
    object
}

/// A plane that can be written through, in one account, with the user's own credentials: no role is assumed.
fn writable(scene: &Scene) -> Arc<Plane> {
    let cloud = Arc::new(SdkCloud::new(aws::SESSION));
    let endpoint_url = scene.aws.endpoint_url.clone();
    let connection = aws::connection(&scene.account, &scene.aws);
    cloud.set_connection(Connection { assume_role: None, endpoint_url, ..connection });
    Plane::new(cloud, Arc::new(SystemClock), aws::options(), AwsMetrics::default())
}

/// Makes a run to its end, or says which steps would be made.
///
/// # Errors
/// When it fails, cannot be made, or the time is over.
pub async fn perform(scene: &Scene, mut run: impl Performed, options: &RunOptions) -> Result<Shown, CliError> {
    let plane = writable(scene);
    if options.dry_run {
        let (_, plan) = look(&plane, scene, &run, Timestamp::now(), Timestamp::now()).await?;
        let steps = plan.steps.iter().map(|step| format!("would {step}\n"));
        let said = plan.findings.iter().map(|finding| format!("{}: {}\n", finding.reason, finding.message));
        return Ok(Shown::text(steps.chain(said).collect::<String>()));
    }
    let limit = Duration::from_secs(options.timeout.unsigned_abs());
    let mut last = String::new();
    let ended = tokio::select! {
        ended = timeout(limit, until_ended(&plane, scene, &mut run, &mut last)) => ended,
        _ = tokio::signal::ctrl_c() => {
            return Err(CliError::Usage("broken off: what RDS has begun goes on; look there what there is".into()));
        }
    };
    match ended {
        Ok(Ok(Ended::Complete { message })) => Ok(Shown::text(line(GREEN, "complete", &format!(": {message}\n")))),
        Ok(Ok(Ended::Failed { reason, message })) => {
            Err(CliError::Usage(format!("it has failed, {reason}: {message}")))
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Err(CliError::Usage(format!(
            "it has not ended after {}: {last}; what RDS has begun goes on",
            length(options.timeout)
        ))),
    }
}

async fn until_ended(
    plane: &Arc<Plane>,
    scene: &Scene,
    run: &mut impl Performed,
    last: &mut String,
) -> Result<Ended, CliError> {
    let executor = Executor::new(plane.clone(), Arc::new(Unguarded));
    let began = Timestamp::now();
    loop {
        let now = Timestamp::now();
        let (facts, plan) = look(plane, scene, run, began, now).await?;
        // As the operator claims: what is about to be done is remembered before.
        run.remember(&summary(&Outcome::of_plan(&plan, None), &plan, &[], &facts, now));
        if let Some(ended) = run.ended() {
            return Ok(ended);
        }
        let mut acts = Vec::new();
        let origin = Origin { object: run.subject(), reason: Reason::Run.as_str().into() };
        for step in &plan.steps {
            tell(&step.to_string());
            let result = executor.execute(step, &origin).await;
            let failed = result.as_ref().err().map(Outcome::of_error);
            acts.push(Act { step: step.clone(), time: now, reason: origin.reason.clone(), result });
            if let Some(outcome) = failed {
                run.remember(&summary(&outcome, &plan, &acts, &facts, now));
                wait_for(&outcome, last)?;
                break;
            }
        }
        match acts.last() {
            Some(Act { result: Ok(_), .. }) => {
                run.remember(&summary(&Outcome::of_plan(&plan, None), &plan, &acts, &facts, now));
            }
            Some(_) => {}
            None => wait_for(&Outcome::of_plan(&plan, None), last)?,
        }
        sleep(EVERY).await;
    }
}

/// Says what is waited for.
///
/// # Errors
/// When a person must act first.
fn wait_for(outcome: &Outcome, last: &mut String) -> Result<(), CliError> {
    let said = match outcome {
        Outcome::Stalled { reason, message } => return Err(CliError::Usage(format!("{reason}: {message}"))),
        Outcome::Working { message, .. } | Outcome::Unavailable { message, .. } => message.clone(),
        Outcome::InSync | Outcome::Held { .. } => return Ok(()),
    };
    if said != *last {
        tell(&format!("waiting: {said}"));
        *last = said;
    }
    Ok(())
}

/// Observes and plans, in turns, until the plan needs nothing more. The credentials are the user's: IAM says what they may do.
async fn look(
    plane: &Arc<Plane>,
    scene: &Scene,
    run: &impl Performed,
    began: Timestamp,
    now: Timestamp,
) -> Result<(Facts, Plan), CliError> {
    let mut facts = Facts::default();
    for _ in 0..=ROUNDS {
        let plan = run.plan(scene, began, &facts, now).unwrap_or_else(Plan::only);
        if plan.needs.is_empty() {
            return Ok((facts, plan));
        }
        for (query, answer, _) in plane.observe(&plan.needs, Freshness::Now).await {
            facts.insert(query, answer);
        }
    }
    Err(CliError::Usage(format!("the plan asks for more after {ROUNDS} rounds: please report it")))
}

fn summary<'s>(outcome: &'s Outcome, plan: &'s Plan, acts: &'s [Act], facts: &'s Facts, now: Timestamp) -> Summary<'s> {
    let made = acts.iter().filter(|act| act.result.is_ok()).count();
    Summary {
        outcome,
        findings: &plan.findings,
        generation: Some(1),
        pending: plan.steps.get(made..).unwrap_or_default(),
        acts,
        requested: None,
        untold: false,
        facts,
        now,
        intent: None,
        outlook: None,
        progress: plan.progress.as_deref(),
        queues: &[],
    }
}

impl Performed for DatabaseBackup {
    fn plan(&self, scene: &Scene, began: Timestamp, facts: &Facts, now: Timestamp) -> Result<Plan, Finding> {
        let input =
            database_backup::input::validate(&self.spec, &self.metadata, &scene.cluster_id, &scene.access, began)?;
        let memory = database_backup::Memory::of(&self.status.clone().unwrap_or_default());
        Ok(database_backup::plan(&database_backup::Input { memory, ..input }, facts, now))
    }

    fn remember(&mut self, summary: &Summary<'_>) {
        let previous = self.status.clone().unwrap_or_default();
        self.status = Some(database_backup::report::status(&previous, summary));
    }

    fn ended(&self) -> Option<Ended> {
        Ended::of(&self.status.as_ref()?.conditions)
    }

    fn subject(&self) -> String {
        format!("DatabaseBackup {}", self.name_any())
    }
}

impl Performed for DatabaseRestore {
    fn plan(&self, scene: &Scene, _: Timestamp, facts: &Facts, now: Timestamp) -> Result<Plan, Finding> {
        let input =
            database_restore::input::validate(&self.spec, &self.metadata, &scene.cluster_id, &scene.access, None)?;
        let memory = database_restore::Memory::of(&self.status.clone().unwrap_or_default());
        Ok(database_restore::plan(&database_restore::Input { memory, ..input }, facts, now))
    }

    fn remember(&mut self, summary: &Summary<'_>) {
        let previous = self.status.clone().unwrap_or_default();
        self.status = Some(database_restore::report::status(&previous, summary));
    }

    fn ended(&self) -> Option<Ended> {
        Ended::of(&self.status.as_ref()?.conditions)
    }

    fn subject(&self) -> String {
        format!("DatabaseRestore {}", self.name_any())
    }
}
