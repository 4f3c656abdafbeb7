//! The life of a DatabaseBackup that is an export.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use runbook_api::aws_account::{Grant, Verb};
use runbook_api::common::Mode;
use runbook_api::database_backup::{DatabaseBackupSpec, DatabaseBackupStatus};
use runbook_core::account::Access;
use runbook_core::database_backup::export::{JobState, Program};
use runbook_core::database_backup::{self, Input, Memory, input, report};
use runbook_core::export::{Done, Order, Outcome as Ending, Reason};
use runbook_core::facts::Answer;
use runbook_core::observed::Endpoint;
use runbook_core::report::{Outcome, Summary};
use runbook_core::run::Ended;
use runbook_core::step::ExportStep;
use runbook_core::{CloudError, ErrorClass, Facts, Finding, Plan, Query, Step};
use serde_json::{Value, json};

use super::cloud::{Cloud, at};
use crate::world;

const BUCKET: &str = "arn:aws:s3:::clocked-backups/database/*";

fn access(resources: &[&str]) -> Access {
    let grant = Grant {
        namespaces: vec![world::NAMESPACE.into()],
        verbs: vec![Verb::Export],
        resources: resources.iter().map(|resource| (*resource).to_owned()).collect(),
    };
    world::access(&[grant], Mode::Enforce)
}

struct Life {
    cloud: Cloud,
    spec: Value,
    metadata: ObjectMeta,
    status: DatabaseBackupStatus,
    program: Option<Program>,
    secret: Option<bool>,
    job: Option<JobState>,
    /// Whether Kubernetes lets nobody look at Jobs.
    refused: bool,
    now: Timestamp,
}

impl Life {
    fn new() -> Self {
        let mut cloud = Cloud::new();
        let endpoint = Endpoint { address: "clocked-db.rds".into(), port: 5432 };
        let database = cloud.databases.get_mut("clocked-db").unwrap();
        database.instance.as_mut().unwrap().endpoint = Some(endpoint);
        let mut replica = database.clone();
        replica.instance.as_mut().unwrap().endpoint = Some(Endpoint { address: "read.rds".into(), port: 5433 });
        cloud.databases.insert("clocked-db-read".into(), replica);
        let spec = json!({"source": {"rdsInstance": "clocked-db"}, "export": {
            "source": "Primary", "name": "user-data", "tables": ["users"], "dataOnly": true, "serviceAccountName": "exporter",
            "connection": {"secretRef": {"name": "clocked-db-export"}},
            "s3": {"bucket": "clocked-backups", "prefix": "database/"},
        }});
        let metadata = ObjectMeta {
            name: Some("export".into()),
            namespace: Some(world::NAMESPACE.into()),
            uid: Some("uid-1".into()),
            creation_timestamp: Some(Time(at("2026-03-01T03:00:00Z"))),
            ..ObjectMeta::default()
        };
        let program = Program { image: "exporter:1".into(), memory: "512Mi".into(), endpoint_url: None };
        Self {
            cloud,
            spec,
            metadata,
            status: DatabaseBackupStatus::default(),
            program: Some(program),
            secret: Some(true),
            job: None,
            refused: false,
            now: at("2026-03-01T03:00:10Z"),
        }
    }

    fn validated(&self) -> Result<Input, Finding> {
        let spec: DatabaseBackupSpec = serde_json::from_value(self.spec.clone()).unwrap();
        let all = access(&["arn:aws:rds:*:*:db:clocked-*", BUCKET]);
        let input = input::validate(&spec, &self.metadata, "production", &all, self.now)?;
        Ok(Input { memory: Memory::of(&self.status), program: self.program.clone(), ..input })
    }

    fn plan(&self) -> Plan {
        let input = self.validated().unwrap();
        let mut facts = Facts::default();
        for _ in 0..5 {
            let plan = database_backup::plan(&input, &facts, self.now);
            if plan.needs.is_empty() {
                return plan;
            }
            for query in &plan.needs {
                match query {
                    Query::ExportJob(_) if self.refused => facts.insert(query.clone(), Err(forbidden())),
                    Query::ExportJob(_) => {
                        facts.insert(query.clone(), Ok(Answer::ExportJob(self.job.clone().map(Box::new))))
                    }
                    Query::UsableSecret(_) => facts.insert(query.clone(), Ok(Answer::UsableSecret(self.secret))),
                    query => self.cloud.answer(query, &mut facts),
                }
            }
        }
        panic!("the plan asks without end");
    }

