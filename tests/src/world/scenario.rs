//! What a run is made of.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use runbook_core::observed::{BackupSettings, Capacity};
use serde_json::Value;

use super::event::Event;
use crate::cloud::rds::{self, restores::Odds};
use crate::dice::Dice;
use crate::fault::{At, Calm, Fault, FirstWrite, Mixed, Schedule};

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// For messages.
    pub name: String,
    /// Chance: latencies, uids, jitter.
    pub seed: u64,
    /// AwsAccounts, in the order of their creation.
    pub accounts: Vec<Value>,
    /// ScalingPolicies, in the order of their creation, a second apart.
    pub policies: Vec<Value>,
    /// ScalingPolicies that are stored past every check.
    pub raw: Vec<Value>,
    /// Services that exist in AWS.
    pub services: Vec<ServiceSetup>,
    /// Aurora clusters that exist in AWS.
    pub clusters: Vec<ClusterSetup>,
    /// BackupPolicies, in the order of their creation.
    pub backups: Vec<Value>,
    /// Databases that exist in AWS.
    pub databases: Vec<DatabaseSetup>,
    /// How probably the creation of a snapshot fails.
    pub failing_snapshots: f64,
    /// DatabaseRestores that are there from the beginning, in the order of their creation.
    pub restores: Vec<Value>,
    /// What goes wrong with restores.
    pub odds: Odds,
    /// Whom credentials belong to, by AwsAccount, where that is another account than it says.
    pub strangers: BTreeMap<String, String>,
    /// What happens, and how long after the beginning.
    pub script: Vec<(Duration, Event)>,
    /// What goes wrong with calls.
    pub faults: Faults,
    /// How long faults and script go on.
    pub turbulence: Duration,
    /// How long the world is quiet before the operator must have finished.
    pub settle: Duration,
    /// How long it is then watched for writes that it has no reason to make.
    pub steady: Duration,
    /// How many replicas of the operator run.
    pub replicas: u32,
    /// Whether an operator that starts again has the name of the one that died, as a container does in its pod.
    pub same_identity: bool,
    /// Longest time of one way to AWS, in milliseconds.
    pub aws_latency: u64,
    /// Makes the operator misbehave, so that the invariants can be seen to notice.
    pub mutation: Option<Mutation>,
}

/// What goes wrong with calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Faults {
    /// Nothing.
    None,
    /// One call.
    At(At),
    /// The first write to AWS.
    FirstWrite(Fault),
    /// Calls by chance: how many of those to AWS, of those to Kubernetes, and at how many the operator dies.
    Mixed {
        /// To AWS.
        aws: f64,
        /// To Kubernetes.
        kubernetes: f64,
        /// The operator dies.
        crash: f64,
    },
}

/// A service as it is before the operator starts.
#[derive(Clone, Debug)]
pub struct ServiceSetup {
    /// Account.
    pub account: &'static str,
    /// Name.
    pub name: String,
    /// DesiredCount.
    pub desired: i32,
    /// A scalable target, where it has one.
    pub capacity: Option<Capacity>,
}

/// An Aurora cluster as it is before the operator starts.
#[derive(Clone, Debug)]
pub struct ClusterSetup {
    /// Identifier.
    pub name: String,
    /// Aurora Replicas that a person has made.
    pub readers: i32,
    /// A scalable target, where it has one.
    pub capacity: Option<Capacity>,
}

/// A database as it is before the operator starts.
#[derive(Clone, Debug)]
pub struct DatabaseSetup {
    /// What and which.
    pub key: rds::Key,
    /// How it is backed up.
    pub settings: BackupSettings,
    /// Its snapshots.
    pub snapshots: Vec<SnapshotSetup>,
}

/// A snapshot that was taken before the run began.
#[derive(Clone, Debug)]
pub struct SnapshotSetup {
    /// Identifier.
    pub name: String,
    /// How long before.
    pub age: SignedDuration,
    /// `manual` or `automated`.
    pub snapshot_type: &'static str,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A defect that is put between the operator and AWS on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Every write is made twice.
    DoubleWrites,
    /// Inside the band the size is set back to the minimum.
    WriteInBand,
    /// No write is made, and each is said to have been.
    LoseWrites,
    /// A write is made although nothing was read.
    BlindWrite,
    /// A band is registered for a cluster that was seen not to be available.
    BusyCluster,
    /// A snapshot is taken twice, the second time under another name.
    SecondSnapshot,
    /// A snapshot that somebody has taken by hand is deleted.
    DeleteForeign,
    /// Instead of one that is kept no longer the newest snapshot is deleted.
    DeleteNewest,
    /// Snapshots of one slot are never taken, and said to have been.
    SkipSlot,
    /// Snapshots are taken without tags.
    NoTags,
    /// A setting is changed to what it is not declared to be.
    WrongSetting,
    /// A defect about restores.
    Restore(RestoreMutation),
}

/// A defect about restores that is made on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreMutation {
    /// Instances are not deleted, and said to have been.
    LeaveInstance,
    /// The database that a backup is of is deleted.
    DeleteSource,
    /// An instance that somebody has restored by hand is deleted.
    DeleteForeign,
    /// An instance is deleted as soon as it is available, whatever is recorded.
    DeleteEarly,
    /// The password of the database that a backup is of is set.
    SetForeignPassword,
    /// Each restore is made twice, the second time under another name.
    RestoreTwice,
    /// A restore is tried into the database that the backup is of.
    RestoreOver,
    /// Instances are restored without tags.
    NoTags,
    /// Instances are restored into RDS's default security group.
    DefaultGroup,
    /// A snapshot is tagged as verified although its restore has only begun.
    TagEarly,
    /// Whatever a database answers is taken for as expected.
    BelieveAnything,
}

impl Faults {
    /// The schedule of a run that begins at `epoch`.
    pub fn schedule(self, seed: u64, until: Timestamp) -> Box<dyn Schedule> {
        match self {
            Self::None => Box::new(Calm),
            Self::At(at) => Box::new(at),
            Self::FirstWrite(fault) => Box::new(FirstWrite::new(fault)),
            Self::Mixed { aws, kubernetes, crash } => {
                Box::new(Mixed { dice: Dice::new(seed), aws, kubernetes, crash, until })
            }
        }
    }
}

impl Scenario {
    /// A scenario without faults, in which nothing happens.
    pub fn calm(name: &str) -> Self {
        Self {
            name: name.into(),
            seed: 0,
            accounts: Vec::new(),
            policies: Vec::new(),
            raw: Vec::new(),
            services: Vec::new(),
            clusters: Vec::new(),
            backups: Vec::new(),
            databases: Vec::new(),
            failing_snapshots: 0.0,
            restores: Vec::new(),
            odds: Odds::default(),
            strangers: BTreeMap::new(),
            script: Vec::new(),
            faults: Faults::None,
            turbulence: Duration::from_secs(60),
            // Twice the longest wait after a failure, and once the longest between two looks (five minutes and a quarter each).
            settle: Duration::from_secs(900),
            steady: Duration::from_secs(400),
            replicas: 1,
            same_identity: false,
            aws_latency: 80,
            mutation: None,
        }
    }
}
