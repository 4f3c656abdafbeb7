//! `AwsAccount`: the account, its regions, the way in, and who may do what there.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::Mode;
use crate::number::Number;
use crate::safety::{Freeze, Safety};

/// An AWS account that policies may work in: which account and regions, by which role, and what each namespace may do there.
/// Without a grant nobody may do anything.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "ops.clocked.app",
    version = "v1alpha1",
    kind = "AwsAccount",
    shortname = "awsaccount",
    category = "runbook",
    status = "AwsAccountStatus",
    derive = "PartialEq",
    validation = Rule::new("self.metadata.name.size() <= 63").message("metadata.name must have at most 63 characters, so that accountRef can name it"),
    validation = Rule::new("!has(self.spec.events) || self.spec.events.all(e, e.region in self.spec.regions)")
        .message("spec.events may name only regions that spec.regions lists: add the region there, or remove its queue"),
    validation = Rule::new(OWN_QUEUE)
        .message("a queueUrl must be of this account and of its region: https://sqs.REGION.amazonaws.com/ACCOUNT/NAME (a rule sends the events of a region to a queue there)"),
    doc = "An AWS account that policies may work in: which account and regions, by which role, and what each namespace may do there. Without a grant nobody may do anything.",
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.accountId"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct AwsAccountSpec {
    /// The twelve digits of the account, quoted. Checked against STS before anything is written; immutable.
    #[x_kube(validation = Rule::new("self.matches('^[0-9]{12}$')")
        .message("accountId must be the account's twelve digits, quoted: accountId: \"123456789012\""))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("accountId cannot be changed: create a second AwsAccount for the other account and point the policies at it"))]
    #[schemars(length(max = 32))]
    pub account_id: String,

    /// Regions that policies may name. The first is the default, and cannot be changed.
    #[schemars(schema_with = "crate::schema::regions")]
    pub regions: Vec<String>,

    /// Enforce, or Observe: the stop button. Observe stops every write of this account, at once, whatever the policies say.
    pub mode: Mode,

    /// The role to assume. Without it the operator's own credentials are used (IRSA, Pod Identity, environment).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assume_role: Option<AssumeRole>,

    /// Use FIPS endpoints.
    #[serde(default)]
    pub use_fips: bool,

    /// Use dual-stack (IPv6) endpoints.
    #[serde(default)]
    pub use_dual_stack: bool,

    /// Who may do what: a policy may only read and write what a grant to its namespace covers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub grants: Vec<Grant>,

    /// Times in which nothing is written but what a ScalingOverride asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub freeze: Vec<Freeze>,

    /// How much may change how fast. Default: no limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety: Option<Safety>,

    /// Calls a second that the operator may make, for each API. The default is a quarter of what AWS sustains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_budget: Option<RequestBudget>,

    /// Queues in which EventBridge puts what changes, at most one for each region: drift is then corrected within seconds rather than
    /// at the next resync. Nobody else may receive from them: a message goes to one receiver only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 40))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = Rule::new("self.all(a, self.exists_one(b, a.region == b.region))")
        .message("name one queue for each region"))]
    pub events: Vec<EventQueue>,

    /// Another endpoint for every API of this account. Honoured only by an operator that was started with --allow-custom-endpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[A-Za-z0-9._:\\\\[\\\\]-]+/?$')")
        .message("endpointUrl must be a scheme, a host and a port only, for example http://127.0.0.1:4566"))]
    pub endpoint_url: Option<String>,
}

/// A queue's URL says whose it is and where. With another endpoint it has the form that the sandbox there gives it.
const OWN_QUEUE: &str = r"!has(self.spec.events) || has(self.spec.endpointUrl) || self.spec.events.all(e, e.queueUrl.matches('^https://sqs(-fips)?[.]' + e.region + '[.][a-z0-9.-]+/' + self.spec.accountId + '/'))";

/// A queue of SQS that EventBridge's rules for one region put events into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventQueue {
    /// The region whose events it gets, and in which it is.
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(crate::schema::REGION_RULE).message("a region must be an AWS region code such as eu-central-1"))]
    pub region: String,
    /// Its URL, as SQS gives it. A standard queue, not a FIFO one.
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[^/]+/[0-9]{12}/[A-Za-z0-9_-]{1,80}$')")
        .message("queueUrl must be the URL of a standard queue, as SQS gives it: https://sqs.eu-central-1.amazonaws.com/123456789012/runbook-events"))]
    pub queue_url: String,
}

