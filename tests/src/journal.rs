//! Everything that happened in a run, for the invariants to judge and for a person to read.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use runbook_aws::call::{Call, Reply};
use runbook_core::checks::FailureClass;
use runbook_core::observed::{AppliedPolicy, Capacity, ScheduledAction};
use runbook_core::{CloudError, Scope};
use serde_json::Value;

use crate::cloud::rds::{self, colleagues, restores};
use crate::fault::Fault;
use crate::stage::lock;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// The operator called AWS.
    Aws(Box<AwsCall>),
    /// Somebody else changed AWS.
    Outside {
        /// Who and how, for a person.
        act: String,
        /// What scales, by its ResourceId.
        resource: String,
        /// Before.
        before: Option<Held>,
        /// After.
        after: Option<Held>,
    },
    /// Somebody else changed a database, its snapshots or their quota.
    OutsideRds(Box<OutsideRds>),
    /// Somebody else did something about instances that were restored.
    OutsideRestored(colleagues::Act),
    /// The operator asked a database.
    Asked(Box<Asked>),
    /// The operator made a request to Kubernetes.
    Kubernetes(Box<KubernetesCall>),
    /// The operator learned of an object by a watch, a list or an answer.
    Learned {
        /// Which life of the operator.
        process: u32,
        /// Which object.
        object: ObjectKey,
        /// The object, or that it is gone.
        state: Option<Arc<Value>>,
    },
    /// The operator read all objects of a kind: of those that are not there it has learned that they are gone, and no watch tells it.
    Listed {
        /// Which life of the operator.
        process: u32,
        /// `scalingpolicies`.
        resource: String,
        /// The state that was read: what is newer may be missing.
        revision: u64,
        /// The objects that there are.
        there: Vec<ObjectKey>,
    },
    /// A person or a pipeline changed an object.
    Edited {
        /// What was done, for a person.
        act: String,
        /// Which object.
        object: ObjectKey,
        /// The object after it, or that it is gone.
        state: Option<Arc<Value>>,
    },
    /// A life of the operator began.
    Started {
        /// Which.
        process: u32,
    },
    /// A life of the operator ended.
    Crashed {
        /// Which.
        process: u32,
        /// Where and how.
        why: String,
    },
    /// A life of the operator was asked to end by itself.
    AskedToEnd {
        /// Which.
        process: u32,
    },
    /// The API server answers nobody.
    Away {
        /// How long.
        length: Duration,
    },
    /// Something else worth reading.
    Note(String),
}

/// Which object of which kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// `scalingpolicies`.
    pub resource: String,
    /// Empty for a cluster-scoped object.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// What AWS holds about something that scales.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Held {
    /// DesiredCount of a service; how many Aurora Replicas a cluster has.
    pub desired: i32,
    /// How many of them Application Auto Scaling never takes away.
    pub permanent: i32,
    /// Aurora Replicas come or go: nothing else is done about them before that has ended.
    pub settling: bool,
    /// The scalable target's limits.
    pub capacity: Option<Capacity>,
    /// Whose the scalable target is, by its tag.
    pub owner: Option<String>,
    /// The scaling policies, by name.
    pub policies: Vec<AppliedPolicy>,
    /// The scheduled actions, by name.
    pub actions: Vec<ScheduledAction>,
    /// A deployment is under way.
    pub deploying: bool,
}

/// A database that somebody else changed, or its snapshots or their quota.
#[derive(Clone, Debug)]
pub struct OutsideRds {
    /// Who and how, for a person.
    pub act: String,
    /// Which.
    pub database: rds::Key,
    /// What RDS held about it before.
    pub before: Option<rds::Held>,
    /// And after.
    pub after: Option<rds::Held>,
}

/// What RDS held about a database.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Which.
    pub database: rds::Key,
    /// Before.
    pub before: rds::Held,
    /// After.
    pub after: rds::Held,
}

/// What RDS held about an instance that a restore has made.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// Before.
    pub before: Option<restores::Restored>,
    /// And after.
    pub after: Option<restores::Restored>,
}

/// One question of the operator to a database, as it reached that.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which life of the operator.
    pub process: u32,
    /// The instance.
    pub instance: String,
    /// The snapshot that it was restored from, if it was from one.
    pub snapshot: Option<String>,
    /// Whether the data is as expected; none where the database did not tell.
    pub good: Option<bool>,
    /// Why nothing could be asked, where that is so.
    pub failure: Option<FailureClass>,
}

/// One call of the operator to AWS.
#[derive(Clone, Debug)]
pub struct AwsCall {
    /// Which life of the operator.
    pub process: u32,
    /// How many calls to AWS there were before.
    pub index: u64,
    /// Where.
    pub scope: Scope,
    /// The call.
    pub call: Call,
    /// When it was made. The entry's own time is that of its effect.
    pub began: Timestamp,
    /// What went wrong with it.
    pub fault: Option<Fault>,
    /// What AWS answered, whether or not the answer arrived.
    pub result: Result<Reply, CloudError>,
    /// AWS's id of the request.
    pub request_id: String,
    /// Whether the operator got the answer.
    pub answered: bool,
    /// For a write that AWS accepted: the ResourceId of what scales, before and after.
    pub effect: Option<(String, Held, Held)>,
    /// For a write about a database that AWS accepted.
    pub stored: Option<Box<Stored>>,
    /// For a write about an instance that was restored, or is, that AWS accepted.
    pub scratch: Option<Box<Scratch>>,
    /// For a write: every policy, run and account as it was in Kubernetes at the time of the effect.
    pub intent: Vec<(ObjectKey, Arc<Value>)>,
}

