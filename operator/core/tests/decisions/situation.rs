//! A situation as a golden file writes it: what is declared and what AWS shows, without what goes without saying.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runbook_api::aws_account::Grant;
use runbook_api::common::Mode;
use runbook_api::{ScalingPolicySpec, ScalingPolicyStatus};
use runbook_core::account::{Access, Brakes};
use runbook_core::facts::Answer;
use runbook_core::ids::ObjectId;
use runbook_core::observed::{
    AppliedPolicy, AppliedPolicyKind, Capacity, DbCluster, EcsService, MetricDataQuery, ScalableTarget,
    ScheduledAction, ServiceLookup, StepScaling, Suspended, TargetTrackingConfiguration, TrackedMetric,
};
use runbook_core::ownership::OWNER_TAG;
use runbook_core::scaling::Input;
use runbook_core::scaling::input::Deletion;
use runbook_core::scaling::overrides::{Override, intent::Memory};
use runbook_core::{CloudError, ErrorClass, Facts, TargetId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::world;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Situation {
    /// The spec; `target` goes without saying.
    spec: Value,
    #[serde(default)]
    pub aws: Aws,
    /// `spec.mode` of the account.
    #[serde(default)]
    pub account_mode: Mode,
    /// What else the account says: `freeze`, `safety`.
    #[serde(default)]
    account: serde_json::Map<String, Value>,
    /// The time, unless it does not matter.
    pub now: Option<Timestamp>,
    /// Everything, unless said otherwise.
    grants: Option<Vec<Grant>>,
    /// ScalingOverrides of the policy: `{name, age: 5m, ends: 1h}` and what a spec says. `ends: -1h` has ended.
    #[serde(default)]
    overrides: Vec<Value>,
    /// The status of the policy, as far as it is remembered.
    #[serde(default)]
    status: Value,
    /// Whether the policy is being deleted.
    #[serde(default)]
    deleted: bool,
    /// The older policy that names the service, too: `namespace/name`.
    held_by: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Aws {
    /// The account that the credentials belong to.
    caller: Option<String>,
    #[serde(default)]
    service: Service,
    #[serde(default)]
    cluster: Cluster,
    /// `Service` or `Cluster`, where that does not exist.
    missing: Option<String>,
    target: Option<Target>,
    #[serde(default)]
    policies: Vec<Policy>,
    #[serde(default)]
    actions: Vec<ScheduledAction>,
    /// Questions that AWS answers with an error.
    #[serde(default)]
    errors: BTreeMap<String, String>,
    /// Questions that nobody has asked yet.
    #[serde(default)]
    unasked: Vec<String>,
}

/// Three tasks, all running, no deployment, unless said otherwise.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Service {
    desired: i32,
    running: Option<i32>,
    status: String,
    controller: String,
    scheduling: String,
    managed_by: Option<String>,
    /// `rolling` (two deployments), `task-sets` (two, of no rolloutState), `starting` (one, in progress) or `failed`.
    deployment: Option<String>,
    tags: BTreeMap<String, String>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            desired: 3,
            running: None,
            status: "ACTIVE".into(),
            controller: "ECS".into(),
            scheduling: "REPLICA".into(),
            managed_by: None,
            deployment: None,
            tags: BTreeMap::new(),
        }
    }
}

/// Two readers of Application Auto Scaling, unless said otherwise.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Cluster {
    readers: i32,
    /// Readers that somebody else has made.
    others: i32,
    status: String,
    engine: String,
    /// It has no instance at all.
    empty: bool,
    tags: BTreeMap<String, String>,
}

impl Default for Cluster {
    fn default() -> Self {
        let (status, engine) = ("available".into(), "aurora-postgresql".into());
        Self { readers: 2, others: 0, status, engine, empty: false, tags: BTreeMap::new() }
    }
}