/// The role that the operator assumes to work in the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssumeRole {
    /// ARN of the role.
    #[schemars(length(max = 2048))]
    #[x_kube(validation = Rule::new("self.matches('^arn:[a-z-]+:iam::[0-9]{12}:role/.+$')")
        .message("roleArn must be the ARN of a role: arn:aws:iam::123456789012:role/runbook-operator"))]
    pub role_arn: String,
    /// The external id that the role's trust policy asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1224))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_+=,.@:/-]{2,}$')")
        .message("externalId must have at least 2 characters, of letters, digits and +=,.@:/-_"))]
    pub external_id: Option<String>,
}

/// What a grant allows to be done. Every verb includes `observe` on the same resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// Read the resource.
    Observe,
    /// Change how many of it run, and its scaling policies.
    Scale,
    /// Start a new deployment of the same version.
    Restart,
    /// Run a one-off task.
    RunTask,
    /// Take a snapshot, and keep the backup settings of the database as declared.
    Snapshot,
    /// Delete a snapshot that the operator took.
    DeleteSnapshot,
    /// Restore into a new database.
    Restore,
    /// Export data to a bucket.
    Export,
    /// Run SQL.
    Sql,
    /// Publish messages.
    Notify,
}

impl Verb {
    /// The verb as it is written in a grant.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Scale => "scale",
            Self::Restart => "restart",
            Self::RunTask => "runTask",
            Self::Snapshot => "snapshot",
            Self::DeleteSnapshot => "deleteSnapshot",
            Self::Restore => "restore",
            Self::Export => "export",
            Self::Sql => "sql",
            Self::Notify => "notify",
        }
    }
}

/// Lets the policies of some namespaces do some things to some resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// Namespaces, by name. No wildcards.
    #[schemars(schema_with = "crate::schema::namespaces")]
    pub namespaces: Vec<String>,
    /// What may be done. Every verb includes `observe`, which is also the default.
    #[serde(default = "observe_only")]
    #[schemars(length(min = 1, max = 10))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub verbs: Vec<Verb>,
    /// ARNs with IAM's wildcards: `*` for any characters, `?` for one, within each of the ARN's six parts.
    #[schemars(schema_with = "crate::schema::arn_patterns")]
    pub resources: Vec<String>,
}

fn observe_only() -> Vec<Verb> {
    vec![Verb::Observe]
}

/// Calls a second, by API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestBudget {
    /// Elastic Container Service. Default: read 5, modify 1.25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecs: Option<ApiBudget>,
    /// Application Auto Scaling. Default: read 5, modify 1.25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_auto_scaling: Option<ApiBudget>,
    /// Relational Database Service. Default: read 5, modify 1.25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rds: Option<ApiBudget>,
}

/// Calls a second of one API in one region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiBudget {
    /// Reads a second. More than zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new(Number::POSITIVE).message("read must be more than 0: with no calls at all nothing would ever be seen; to stop writes set mode: Observe"))]
    pub read: Option<Number>,
    /// Writes a second. More than zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new(Number::POSITIVE).message("modify must be more than 0: with no calls at all nothing would ever be done; to stop writes set mode: Observe"))]
    pub modify: Option<Number>,
}

/// What the operator found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsAccountStatus {
    /// The generation of the spec that this status speaks of; -1 before the operator has looked at the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1))]
    pub observed_generation: Option<i64>,
    /// Ready, Synced, Stalled and Reconciling.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Value of the annotation `ops.clocked.app/reconcile-requested-at` that was last handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub last_handled_reconcile_at: Option<String>,
    /// The account that STS says the credentials belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub account_id: Option<String>,
    /// Who the operator is in that account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub caller_arn: Option<String>,
    /// How the queues of `spec.events` do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 40))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub events: Vec<EventQueueStatus>,
}

/// How one queue does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventQueueStatus {
    /// The region whose events it gets.
    #[schemars(length(max = 32))]
    pub region: String,
    /// Its URL.
    #[schemars(length(max = 256))]
    pub queue_url: String,
    /// `Receiving` while SQS answers; `Starting` until it has; else why it does not, as in `AwsAccessDenied` and `QueueNotFound`.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// What is wrong and what to do, where something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// When a message last came, to the hour: it is written again only when an hour has passed. The metrics have it to the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_received_at: Option<Time>,
}
