//! What AWS tells by itself: events that EventBridge puts into a queue of the account, and what of our knowledge each outdates.
//!
//! An event is a hint, never a fact: it says what to read again, and nothing is decided on what it tells. So one that is forged, late,
//! doubled or lost costs at most a read, and the resync finds what no event has told.

mod call;
mod database;
mod envelope;
pub mod queue;
pub mod recent;
mod resource;

use jiff::Timestamp;

use self::envelope::Envelope;
use crate::ids::Scope;
use crate::query::Query;

pub use queue::{Queue, QueueError};
pub use recent::Recent;

/// Longest event that is read, in bytes: what EventBridge delivers of AWS's own (EventBridge User Guide, "Amazon EventBridge quotas").
pub const LONGEST: usize = 256 * 1024;

/// A message of the queue, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What kind of event it is.
    pub kind: Kind,
    /// EventBridge's id of the event; the same in every copy of it.
    pub id: Option<String>,
    /// When it happened, by AWS's clock, in whole seconds.
    pub time: Option<Timestamp>,
    /// What follows from it.
    pub verdict: Verdict,
}

/// The kinds of events that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `ECS Service Action`: a service became steady, could not place tasks, and the like.
    ServiceAction,
    /// `ECS Deployment State Change`: a deployment began, ended or failed.
    DeploymentStateChange,
    /// `AWS API Call via CloudTrail`: somebody called an API. The only one that tells of a changed desiredCount.
    ApiCall,
    /// `RDS DB Instance Event`, `RDS DB Cluster Event`: something has happened to a database.
    DatabaseEvent,
    /// Any other event, and what is none.
    Other,
}

/// What follows from an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What was read of these before is no longer to be relied on.
    Outdated(Vec<Query>),
    /// Nothing.
    Ignored(Ignored),
}

/// Why nothing follows from an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It cannot be read; what is wrong with it.
    Malformed(String),
    /// It is longer than any event: so many bytes.
    Oversized(usize),
    /// It is about this other account.
    OtherAccount(String),
    /// It is about this other region.
    OtherRegion(String),
    /// It tells of a write that this process made, and reads again anyway.
    OwnWrite,
    /// AWS refused the call it tells of: nothing changed.
    Refused,
    /// It is about nothing that policies depend on.
    Irrelevant,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::ServiceAction, Self::DeploymentStateChange, Self::ApiCall, Self::DatabaseEvent, Self::Other];

    /// As a label of a metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceAction => "ServiceAction",
            Self::DeploymentStateChange => "DeploymentStateChange",
            Self::ApiCall => "ApiCall",
            Self::DatabaseEvent => "DatabaseEvent",
            Self::Other => "Other",
        }
    }
}

impl Ignored {
    /// As a label of a metric.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "Malformed",
            Self::Oversized(_) => "Oversized",
            Self::OtherAccount(_) => "OtherAccount",
            Self::OtherRegion(_) => "OtherRegion",
            Self::OwnWrite => "OwnWrite",
            Self::Refused => "Refused",
            Self::Irrelevant => "Irrelevant",
        }
    }

    /// Whether no rule that is written as it should be sends such a message: a person may want to know.
    pub fn is_poison(&self) -> bool {
        matches!(self, Self::Malformed(_) | Self::Oversized(_))
    }
}

/// What a message from a queue in `scope` means. `own` tells whether a request id of AWS is that of a write of this process.
///
/// Own writes are known by their request id and by nothing else. A role or its session says too little: people use the operator's role
/// in an emergency, and other clusters share it, and theirs are the changes that must not be missed. A write whose answer was lost, or
/// that another replica made, is taken for somebody else's, which costs one read.
pub fn decode(body: &[u8], scope: &Scope, own: impl Fn(&str) -> bool) -> Event {
    let nothing = |why| Event { kind: Kind::Other, id: None, time: None, verdict: Verdict::Ignored(why) };
    if body.len() > LONGEST {
        return nothing(Ignored::Oversized(body.len()));
    }
    let envelope = match Envelope::read(body) {
        Ok(envelope) => envelope,
        Err(why) => return nothing(Ignored::Malformed(why)),
    };
    let kind = envelope.kind();
    let verdict = match verdict(kind, &envelope, scope, own) {
        Ok(queries) if queries.is_empty() => Verdict::Ignored(Ignored::Irrelevant),
        Ok(queries) => Verdict::Outdated(queries),
        Err(why) => Verdict::Ignored(why),
    };
    Event { kind, id: envelope.id, time: envelope.time.and_then(|time| time.parse().ok()), verdict }
}

fn verdict(kind: Kind, envelope: &Envelope, scope: &Scope, own: impl Fn(&str) -> bool) -> Result<Vec<Query>, Ignored> {
    if envelope.account != scope.account_id {
        return Err(Ignored::OtherAccount(envelope.account.clone()));
    }
    if envelope.region != scope.region {
        return Err(Ignored::OtherRegion(envelope.region.clone()));
    }
    match kind {
        Kind::ServiceAction | Kind::DeploymentStateChange => {
            let arn = envelope.resources.first().map(String::as_str).unwrap_or_default();
            let cluster = envelope.text("clusterArn");
            Ok(vec![Query::EcsService(resource::service(scope, cluster, arn)?)])
        }
        Kind::ApiCall => call::outdated(envelope, scope, own),
        Kind::DatabaseEvent => database::told(envelope, scope, envelope.database_kind()),
        Kind::Other => Err(Ignored::Irrelevant),
    }
}
