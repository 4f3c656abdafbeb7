//! Every write about a restored instance, or about a snapshot that was verified, one by one.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use runbook_aws::{Call, RdsCall};
use runbook_core::step::{RestoreFrom, RestoredInstance};

use super::objects::{AT_A_TIME, Restore, SCRATCH, restores};
use super::sights::Sights;
use crate::cloud::rds::restores::{Restored, like};
use crate::fault::Fault;
use crate::invariants::Violation;
use crate::invariants::databases::backups::backups;
use crate::invariants::knowledge::{self, Knowledge, Objects, before};
use crate::invariants::writes::{FRESH, GRACE, leader_after};
use crate::journal::{AwsCall, Entry, What};
use crate::world::Run;

/// How old an instance is at least that is deleted because its object is gone.
const YOUNG: SignedDuration = SignedDuration::from_mins(15);

const WANTED: &str = "every write about a restored instance is wanted";
const OWN: &str = "nothing of anybody else's is touched";

type Broken = (&'static str, String);

#[derive(Default)]
struct Judge {
    violations: Vec<Violation>,
    sights: Sights,
    /// The restores that AWS has begun, by the uid of their object.
    begun: HashMap<String, Timestamp>,
    /// The instances that there are, with the uid of what has made each.
    there: BTreeMap<String, Restored>,
    /// Whether somebody else has deleted one.
    meddled: bool,
    /// When a database was found as expected: instance and snapshot.
    good: Vec<(Timestamp, Option<String>)>,
    /// Who last wrote the Lease.
    leader: Option<u32>,
}

/// Judges every such write in a run.
pub fn judge(run: &Run) -> Vec<Violation> {
    let knowledge = knowledge::gather(&run.entries);
    let mut judge = Judge::default();
    for entry in &run.entries {
        judge.entry(entry, &knowledge);
    }
    judge.violations
}

/// A write, and what may have been known when it was decided on.
struct Ground<'g> {
    at: Timestamp,
    call: &'g AwsCall,
    states: Vec<&'g Objects>,
}

impl Ground<'_> {
    /// The restores that may have been known, the newest state of each first.
    fn restores(&self) -> impl Iterator<Item = (Restore, &Objects)> {
        self.states.iter().flat_map(|objects| restores(objects).map(move |one| (one, *objects)))
    }

    /// The instance as RDS has it, with the tags that the process has seen on it: whoever takes them off a moment before is not known of.
    fn found(&self, name: &str, sights: &Sights) -> Option<Restored> {
        let found = self.call.scratch.as_ref()?.before.as_ref()?;
        let seen = sights.of(self.call.process, name).and_then(|(_, seen)| Some(seen?.tags.clone()));
        Some(seen.map_or_else(|| found.clone(), |tags| found.with_tags(tags)))
    }
}

impl Judge {
    fn entry(&mut self, entry: &Entry, knowledge: &BTreeMap<u32, Knowledge>) {
        match &entry.what {
            What::Aws(call) if !call.call.is_write() => self.sights.read(entry.at, call),
            What::Aws(call) => {
                if let Call::Rds(what) = &call.call {
                    let now: Objects = call.intent.iter().cloned().collect();
                    let known =
                        knowledge.get(&call.process).map(|one| one.between(before(call.began, GRACE), entry.at));
                    let states = std::iter::once(&now).chain(known.into_iter().flatten()).collect();
                    self.write(&Ground { at: entry.at, call, states }, what);
                }
            }
            What::OutsideRestored(_) => self.meddled = true,
            What::Asked(asked) if asked.good == Some(true) => self.good.push((entry.at, asked.snapshot.clone())),
            What::Kubernetes(call) => self.leader = leader_after(call).unwrap_or(self.leader),
            _ => {}
        }
    }

    fn write(&mut self, ground: &Ground<'_>, what: &RdsCall) {
        let (broken, step) = match what {
            RdsCall::Restore { identifier, from, instance, tags } => {
                let tags: BTreeMap<String, String> = tags.iter().cloned().collect();
                (self.restore(ground, identifier, (from, instance), &tags), "RestoreInstance")
            }
            RdsCall::SetMasterPassword { identifier, .. } => {
                (password(ground, identifier, &self.sights), "SetMasterPassword")
            }
            RdsCall::DeleteInstance { identifier } => (deletion(ground, identifier, &self.sights), "DeleteInstance"),
            RdsCall::AddTags { arn, tags } => (self.tags(ground, arn, tags), "TagVerified"),
            _ => return,
        };
        let title = format!("op{} aws#{} {}", ground.call.process, ground.call.index, what.resource());
        let mut broken: Vec<Broken> = broken.into_iter().collect();
        if let RdsCall::SetMasterPassword { identifier, .. } | RdsCall::DeleteInstance { identifier } = what {
            broken.extend(self.not_fresh(ground, identifier));
        }
        broken.extend(self.not_claimed(ground, what, step));
        if self.leader != Some(ground.call.process) {
            broken.push(("only the leader writes", format!("op{:?} holds the Lease", self.leader)));
        }
        let violation = |(rule, why)| Violation { rule, at: ground.at, what: format!("{title}: {why}") };
        self.violations.extend(broken.into_iter().map(violation));
    }

