//! The Job of an export, and what is seen of it.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, Container, EmptyDirVolumeSource, EnvVar, PodSecurityContext, PodSpec,
    PodTemplateSpec, ResourceRequirements, SeccompProfile, SecretVolumeSource, SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::{Deserialize, Serialize};

use super::wanted::Wanted;
use crate::export::{Order, Outcome};
use crate::ownership::RUN_TAG;

/// The container of an export, by which its termination message is found.
pub const CONTAINER: &str = "export";
/// Where the Secret is mounted.
const CONNECTION: &str = "/var/run/runbook/connection";
/// Where further certificate authorities are mounted.
const AUTHORITIES: &str = "/var/run/runbook/authorities";
/// Where it may write: a folder of its own, as the root of the file system is read-only.
const WORK: &str = "/var/run/runbook/work";
/// Where it says what came of it.
const TERMINATION_LOG: &str = "/dev/termination-log";
/// Exit code of `runbook-export` for what does not pass by itself.
const FINAL: i32 = 2;
/// How often a pod is tried anew. The deadline is for all of them together.
const RETRIES: i32 = 3;
/// Whom the container runs as where its image says nothing: nobody.
const NOBODY: i64 = 65534;
/// How long a Job stays to be looked at, in seconds.
const KEPT: i32 = 7 * 24 * 3600;

/// What Jobs of exports run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The image, with `runbook-export` as its entrypoint and a pg_dump.
    pub image: String,
    /// Its memory: two parts of an upload, and what pg_dump needs.
    pub memory: String,
    /// Where AWS is, where that is not AWS (`spec.endpointUrl` of the AwsAccount).
    pub endpoint_url: Option<String>,
}

/// What is seen of a Job and its pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JobState {
    /// uid of the DatabaseBackup that it is of; none for somebody else's.
    pub owner_uid: Option<String>,
    /// Whether it has ended, and whether well.
    pub ended: Option<bool>,
    /// Why it has failed, as the Job says: `DeadlineExceeded`, `PodFailurePolicy`, `BackoffLimitExceeded`.
    pub reason: Option<String>,
    /// Termination message of the pod that ended last.
    pub message: Option<String>,
    /// Why that container ended: `OOMKilled`, `Error`.
    pub terminated: Option<String>,
    /// What a pod waits for: `ImagePullBackOff: …`, `Unschedulable: …`.
    pub waiting: Option<String>,
}

impl JobState {
    /// What the program has said came of it.
    pub fn outcome(&self) -> Option<Outcome> {
        Outcome::read(self.message.as_deref()?)
    }
}

impl Wanted {
    /// The Job that carries an order out.
    pub fn job(&self, order: &Order, program: &Program) -> Job {
        let labels = BTreeMap::from([
            ("app.kubernetes.io/name".to_owned(), "runbook-export".to_owned()),
            ("app.kubernetes.io/managed-by".to_owned(), "runbook-operator".to_owned()),
        ]);
        let owner = OwnerReference {
            api_version: "ops.clocked.app/v1alpha1".into(),
            kind: "DatabaseBackup".into(),
            name: self.object.name.clone(),
            uid: self.uid.clone(),
            controller: Some(true),
            block_owner_deletion: None,
        };
        Job {
            metadata: ObjectMeta {
                name: Some(self.job.id.name.clone()),
                namespace: Some(self.job.id.namespace.clone()),
                labels: Some(labels.clone()),
                annotations: Some(BTreeMap::from([(RUN_TAG.to_owned(), self.uid.clone())])),
                owner_references: Some(vec![owner]),
                ..ObjectMeta::default()
            },
            spec: Some(JobSpec {
                active_deadline_seconds: Some(self.timeout.into()),
                backoff_limit: Some(RETRIES),
                // What does not pass by itself is not tried again.
                pod_failure_policy: Some(PodFailurePolicy { rules: vec![is_final()] }),
                ttl_seconds_after_finished: Some(KEPT),
                template: PodTemplateSpec {
                    metadata: Some(ObjectMeta { labels: Some(labels), ..ObjectMeta::default() }),
                    spec: Some(self.pod(order, program)),
                },
                ..JobSpec::default()
            }),
            status: None,
        }
    }

