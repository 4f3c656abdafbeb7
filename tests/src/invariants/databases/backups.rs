//! What BackupPolicies mean, decided a second time and by other code than the operator's.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use runbook_api::aws_account::Verb;
use runbook_api::backup_policy::{BackupPolicySpec, Snapshots};
use runbook_api::common::Mode;
use runbook_api::{AwsAccount, BackupPolicy};
use runbook_core::{DatabaseKind, arn};
use serde_json::Value;

use crate::cloud::rds;
use crate::invariants::knowledge::Objects;
use crate::invariants::oracle;
use crate::journal::ObjectKey;

/// Snapshots that one policy deletes within 24 hours, where its account does not say.
const DELETES: usize = 20;

/// A BackupPolicy, read.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Its key.
    pub key: ObjectKey,
    /// It.
    pub object: BackupPolicy,
}

/// The well-formed BackupPolicies among some objects.
pub fn backups(objects: &Objects) -> Vec<Backup> {
    let all = objects.iter().filter(|(key, _)| key.resource == "backuppolicies");
    all.filter_map(|(key, object)| Backup::read(key, object)).collect()
}

impl Backup {
    /// A policy from an object.
    pub fn read(key: &ObjectKey, object: &Value) -> Option<Self> {
        Some(Self { key: key.clone(), object: serde_json::from_value(object.clone()).ok()? })
    }

    /// The spec.
    pub fn spec(&self) -> &BackupPolicySpec {
        &self.object.spec
    }

    /// Its uid.
    pub fn uid(&self) -> &str {
        self.object.metadata.uid.as_deref().unwrap_or_default()
    }

    /// When it was created.
    pub fn created(&self) -> Timestamp {
        self.object.metadata.creation_timestamp.as_ref().map_or(Timestamp::MIN, |time| time.0)
    }

    /// The database.
    pub fn database(&self) -> rds::Key {
        let source = &self.spec().source;
        match (&source.rds_instance, &source.rds_cluster) {
            (Some(instance), _) => (DatabaseKind::Instance, instance.clone()),
            (_, cluster) => (DatabaseKind::Cluster, cluster.clone().unwrap_or_default()),
        }
    }

    /// What the owner's tag says.
    pub fn owner(&self) -> String {
        format!("simulator/{}/{}", self.key.namespace, self.key.name)
    }

    /// Its account.
    pub fn account(&self, objects: &Objects) -> Option<AwsAccount> {
        oracle::account(objects, &self.spec().account_ref.name)
    }

    /// Account and region.
    pub fn place(&self, objects: &Objects) -> Option<(String, String)> {
        let account = self.account(objects)?;
        let region = self.spec().region.clone().or_else(|| account.spec.regions.first().cloned())?;
        Some((account.spec.account_id, region))
    }

    /// Whether its namespace may do this to its database.
    pub fn granted(&self, verb: Verb, objects: &Objects) -> bool {
        let (Some(account), Some((id, region))) = (self.account(objects), self.place(objects)) else { return false };
        let (kind, name) = self.database();
        let sort = if kind == DatabaseKind::Instance { "db" } else { "cluster" };
        let resource = format!("arn:aws:rds:{region}:{id}:{sort}:{name}");
        account.spec.grants.iter().any(|grant| {
            grant.namespaces.contains(&self.key.namespace)
                && (verb == Verb::Observe || grant.verbs.contains(&verb))
                && grant.resources.iter().any(|pattern| arn::matches(pattern, &resource))
        })
    }

    /// Whether it may do this, were it alone.
    pub fn wants(&self, verb: Verb, objects: &Objects) -> bool {
        !self.spec().suspend
            && self.spec().mode == Mode::Enforce
            && self.object.metadata.deletion_timestamp.is_none()
            && self.account(objects).is_some_and(|account| account.spec.mode == Mode::Enforce)
            && self.granted(verb, objects)
    }

    /// The older policy that holds the same database, if this one does not.
    pub fn rival(&self, objects: &Objects) -> Option<Self> {
        let age = |one: &Self| (one.created(), one.key.namespace.clone(), one.key.name.clone());
        let holds = |other: &Self| {
            other.database() == self.database()
                && other.place(objects) == self.place(objects)
                && other.wants(Verb::Snapshot, objects)
                && age(other) < age(self)
        };
        backups(objects).into_iter().find(holds)
    }

    /// Which snapshots it takes.
    pub fn snapshots(&self) -> Option<&Snapshots> {
        self.spec().snapshots.as_ref()
    }