    fn restore(
        &mut self,
        ground: &Ground<'_>,
        name: &str,
        (from, set_up): (&RestoreFrom, &RestoredInstance),
        tags: &BTreeMap<String, String>,
    ) -> Vec<Broken> {
        let call = ground.call;
        let mut broken = Vec::new();
        match self.sights.of(call.process, name) {
            None => broken.push(("a write follows a read", "nobody has looked whether there is one".into())),
            Some((at, _)) if at < before(call.began, FRESH) => {
                broken.push(("a write follows a fresh read", format!("it was last looked for at {at}")));
            }
            Some((_, Some(_))) => {
                broken.push(("nothing is restored over a database", "there is one of this name".into()));
            }
            Some((_, None)) => {}
        }
        let arn = format!("arn:aws:rds:{}:{}:db:{name}", call.scope.region, call.scope.account_id);
        let run = ground.restores().find(|(one, objects)| {
            let is_for = one.owns(tags, &arn) && !one.has_ended() && !one.is_being_deleted();
            is_for && one.may(&[from.source().identifier.as_str(), name], objects)
        });
        match &run {
            None => broken.push((WANTED, "no DatabaseRestore that may is for it, by its tags".into())),
            Some((one, _)) => broken.extend(wanted(one, name, from, set_up).map(|why| (WANTED, why.to_owned()))),
        }
        if call.result.is_err() {
            return broken;
        }
        let uid = tags.get("ops.clocked.app/run").cloned().unwrap_or_default();
        if let Some(first) = self.begun.insert(uid, ground.at)
            && !self.meddled
        {
            broken.push(("a restore is begun once", format!("it was begun at {first}")));
        }
        let now: Objects = call.intent.iter().cloned().collect();
        let verifies = run.is_some_and(|(one, _)| one.verifies());
        self.there.retain(|_, one| restores(&now).any(|of| of.owns(&one.tags, &one.arn) && !of.has_ended()));
        if verifies && self.there.len() >= AT_A_TIME {
            let others: Vec<&String> = self.there.keys().collect();
            broken.push(("at most two are verified at a time", format!("there are {others:?}")));
        }
        if let Some(made) = call.scratch.as_ref().and_then(|scratch| scratch.after.clone()) {
            self.there.insert(name.to_owned(), made);
        }
        broken
    }

    /// A snapshot is said to be good when what was restored of it was.
    fn tags(&self, ground: &Ground<'_>, arn: &str, tags: &[(String, String)]) -> Vec<Broken> {
        let snapshot = arn.rsplit(':').next().unwrap_or_default();
        let [(key, time)] = tags else { return vec![(WANTED, "a snapshot gets one tag, that it was verified".into())] };
        let time: Option<Timestamp> = time.parse().ok();
        let mut broken = Vec::new();
        let told = ground.restores().any(|(one, _)| {
            let of_it = one.object.status.as_ref().and_then(|status| status.snapshot_identifier.as_deref());
            let verdict = one.verdict();
            of_it == Some(snapshot) && verdict.is_some_and(|verdict| Some(verdict.time.0) == time)
        });
        if key != "ops.clocked.app/verified-at" || !told {
            broken.push((WANTED, "no DatabaseRestore says so".into()));
        }
        let second = SignedDuration::from_secs(1);
        let close = |at: Timestamp| time.is_some_and(|time| at.duration_since(time).abs() <= second * 30);
        if !self.good.iter().any(|(at, of)| of.as_deref() == Some(snapshot) && close(*at)) {
            let why = "no database that was restored from it has answered as expected then";
            broken.push(("a backup is verified where its restore was found good", why.into()));
        }
        broken
    }

    fn not_fresh(&self, ground: &Ground<'_>, name: &str) -> Option<Broken> {
        let call = ground.call;
        let found = self.sights.of(call.process, name);
        let Some((at, Some(_))) = found else {
            return Some(("a write follows a read", "it was not seen".into()));
        };
        (at < before(call.began, FRESH)).then(|| ("a write follows a fresh read", format!("it was last read at {at}")))
    }