    fn turn(&mut self) -> Plan {
        let plan = self.plan();
        let summary = Summary {
            outcome: &Outcome::of_plan(&plan, None),
            findings: &plan.findings,
            generation: Some(1),
            pending: &plan.steps,
            acts: &[],
            requested: None,
            untold: false,
            facts: &Facts::default(),
            now: self.now,
            intent: None,
            outlook: None,
            progress: plan.progress.as_deref(),
            queues: &[],
        };
        self.status = report::status(&self.status, &summary);
        plan
    }

    fn reason(&mut self) -> String {
        self.turn().findings[0].reason.clone()
    }

    fn ended(&self) -> Option<Ended> {
        Ended::of(&self.status.conditions)
    }
}

fn forbidden() -> CloudError {
    CloudError {
        class: ErrorClass::Denied,
        operation: "Kubernetes.GetJob",
        resource: "Job clocked/export".into(),
        code: "Forbidden".into(),
        message: "you may not".into(),
        request_id: None,
    }
}

fn export(plan: &Plan) -> &ExportStep {
    match plan.steps.as_slice() {
        [Step::Export(step)] => step,
        other => panic!("{other:?}"),
    }
}

fn own(state: JobState) -> Option<JobState> {
    Some(JobState { owner_uid: Some("uid-1".into()), ..state })
}

fn order(step: &ExportStep) -> Order {
    let pod = step.job.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
    let env = pod.containers[0].env.as_ref().unwrap();
    let order = env.iter().find(|one| one.name == "RUNBOOK_ORDER").unwrap();
    serde_json::from_str(order.value.as_ref().unwrap()).unwrap()
}

#[test]
fn its_job_is_made_once_and_what_it_says_is_told() {
    let mut life = Life::new();
    let plan = life.turn();
    let step = export(&plan);
    let order = order(step);
    assert_eq!(order.key(), "database/user-data-20260301-030000.dump.zst");
    assert_eq!((order.host.as_str(), order.instance_database.as_deref()), ("clocked-db.rds", Some("clocked")));
    assert_eq!(
        (order.owner.as_str(), order.s3.bucket_owner.as_str()),
        ("production/clocked/databasebackups/export", world::ACCOUNT)
    );
    assert_eq!(
        plan.steps[0].to_string(),
        format!(
            "export DB instance clocked-db to s3://clocked-backups/database/user-data-20260301-030000.dump.zst by Job {}",
            step.id
        )
    );
    // Made again, where the answer was lost, it is the same.
    assert_eq!(life.plan(), plan);

    life.job = own(JobState::default());
    assert_eq!(life.reason(), "ExportInProgress");
    assert_eq!(life.ended(), None);
    assert!(life.status.export.as_ref().unwrap().job_name.is_some());
    let done = Done { key: order.key(), tables: 1, rows: 40, bytes: 1234, sha256: "ab".into(), ..Done::default() };
    life.job = own(JobState { ended: Some(true), message: Some(Ending::Complete(done).told()), ..JobState::default() });
    assert!(life.turn().steps.is_empty());
    let message =
        "s3://clocked-backups/database/user-data-20260301-030000.dump.zst has 40 rows of 1 tables in 1234 bytes";
    assert_eq!(life.ended(), Some(Ended::complete(message)));
    let told = life.status.export.clone().unwrap();
    assert_eq!((told.rows, told.bytes, told.sha256.as_deref()), (Some(40), Some(1234), Some("ab")));
    assert_eq!(told.location.as_deref(), Some("s3://clocked-backups/database/user-data-20260301-030000.dump.zst"));
    assert_eq!(life.status.snapshot_identifier, None);
    // It is not looked at again.
    life.job = None;
    assert_eq!(life.plan(), Plan::default());
}