    fn pod(&self, order: &Order, program: &Program) -> PodSpec {
        let volume = |name: &str| Volume { name: name.into(), ..Volume::default() };
        let secret = SecretVolumeSource {
            secret_name: Some(self.secret.id.name.clone()),
            default_mode: Some(0o440),
            ..SecretVolumeSource::default()
        };
        let mut volumes = vec![
            Volume { secret: Some(secret), ..volume("connection") },
            Volume { empty_dir: Some(EmptyDirVolumeSource::default()), ..volume("work") },
        ];
        if let Some(name) = &self.authorities {
            let source = ConfigMapVolumeSource { name: name.clone(), ..ConfigMapVolumeSource::default() };
            volumes.push(Volume { config_map: Some(source), ..volume("authorities") });
        }
        PodSpec {
            restart_policy: Some("Never".into()),
            service_account_name: Some(self.service_account.clone()),
            // Credentials of AWS come by a token of their own; the API server is not asked.
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(NOBODY),
                run_as_group: Some(NOBODY),
                fs_group: Some(NOBODY),
                seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), localhost_profile: None }),
                ..PodSecurityContext::default()
            }),
            containers: vec![self.container(order, program)],
            volumes: Some(volumes),
            ..PodSpec::default()
        }
    }

    fn container(&self, order: &Order, program: &Program) -> Container {
        let env = |name: &str, value: String| EnvVar { name: name.into(), value: Some(value), value_from: None };
        let mount = |name: &str, path: &str, read_only: bool| VolumeMount {
            name: name.into(),
            mount_path: path.into(),
            read_only: Some(read_only),
            ..VolumeMount::default()
        };
        // A struct of plain values is always JSON.
        let mut environment = vec![env("RUNBOOK_ORDER", serde_json::to_string(order).unwrap_or_default())];
        environment.push(env("RUNBOOK_CONNECTION", CONNECTION.into()));
        environment.push(env("RUNBOOK_WORK", WORK.into()));
        environment.push(env("RUNBOOK_TERMINATION_LOG", TERMINATION_LOG.into()));
        environment.push(env("AWS_REGION", order.s3.region.clone()));
        let mut mounts = vec![mount("connection", CONNECTION, true), mount("work", WORK, false)];
        if self.authorities.is_some() {
            environment.push(env("RUNBOOK_CA", AUTHORITIES.into()));
            mounts.push(mount("authorities", AUTHORITIES, true));
        }
        if let Some(endpoint) = &program.endpoint_url {
            environment.push(env("AWS_ENDPOINT_URL", endpoint.clone()));
        }
        let memory = || BTreeMap::from([("memory".to_owned(), Quantity(program.memory.clone()))]);
        let mut requests = memory();
        requests.insert("cpu".into(), Quantity("100m".into()));
        Container {
            name: CONTAINER.into(),
            image: Some(program.image.clone()),
            termination_message_path: Some(TERMINATION_LOG.into()),
            env: Some(environment),
            volume_mounts: Some(mounts),
            resources: Some(ResourceRequirements { limits: Some(memory()), requests: Some(requests), claims: None }),
            security_context: Some(SecurityContext {
                allow_privilege_escalation: Some(false),
                read_only_root_filesystem: Some(true),
                capabilities: Some(Capabilities { add: None, drop: Some(vec!["ALL".into()]) }),
                ..SecurityContext::default()
            }),
            ..Container::default()
        }
    }
}

fn is_final() -> PodFailurePolicyRule {
    PodFailurePolicyRule {
        action: "FailJob".into(),
        on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
            container_name: Some(CONTAINER.into()),
            operator: "In".into(),
            values: vec![FINAL],
        }),
        on_pod_conditions: None,
    }
}
