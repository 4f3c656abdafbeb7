//! An Aurora cluster: its readers come and go one by one, and Application Auto Scaling changes how many there are only while none does.
//!
//! Source of its rules: Amazon Aurora User Guide, "Amazon Aurora Auto Scaling with Aurora Replicas".

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runbook_core::observed::db_cluster::MADE_BY_AUTOSCALING;
use runbook_core::observed::{Capacity, ClusterMember, DbCluster, Suspended};

/// How long a reader takes to come.
const COMES: SignedDuration = SignedDuration::from_secs(90);
/// How long a reader takes to go.
const GOES: SignedDuration = SignedDuration::from_secs(40);
/// The most readers of a cluster.
pub const MOST: i32 = 15;

/// An Aurora cluster with a writer.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    arn: String,
    readers: Vec<Reader>,
    /// Readers that there ever were: each has a name of its own.
    made: u32,
    /// Until when it is not `available`.
    modified: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
struct Reader {
    name: String,
    /// When it is available.
    comes: Timestamp,
    /// When it is gone, where it goes.
    goes: Option<Timestamp>,
}

impl Cluster {
    /// A cluster that is available, with so many readers made by a person.
    pub fn new(account: &str, region: &str, name: &str, readers: i32) -> Self {
        let partition = runbook_core::arn::partition_of(region);
        let mut cluster = Self {
            arn: format!("arn:{partition}:rds:{region}:{account}:cluster:{name}"),
            readers: Vec::new(),
            made: 0,
            modified: Timestamp::MIN,
        };
        (0..readers).for_each(|_| cluster.add("reader-", Timestamp::MIN));
        cluster
    }

    /// Lets go who has gone by `now`.
    pub fn advance(&mut self, now: Timestamp) {
        self.readers.retain(|reader| reader.goes.is_none_or(|goes| now < goes));
    }

    /// The readers that stay.
    pub fn readers(&self) -> i32 {
        count(self.staying())
    }

    /// Those of them that Application Auto Scaling has not made, and never takes away.
    pub fn permanent(&self) -> i32 {
        count(self.staying().filter(|reader| !reader.name.starts_with(MADE_BY_AUTOSCALING)))
    }

    /// Whether a reader comes or goes, or the cluster is not available.
    pub fn is_settling(&self, now: Timestamp) -> bool {
        now < self.modified || self.readers.iter().any(|reader| now < reader.comes || reader.goes.is_some())
    }

    /// Brings the readers within the limits, as registering them does; nothing where they are settling.
    pub fn bring(&mut self, limits: &Capacity, now: Timestamp) {
        if self.is_settling(now) {
            return;
        }
        let size = self.readers();
        let wanted = limits.clamp(size).max(self.permanent()).min(MOST);
        (size..wanted).for_each(|_| self.add(MADE_BY_AUTOSCALING, now));
        let own = self.readers.iter_mut().rev().filter(|reader| reader.name.starts_with(MADE_BY_AUTOSCALING));
        (wanted..size).zip(own).for_each(|(_, reader)| reader.goes = Some(now + GOES));
    }

    /// The autoscaler wants so many.
    pub fn autoscale(&mut self, to: i32, now: Timestamp) {
        let limits = Capacity { min: to, max: to, suspended: Suspended::default() };
        self.bring(&limits, now);
    }

    /// A person adds readers or deletes them until so many stay.
    pub fn set(&mut self, to: i32, now: Timestamp) {
        let size = self.readers();
        (size..to.min(MOST)).for_each(|_| self.add("reader-", now));
        let staying = self.readers.iter_mut().rev().filter(|reader| reader.goes.is_none());
        (to.max(0)..size).zip(staying).for_each(|(_, reader)| reader.goes = Some(now + GOES));
    }

    /// A person modifies the cluster: so long it is not available.
    pub fn modify(&mut self, length: SignedDuration, now: Timestamp) {
        self.modified = now.checked_add(length).unwrap_or(now);
    }

    /// The cluster as DescribeDBClusters shows it: with the readers that come, and with those that go.
    pub fn describe(&self, name: &str, now: Timestamp) -> DbCluster {
        let writer = ClusterMember { instance: format!("{name}-writer"), is_writer: true };
        let readers =
            self.readers.iter().map(|reader| ClusterMember { instance: reader.name.clone(), is_writer: false });
        DbCluster {
            arn: self.arn.clone(),
            status: if now < self.modified { "modifying" } else { "available" }.into(),
            engine: "aurora-postgresql".into(),
            members: std::iter::once(writer).chain(readers).collect(),
            tags: BTreeMap::new(),
        }
    }

    fn staying(&self) -> impl Iterator<Item = &Reader> {
        self.readers.iter().filter(|reader| reader.goes.is_none())
    }

    fn add(&mut self, prefix: &str, now: Timestamp) {
        self.made += 1;
        let comes = now.checked_add(COMES).unwrap_or(now);
        self.readers.push(Reader { name: format!("{prefix}{}", self.made), comes, goes: None });
    }
}

fn count<'r>(readers: impl Iterator<Item = &'r Reader>) -> i32 {
    i32::try_from(readers.count()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    fn limits(min: i32, max: i32) -> Capacity {
        Capacity { min, max, suspended: Suspended::default() }
    }

    #[test]
    fn readers_of_a_person_stay_whatever_is_registered() {
        let mut cluster = Cluster::new("1", "eu-central-1", "shop", 2);
        cluster.bring(&limits(4, 5), at(0));
        assert_eq!((cluster.readers(), cluster.permanent()), (4, 2));
        cluster.bring(&limits(0, 1), at(30));
        assert_eq!(cluster.readers(), 4, "while two come nothing is done");
        cluster.bring(&limits(0, 1), at(100));
        assert_eq!((cluster.readers(), cluster.describe("shop", at(100)).members.len()), (2, 5));
        cluster.advance(at(140));
        assert_eq!(cluster.describe("shop", at(140)).scaled().permanent, 2);
        assert_eq!(cluster.describe("shop", at(140)).scaled().desired_count, 2);
    }

    #[test]
    fn while_the_cluster_is_modified_nothing_is_done() {
        let mut cluster = Cluster::new("1", "eu-central-1", "shop", 0);
        cluster.modify(SignedDuration::from_secs(60), at(0));
        cluster.bring(&limits(1, 2), at(59));
        assert_eq!((cluster.readers(), cluster.describe("shop", at(59)).status.as_str()), (0, "modifying"));
        cluster.bring(&limits(1, 2), at(60));
        assert_eq!((cluster.readers(), cluster.describe("shop", at(60)).status.as_str()), (1, "available"));
    }
}