#[test]
fn a_job_that_fails_says_why() {
    let told = |reason, message: &str| Ending::Failed { reason, message: message.into() }.told();
    let failed = |reason: &str| JobState { ended: Some(false), reason: Some(reason.into()), ..JobState::default() };
    for (state, reason) in [
        (
            JobState { message: Some(told(Reason::TableNotFound, "there is no table")), ..failed("PodFailurePolicy") },
            "TableNotFound",
        ),
        (JobState { message: Some(told(Reason::Interrupted, "ended")), ..failed("DeadlineExceeded") }, "ExportTimeout"),
        (failed("DeadlineExceeded"), "ExportTimeout"),
        (JobState { terminated: Some("OOMKilled".into()), ..failed("BackoffLimitExceeded") }, "ExportFailed"),
        (JobState { message: Some("Segmentation fault".into()), ..failed("BackoffLimitExceeded") }, "ExportFailed"),
    ] {
        let mut life = Life::new();
        life.job = own(state);
        life.turn();
        assert!(
            matches!(life.ended(), Some(Ended::Failed { reason: said, .. }) if said == reason),
            "{:?}",
            life.ended()
        );
    }
}

#[test]
fn what_is_not_its_own_or_is_gone_is_not_followed() {
    let mut life = Life::new();
    life.job = Some(JobState { owner_uid: Some("uid-2".into()), ended: Some(true), ..JobState::default() });
    life.turn();
    assert!(matches!(life.ended(), Some(Ended::Failed { reason, .. }) if reason == "NameTaken"));
    let mut life = Life::new();
    life.job = own(JobState::default());
    life.turn();
    life.job = None;
    assert!(life.turn().steps.is_empty());
    assert!(matches!(life.ended(), Some(Ended::Failed { reason, .. }) if reason == "ExportLost"));
}

#[test]
fn nothing_is_made_until_everything_is_there() {
    let mut life = Life::new();
    life.secret = None;
    assert_eq!(life.reason(), "SecretNotFound");
    life.secret = Some(false);
    assert_eq!(life.reason(), "SecretNotUsable");
    life.secret = Some(true);
    life.cloud.databases.get_mut("clocked-db").unwrap().status = "stopped".into();
    assert_eq!(life.reason(), "DatabaseNotAvailable");
    life.cloud.databases.get_mut("clocked-db").unwrap().engine = "mysql".into();
    assert_eq!(life.reason(), "EngineNotSupported");
    life.cloud.databases.remove("clocked-db");
    assert_eq!(life.reason(), "TargetNotFound");
    life.program = None;
    assert_eq!(life.reason(), "ExportsDisabled");
}

#[test]
fn what_is_not_made_in_time_is_waited_for_no_longer() {
    let ended = |life: &Life| match life.ended() {
        Some(Ended::Failed { reason, message }) => (reason, message),
        other => panic!("{other:?}"),
    };
    let limited = || {
        let mut life = Life::new();
        life.spec["export"]["startBefore"] = json!("2026-03-01T04:00:00Z");
        life.spec["export"]["timeout"] = json!("1h");
        life
    };
    let mut life = limited();
    life.secret = None;
    let plan = life.turn();
    assert_eq!((plan.findings[0].reason.as_str(), plan.next_at), ("SecretNotFound", Some(at("2026-03-01T04:00:01Z"))));
    life.now = at("2026-03-01T04:00:01Z");
    assert!(life.turn().steps.is_empty());
    let (reason, message) = ended(&life);
    assert_eq!(reason, "ExportNotStarted");
    assert!(message.contains("there is no Secret clocked/clocked-db-export"), "{message}");
    // Nothing is made too late, either.
    let mut life = limited();
    life.now = at("2026-03-01T04:00:00Z");
    assert_eq!(life.plan().steps.len(), 1);
    life.now = at("2026-03-01T04:00:01Z");
    assert!(life.turn().steps.is_empty());
    assert_eq!(ended(&life).0, "ExportNotStarted");
    // A Job that was made goes on for as long as it may.
    let mut life = limited();
    life.job = own(JobState::default());
    life.now = at("2026-03-01T05:30:00Z");
    assert_eq!((life.reason().as_str(), life.ended()), ("ExportInProgress", None));
}