    /// By how much a snapshot may be later than its slot.
    pub fn jitter(&self) -> SignedDuration {
        let seconds = self.snapshots().and_then(|snapshots| snapshots.jitter.as_ref()?.seconds().ok());
        SignedDuration::from_secs(seconds.unwrap_or_default())
    }

    /// And how much later than that it may be begun.
    pub fn deadline(&self) -> SignedDuration {
        let seconds = self.snapshots().and_then(|snapshots| snapshots.starting_deadline.seconds().ok());
        SignedDuration::from_secs(seconds.unwrap_or_default())
    }

    /// The slots after one time, up to another.
    pub fn slots(&self, after: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        let Some(snapshots) = self.snapshots() else { return Vec::new() };
        slots(&snapshots.schedule, snapshots.time_zone.as_deref(), after, until)
    }

    /// The slot of its creation, where it takes a snapshot at once.
    pub fn first(&self) -> Option<Timestamp> {
        self.snapshots().filter(|snapshots| snapshots.run_on_create).map(|_| self.created())
    }

    /// The identifier of the snapshot for a slot.
    pub fn identifier(&self, slot: Timestamp) -> String {
        let of_source = || format!("{}-scheduled", self.database().1);
        let prefix = self.snapshots().and_then(|snapshots| snapshots.name_prefix.clone()).unwrap_or_else(of_source);
        format!("{prefix}-{}", TimeZone::UTC.to_datetime(slot).strftime("%Y%m%d-%H%M%S"))
    }

    /// How many snapshots it may delete within 24 hours.
    pub fn deletes(&self, objects: &Objects) -> usize {
        let most = self.account(objects).and_then(|account| account.spec.safety?.max_deletes_per_day);
        most.and_then(|most| usize::try_from(most).ok()).unwrap_or(DELETES)
    }

    /// Whether its account is frozen.
    pub fn is_frozen(&self, objects: &Objects, at: Timestamp) -> bool {
        self.account(objects)
            .is_some_and(|account| account.spec.freeze.iter().any(|one| one.from.0 <= at && at < one.to.0))
    }

    /// Whether its status says that this step is about to be made.
    pub fn claims(&self, step: &str, what: &str) -> bool {
        let Some(status) = &self.object.status else { return false };
        let works =
            status.conditions.iter().any(|condition| condition.type_ == "Reconciling" && condition.status == "True");
        let mut steps = status.plan.iter().flat_map(|plan| &plan.steps);
        works && steps.any(|one| one.step == step && one.description.split([' ', ':']).any(|word| word == what))
    }
}

/// Every minute, looked at one by one: as much of cron as the scenarios use.
pub fn slots(schedule: &str, zone: Option<&str>, after: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let zone = TimeZone::get(zone.unwrap_or("UTC")).unwrap_or(TimeZone::UTC);
    let fields: Vec<&str> = schedule.split(' ').collect();
    let [minutes, hours, "*", "*", "*"] = fields[..] else { return Vec::new() };
    let mut found = Vec::new();
    let mut second = (after.as_second().div_euclid(60) + 1) * 60;
    while second <= until.as_second() {
        let Ok(at) = Timestamp::from_second(second) else { break };
        let time = zone.to_datetime(at);
        if fits(minutes, time.minute()) && fits(hours, time.hour()) {
            found.push(at);
        }
        second += 60;
    }
    found
}

/// Whether a number is one of a field: `5`, `3-19/4`, `*`.
fn fits(field: &str, number: i8) -> bool {
    let (range, step) = field.split_once('/').unwrap_or((field, "1"));
    let number = i32::from(number);
    let parse = |text: &str| text.parse::<i32>().unwrap_or(-1);
    let (first, last) = match range.split_once('-') {
        _ if range == "*" => (0, 59),
        Some((first, last)) => (parse(first), parse(last)),
        None => (parse(range), parse(range)),
    };
    (first..=last).contains(&number) && (number - first) % parse(step).max(1) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_counted_in_the_zone() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let found =
            slots("3-9/4 9 * * *", Some("Europe/Berlin"), at("2027-01-15T00:00:00Z"), at("2027-01-15T12:00:00Z"));
        assert_eq!(found, [at("2027-01-15T08:03:00Z"), at("2027-01-15T08:07:00Z")]);
        assert!(slots("3 9 * * *", None, at("2027-01-15T09:03:00Z"), at("2027-01-15T12:00:00Z")).is_empty());
    }
}