/// One request of the operator to Kubernetes; watches are not recorded, what they bring is.
#[derive(Clone, Debug)]
pub struct KubernetesCall {
    /// Which life of the operator.
    pub process: u32,
    /// How many requests there were before.
    pub index: u64,
    /// `PUT`.
    pub method: String,
    /// Which object; the name is empty for a list or a create.
    pub object: ObjectKey,
    /// `status`, or empty.
    pub subresource: String,
    /// What went wrong with it.
    pub fault: Option<Fault>,
    /// The HTTP status.
    pub code: u16,
    /// Whether it changed anything.
    pub changed: bool,
    /// For a write: the object after it.
    pub state: Option<Arc<Value>>,
}

/// The record of a run.
#[derive(Debug, Default)]
pub struct Journal {
    entries: Mutex<Vec<Entry>>,
}

impl Journal {
    /// Writes down what happened.
    pub fn push(&self, at: Timestamp, what: What) {
        lock(&self.entries).push(Entry { at, what });
    }

    /// Everything so far.
    pub fn entries(&self) -> Vec<Entry> {
        lock(&self.entries).clone()
    }
}

impl AwsCall {
    /// Whether a write changed anything.
    pub fn changed(&self) -> bool {
        self.effect.as_ref().is_some_and(|(_, before, after)| before != after)
            || self.stored.as_ref().is_some_and(|stored| stored.before != stored.after)
            || self.scratch.as_ref().is_some_and(|scratch| scratch.before != scratch.after)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.namespace.as_str(), self.name.as_str()) {
            ("", "") => write!(formatter, "{}", self.resource),
            ("", name) => write!(formatter, "{} {name}", self.resource),
            (namespace, "") => write!(formatter, "{} in {namespace}", self.resource),
            (namespace, name) => write!(formatter, "{} {namespace}/{name}", self.resource),
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "desired {}", self.desired)?;
        if let Some(capacity) = self.capacity {
            write!(formatter, ", band {} to {}", capacity.min, capacity.max)?;
        }
        if !self.policies.is_empty() {
            let names: Vec<&str> = self.policies.iter().map(|policy| policy.name.as_str()).collect();
            write!(formatter, ", policies {}", names.join(" "))?;
        }
        if self.deploying {
            formatter.write_str(", deploying")?;
        }
        Ok(())
    }
}

/// A run as lines of text, oldest first. Reads and lease renewals are left out unless something went wrong with them.
pub fn timeline(entries: &[Entry], epoch: Timestamp) -> String {
    let mut text = String::new();
    for entry in entries {
        if let Some(line) = line(&entry.what) {
            let seconds = entry.at.duration_since(epoch).as_secs_f64();
            text.push_str(&format!("{seconds:10.3}  {line}\n"));
        }
    }
    text
}

fn line(what: &What) -> Option<String> {
    match what {
        What::Aws(call) if call.call.is_write() || call.fault.is_some() || call.result.is_err() => {
            let result = match (&call.result, &call.effect) {
                (Err(error), _) => error.code.clone(),
                (Ok(_), Some((_, before, after))) if before == after => "no change".into(),
                (Ok(_), Some((_, before, after))) => format!("{before} -> {after}"),
                (Ok(_), None) => "ok".into(),
            };
            let lost = if call.answered { "" } else { " (answer lost)" };
            let fault = call.fault.map_or(String::new(), |fault| format!(" [{fault:?}]"));
            let operation = call.call.operation();
            Some(format!(
                "op{} aws#{} {operation} {}: {result}{lost}{fault}",
                call.process,
                call.index,
                call.call.resource()
            ))
        }
        What::Kubernetes(call)
            if call.fault.is_some() || (call.changed && call.object.resource != "leases") || call.code >= 400 =>
        {
            let fault = call.fault.map_or(String::new(), |fault| format!(" [{fault:?}]"));
            let conditions = call.state.as_deref().map_or(String::new(), conditions);
            Some(format!(
                "op{} k8s#{} {} {} {}: {}{conditions}{fault}",
                call.process, call.index, call.method, call.object, call.subresource, call.code
            ))
        }
        What::Aws(_) | What::Kubernetes(_) | What::Learned { .. } | What::Listed { .. } => None,
        What::Outside { act, resource, after, .. } => {
            let after = after.as_ref().map_or("gone".into(), ToString::to_string);
            Some(format!("outside: {act} on {resource}: {after}"))
        }
        What::OutsideRds(outside) => Some(format!("outside: {} of {}", outside.act, outside.database.1)),
        What::OutsideRestored(act) => Some(format!("outside: {act:?}")),
        What::Asked(asked) => {
            let Asked { process, instance, good, failure, .. } = &**asked;
            Some(format!("op{process} asks {instance}: good {good:?}, failure {failure:?}"))
        }
        What::Edited { act, object, .. } => Some(format!("edit: {act}: {object}")),
        What::Started { process } => Some(format!("op{process} starts")),
        What::Crashed { process, why } => Some(format!("op{process} dies: {why}")),
        What::AskedToEnd { process } => Some(format!("op{process} is asked to end")),
        What::Away { length } => Some(format!("the API server is away for {length:?}")),
        What::Note(text) => Some(text.clone()),
    }
}

/// The conditions of an object in a few words.
fn conditions(object: &Value) -> String {
    let Some(conditions) = object.pointer("/status/conditions").and_then(Value::as_array) else { return String::new() };
    let words: Vec<String> = conditions
        .iter()
        .filter_map(|condition| {
            let text = |field: &str| condition.get(field).and_then(Value::as_str);
            Some(format!("{}={}/{}", text("type")?, text("status")?, text("reason")?))
        })
        .collect();
    let plan = object.pointer("/status/plan/steps").and_then(Value::as_array).map_or(0, Vec::len);
    format!(" {} plan={plan}", words.join(" "))
}