#[test]
fn a_job_that_cannot_be_looked_at_is_waited_for_until_its_own_end() {
    let mut life = Life::new();
    life.spec["export"]["startBefore"] = json!("2026-03-01T04:00:00Z");
    life.spec["export"]["timeout"] = json!("1h");
    life.refused = true;
    life.now = at("2026-03-01T05:00:00Z");
    let plan = life.turn();
    assert_eq!((plan.findings[0].reason.as_str(), life.ended()), ("KubernetesRefused", None));
    assert_eq!(plan.next_at, Some(at("2026-03-01T05:00:01Z")));
    life.now = at("2026-03-01T05:00:01Z");
    assert!(life.turn().steps.is_empty());
    let Some(Ended::Failed { reason, message }) = life.ended() else { panic!("{:?}", life.ended()) };
    assert_eq!(reason, "ExportLost", "nobody can say that it was not made");
    assert!(message.contains("cannot be looked at (") && message.contains("has a manifest"), "{message}");
    // One without a deadline is waited for.
    let mut life = Life::new();
    life.refused = true;
    life.now = at("2027-03-01T05:00:00Z");
    assert_eq!((life.reason().as_str(), life.ended()), ("KubernetesRefused", None));
}

#[test]
fn a_replica_is_what_is_connected_to() {
    let mut life = Life::new();
    life.spec["export"]["source"] = json!("Replica");
    assert_eq!(life.validated().unwrap_err().reason, "InvalidSpec");
    life.spec["export"]["replica"] = json!("clocked-db-read");
    let plan = life.turn();
    let order = order(export(&plan));
    assert_eq!((order.host.as_str(), order.port), ("read.rds", 5433));
    assert!(order.database_arn.ends_with(":db:clocked-db"));
}

#[test]
fn both_the_data_and_where_it_goes_must_be_granted() {
    let plan = Life::new().plan();
    let (database, replica) = ("arn:aws:rds:*:*:db:clocked-db", "arn:aws:rds:*:*:db:clocked-db-read");
    for (resources, granted) in [
        (vec![database, BUCKET], true),
        (vec![database, "arn:aws:s3:::clocked-backups/database/user-data-*"], true),
        (vec![database], false),
        (vec![BUCKET], false),
        (vec![database, "arn:aws:s3:::clocked-backups/other/*"], false),
        (vec![database, "arn:aws:s3:::clocked-backups"], false),
        // One export's key alone would not do: retention reaches the others of the name.
        (vec![database, "arn:aws:s3:::clocked-backups/database/user-data-20260301-030000.dump.zst"], false),
    ] {
        assert_eq!(access(&resources).grants.allow_steps(&plan.steps).is_ok(), granted, "{resources:?}");
    }
    let mut life = Life::new();
    life.spec["export"]["source"] = json!("Replica");
    life.spec["export"]["replica"] = json!("clocked-db-read");
    let plan = life.plan();
    assert!(access(&[database, BUCKET]).grants.allow_steps(&plan.steps).is_err());
    assert!(access(&[database, replica, BUCKET]).grants.allow_steps(&plan.steps).is_ok());
}

#[test]
fn its_pod_may_do_nothing_but_export() {
    let plan = Life::new().plan();
    let job = &export(&plan).job;
    let spec = job.spec.as_ref().unwrap();
    let owner = &job.metadata.owner_references.as_ref().unwrap()[0];
    assert_eq!((owner.kind.as_str(), owner.uid.as_str(), owner.controller), ("DatabaseBackup", "uid-1", Some(true)));
    assert_eq!(spec.active_deadline_seconds, Some(6 * 3600));
    let pod = spec.template.spec.as_ref().unwrap();
    assert_eq!(pod.service_account_name.as_deref(), Some("exporter"));
    assert_eq!(pod.automount_service_account_token, Some(false));
    assert_eq!(pod.security_context.as_ref().unwrap().run_as_non_root, Some(true));
    let container = &pod.containers[0];
    let security = container.security_context.as_ref().unwrap();
    assert_eq!((security.allow_privilege_escalation, security.read_only_root_filesystem), (Some(false), Some(true)));
    assert_eq!((container.command.as_ref(), container.args.as_ref()), (None, None));
    // No secret is in it: the kubelet brings that.
    assert!(container.env.as_ref().unwrap().iter().all(|one| one.value_from.is_none()) && container.env_from.is_none());
}