impl Cluster {
    fn observed(&self) -> DbCluster {
        let whole = world::cluster(self.readers, self.others);
        DbCluster {
            status: self.status.clone(),
            engine: self.engine.clone(),
            members: if self.empty { Vec::new() } else { whole.members },
            tags: self.tags.clone(),
            ..whole
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    min: i32,
    max: i32,
    /// `in`, `out`, `scheduled`.
    #[serde(default)]
    suspended: Vec<String>,
    /// When it was registered.
    since: Option<Timestamp>,
    /// Value of its owner tag.
    owner: Option<String>,
    /// It is older than ARNs of scalable targets.
    #[serde(default)]
    nameless: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Policy {
    name: String,
    /// A predefined metric, or else…
    follows: Option<String>,
    /// …a metric of CloudWatch, or else…
    metric: Option<String>,
    /// …metric math, or else…
    math: Option<Vec<MetricDataQuery>>,
    /// …a step scaling policy, or else…
    steps: Option<StepScaling>,
    /// …a policy of another type.
    r#type: Option<String>,
    #[serde(default)]
    value: f64,
    cooldown: Option<i32>,
}

impl Situation {
    pub fn now(&self) -> Timestamp {
        self.now.unwrap_or_else(world::now)
    }

    /// What the policy is about.
    pub fn target(&self) -> TargetId {
        if self.spec["target"]["auroraReplicas"].is_null() {
            world::service_id().into()
        } else {
            world::cluster_id().into()
        }
    }

    pub fn spec(&self) -> ScalingPolicySpec {
        let mut spec = self.spec.clone();
        if spec["target"].is_null() {
            let id = world::service_id();
            spec["target"] = json!({"ecsService": {"cluster": id.cluster, "service": id.service}});
        }
        serde_json::from_value(spec).unwrap()
    }

    /// The input beside what else Kubernetes knows.
    pub fn beside(&self, input: Input) -> Input {
        let status = if self.status.is_null() { json!({}) } else { self.status.clone() };
        let status: ScalingPolicyStatus = serde_json::from_value(status).unwrap();
        let memory = Memory::of(&status, status.observed_generation);
        let held_by = self.held_by.as_deref().and_then(|id| id.split_once('/'));
        let held_by = held_by.map(|(namespace, name)| ObjectId { namespace: namespace.into(), name: name.into() });
        let deletion = self.deleted.then_some(Deletion { held_by });
        let overrides = self.overrides.iter().map(|written| over(written, self.now())).collect();
        Input { deletion, ..input.beside(overrides, memory) }
    }

    pub fn access(&self) -> Access {
        let grants = self.grants.clone().unwrap_or_else(world::everything_granted);
        let mut account = json!({"accountId": world::ACCOUNT, "regions": ["eu-central-1"], "mode": "Enforce"});
        account.as_object_mut().unwrap().extend(self.account.clone());
        let brakes = Brakes::of("default", &serde_json::from_value(account).unwrap()).unwrap();
        Access { brakes, ..world::access(&grants, self.account_mode) }
    }

    pub fn facts(&self) -> Facts {
        let aws = &self.aws;
        let mut facts = Facts::default();
        let target = self.target();
        for (name, query) in world::queries_of(&target) {
            if aws.unasked.iter().any(|unasked| unasked == name) {
                continue;
            }
            let answer = match (aws.errors.get(name), name) {
                (Some(class), _) => Err(error(class, name)),
                (None, "CallerIdentity") => Ok(world::identity(aws.caller.as_deref().unwrap_or(world::ACCOUNT))),
                (None, "EcsService") => Ok(Answer::EcsService(aws.lookup())),
                (None, "DbCluster") => Ok(Answer::DbCluster(aws.missing.is_none().then(|| aws.cluster.observed()))),
                (None, "ScalableTarget") => Ok(Answer::ScalableTarget(aws.target.as_ref().map(Target::observed))),
                (None, "ScheduledActions") => Ok(Answer::ScheduledActions(aws.actions.clone())),
                _ => Ok(Answer::ScalingPolicies(aws.policies.iter().map(Policy::observed).collect())),
            };
            facts.insert(query, answer);
        }
        if !aws.unasked.iter().any(|unasked| unasked == "ScalableTargetTags") {
            let owner = aws.target.as_ref().and_then(|target| target.owner.clone());
            let tags = owner.map(|owner| (OWNER_TAG.to_owned(), owner)).into_iter().collect();
            let answer = match aws.errors.get("ScalableTargetTags") {
                Some(class) => Err(error(class, "ScalableTargetTags")),
                None => Ok(Answer::ScalableTargetTags(tags)),
            };
            facts.insert(world::tags_query(&target), answer);
        }
        facts
    }
}

fn over(written: &Value, now: Timestamp) -> Override {
    let span = |field: &str| -> jiff::SignedDuration { written[field].as_str().unwrap_or("0s").parse().unwrap() };
    let mut object = written.clone();
    let fields = object.as_object_mut().unwrap();
    for field in ["name", "age", "ends"] {
        fields.remove(field);
    }
    fields.insert("policyRef".into(), json!({"name": "clocked-app"}));
    fields.insert("reason".into(), json!("because"));
    fields.insert("expiresAt".into(), json!((now + span("ends")).to_string()));
    let created = (now - span("age")).to_string();
    let metadata = json!({"name": written["name"], "namespace": world::NAMESPACE, "creationTimestamp": created});
    let object = json!({
        "apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingOverride", "metadata": metadata, "spec": object,
    });
    Override::read(&serde_json::from_value(object).unwrap()).unwrap()
}

impl Aws {
    fn lookup(&self) -> ServiceLookup {
        match self.missing.as_deref() {
            Some("Service") => ServiceLookup::ServiceMissing,
            Some("Cluster") => ServiceLookup::ClusterMissing,
            Some(other) => panic!("missing: {other} is neither Service nor Cluster"),
            None => ServiceLookup::Found(Box::new(self.service.observed())),
        }
    }
}

impl Service {
    fn observed(&self) -> EcsService {
        let deployments = match self.deployment.as_deref() {
            None => vec![world::deployment("PRIMARY", Some("COMPLETED"))],
            Some("starting") => vec![world::deployment("PRIMARY", Some("IN_PROGRESS"))],
            Some("failed") => vec![world::deployment("PRIMARY", Some("FAILED"))],
            Some("rolling") => {
                vec![world::deployment("PRIMARY", Some("IN_PROGRESS")), world::deployment("ACTIVE", Some("COMPLETED"))]
            }
            Some("task-sets") => vec![world::deployment("PRIMARY", None), world::deployment("ACTIVE", None)],
            Some(other) => panic!("deployment: {other} is not known"),
        };
        EcsService {
            status: self.status.clone(),
            deployment_controller: self.controller.clone(),
            scheduling_strategy: self.scheduling.clone(),
            resource_management_type: self.managed_by.clone(),
            deployments,
            tags: self.tags.clone(),
            ..world::service(self.desired, self.running.unwrap_or(self.desired))
        }
    }
}

impl Target {
    fn observed(&self) -> ScalableTarget {
        let has = |name: &str| self.suspended.iter().any(|suspended| suspended == name);
        let suspended = Suspended {
            dynamic_scaling_in: has("in"),
            dynamic_scaling_out: has("out"),
            scheduled_scaling: has("scheduled"),
        };
        ScalableTarget {
            arn: (!self.nameless).then(|| world::TARGET_ARN.into()),
            capacity: Capacity { min: self.min, max: self.max, suspended },
            created_at: self.since,
        }
    }
}

impl Policy {
    fn observed(&self) -> AppliedPolicy {
        let tracking = |metric| {
            AppliedPolicyKind::TargetTracking(TargetTrackingConfiguration {
                metric,
                target_value: self.value,
                scale_out_cooldown: self.cooldown,
                scale_in_cooldown: self.cooldown,
                disable_scale_in: false,
            })
        };
        if let Some(steps) = &self.steps {
            return AppliedPolicy { name: self.name.clone(), kind: AppliedPolicyKind::StepScaling(steps.clone()) };
        }
        if let Some(math) = &self.math {
            return AppliedPolicy { name: self.name.clone(), kind: tracking(TrackedMetric::MetricMath(math.clone())) };
        }
        let kind = match (&self.follows, &self.metric, &self.r#type) {
            (Some(metric_type), None, None) => {
                tracking(TrackedMetric::Predefined { metric_type: metric_type.clone(), resource_label: None })
            }
            (None, Some(metric_name), None) => tracking(TrackedMetric::Customized {
                namespace: "Clocked".into(),
                metric_name: metric_name.clone(),
                dimensions: BTreeMap::new(),
                statistic: "Average".into(),
                unit: None,
            }),
            (None, None, Some(kind)) => AppliedPolicyKind::Other(kind.clone()),
            _ => panic!("policy {}: say one of follows, metric and type", self.name),
        };
        AppliedPolicy { name: self.name.clone(), kind }
    }
}

fn error(class: &str, query: &str) -> CloudError {
    let (class, code) = match class {
        "Transient" => (ErrorClass::Transient, "Timeout"),
        "Throttled" => (ErrorClass::Throttled, "ThrottlingException"),
        "Denied" => (ErrorClass::Denied, "AccessDeniedException"),
        "NotFound" => (ErrorClass::NotFound, "ResourceNotFoundException"),
        "Conflict" => (ErrorClass::Conflict, "ConcurrentUpdateException"),
        "Invalid" => (ErrorClass::Invalid, "InvalidParameterException"),
        other => panic!("{other} is no class of errors"),
    };
    let operation = match query {
        "CallerIdentity" => "GetCallerIdentity",
        "EcsService" => "DescribeServices",
        "DbCluster" => "DescribeDBClusters",
        "ScalableTarget" => "DescribeScalableTargets",
        "ScheduledActions" => "DescribeScheduledActions",
        _ => "DescribeScalingPolicies",
    };
    CloudError {
        class,
        operation,
        resource: world::service_id().to_string(),
        code: code.into(),
        message: "what AWS says".into(),
        request_id: None,
    }
}