    fn not_claimed(&self, ground: &Ground<'_>, what: &RdsCall, step: &str) -> Option<Broken> {
        if matches!(ground.call.fault, Some(Fault::HangThenEffect(_))) {
            return None;
        }
        let now: Objects = ground.call.intent.iter().cloned().collect();
        // A claim goes with its object.
        let any = restores(&now).next().is_some() || !backups(&now).is_empty();
        let by_policy = |objects: &&Objects| {
            let name = what.resource();
            let name = name.rsplit(' ').next().unwrap_or_default();
            backups(objects).iter().any(|policy| {
                let steps = policy.object.status.iter().flat_map(|status| &status.plan).flat_map(|plan| &plan.steps);
                steps.into_iter().any(|one| one.step == step && one.description.contains(name))
            })
        };
        let claimed = ground.restores().any(|(one, _)| one.claims(step)) || ground.states.iter().any(by_policy);
        (any && !claimed)
            .then(|| ("a write is claimed before it is made", "no status says that it is about to be made".into()))
    }
}

/// Why an instance of this name and set-up is not what a restore is for, if so.
fn wanted(one: &Restore, name: &str, from: &RestoreFrom, set_up: &RestoredInstance) -> Option<&'static str> {
    let (spec, like) = (one.spec(), like());
    let source = &spec.source;
    let right = match from {
        RestoreFrom::Snapshot { snapshot, .. } => source.snapshot_identifier.as_ref() == Some(snapshot),
        RestoreFrom::PointInTime { source: of, time, .. } => source.point_in_time.as_ref().is_some_and(|point| {
            point.rds_instance == of.identifier && point.time.as_ref().map(|time| time.0) == *time
        }),
    };
    let class = spec.target.instance_class.as_ref().unwrap_or(&like.class);
    let as_source = (Some(&set_up.subnet_group), &set_up.security_groups, Some(&set_up.parameter_group))
        == (like.subnet_group.as_ref(), &like.security_groups, like.parameter_group.as_ref());
    let named = match &spec.target.rds_instance {
        Some(wanted) => wanted == name,
        None => name.starts_with(SCRATCH) && one.verifies(),
    };
    match () {
        () if !right => Some("it is of something else than was to be restored"),
        () if !named => Some("it has another name"),
        () if set_up.class != *class || !as_source || set_up.multi_az != spec.target.multi_az => {
            Some("it is set up neither as declared nor as the source")
        }
        () => None,
    }
}

/// A password is set of an instance alone that was restored to be verified, by the run that has made it.
fn password(ground: &Ground<'_>, name: &str, sights: &Sights) -> Vec<Broken> {
    if !name.starts_with(SCRATCH) {
        return vec![(OWN, "the password of a database is changed that nobody has restored to verify it".into())];
    }
    let Some(found) = ground.found(name, sights) else { return Vec::new() };
    let own = ground.restores().any(|(one, objects)| {
        one.verifies() && one.owns(&found.tags, &found.arn) && !one.has_ended() && one.may(&[name], objects)
    });
    if own { Vec::new() } else { vec![(OWN, "no run that may has made it".into())] }
}

/// An instance is deleted by the run that has made it, when that has its verdict or goes itself; or when that is gone.
fn deletion(ground: &Ground<'_>, name: &str, sights: &Sights) -> Vec<Broken> {
    if !name.starts_with(SCRATCH) {
        return vec![(OWN, "a database is deleted that was not restored to be verified".into())];
    }
    let Some(found) = ground.found(name, sights) else { return Vec::new() };
    let mut owners =
        ground.restores().filter(|(one, _)| one.verifies() && one.owns(&found.tags, &found.arn)).peekable();
    if owners.peek().is_some() {
        let ready = |one: &Restore| one.is_being_deleted() || one.claims("DeleteInstance") && one.verdict().is_some();
        let right = owners.any(|(one, objects)| ready(&one) && one.may(&[name], objects));
        return if right { Vec::new() } else { vec![(WANTED, "no verdict is recorded, and its run stays".into())] };
    }
    let tag = |key: &str| found.tags.get(&format!("ops.clocked.app/{key}"));
    let made_here = tag("owner").is_some_and(|owner| owner.starts_with("simulator/clocked/databaserestores/"))
        && tag("resource-arn") == Some(&found.arn)
        && tag("run").is_some();
    if !made_here {
        return vec![(OWN, "its tags do not say that a run has made it".into())];
    }
    let created = found.describe(name, ground.at).instance.and_then(|instance| instance.created_at);
    let is_old = created.is_some_and(|created| created + YOUNG <= ground.at);
    let sweeps = ground.states.iter().any(|objects| {
        let sweeps = |policy: &super::super::backups::Backup| {
            policy.spec().verification.is_some()
                && policy.wants(runbook_api::aws_account::Verb::Restore, objects)
                && policy.rival(objects).is_none()
        };
        backups(objects).iter().any(sweeps)
    });
    // Its run may have gone a moment ago, when the finalizer was given up.
    match (is_old, sweeps) {
        (true, true) => Vec::new(),
        (false, _) => vec![(WANTED, "it may be of a run that is not seen yet".into())],
        (true, false) => vec![(WANTED, "no policy that verifies sweeps here".into())],
    }
}
