//! Which writes about a database somebody wants.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runbook_api::aws_account::Verb;
use runbook_core::DatabaseKind;
use runbook_core::observed::{BackupSettings, Database};
use runbook_core::step::SettingsChange;

use super::backups::{Backup, backups};
use super::retention::{expendable, own};
use crate::cloud::rds::{Held, Key};
use crate::invariants::knowledge::Objects;

/// Where and when a write was made: what may have been known, and when it may have been decided.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'g> {
    /// Account and region.
    pub place: &'g (String, String),
    /// The database.
    pub database: &'g Key,
    /// The objects as they may have been known.
    pub states: &'g [&'g Objects],
    /// The first moment and the last.
    pub span: (Timestamp, Timestamp),
}

impl Ground<'_> {
    /// Whether some policy that may do this to the database is so, and if not, why. A freeze holds everything back but snapshots.
    fn some(
        &self,
        verb: Verb,
        held_back: bool,
        is_so: impl Fn(&Backup, &Objects) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        let mut why = "no policy is for this database";
        for objects in self.states {
            for policy in backups(objects) {
                if policy.database() != *self.database || policy.place(objects).as_ref() != Some(self.place) {
                    continue;
                }
                let (from, to) = self.span;
                let judged = if !policy.wants(verb, objects) {
                    Err("its policy may not write: suspended, Observe, or without a grant")
                } else if policy.rival(objects).is_some() {
                    Err("another policy holds the database")
                } else if held_back && policy.is_frozen(objects, from) && policy.is_frozen(objects, to) {
                    Err("the account is frozen")
                } else {
                    is_so(&policy, objects)
                };
                match judged {
                    Ok(()) => return Ok(()),
                    Err(reason) => why = reason,
                }
            }
        }
        Err(why)
    }

    /// Whether a snapshot of this name and tags is to be taken for a slot.
    ///
    /// # Errors
    /// Why not.
    pub fn wants_snapshot(
        &self,
        slot: Timestamp,
        name: &str,
        tags: &BTreeMap<String, String>,
        before: &Held,
    ) -> Result<(), &'static str> {
        let (from, to) = self.span;
        let second = SignedDuration::from_secs(1);
        self.some(Verb::Snapshot, false, |policy, _| {
            let scheduled = policy.slots(slot - second, slot).contains(&slot);
            let first = policy.first() == Some(slot);
            // What is there tells where the schedule has come to, also after the loss of a cluster.
            let taken = own(policy, &before.database.resource_id, &before.snapshots);
            let counts = slot > policy.created() || taken.iter().any(|(earlier, _)| *earlier < slot);
            let late = policy.jitter() + policy.deadline();
            let newer = policy.slots(slot, from).into_iter().any(|newer| newer + policy.jitter() < from);
            let right = tags.len() == 3
                && tags.get("ops.clocked.app/owner") == Some(&policy.owner())
                && tags.get("ops.clocked.app/slot") == Some(&slot.to_string());
            match () {
                () if !scheduled && !first => Err("its schedule has no such slot"),
                () if !counts && !first => Err("the slot was before the policy"),
                () if policy.identifier(slot) != name => Err("it has another name than the slot's"),
                () if !right => Err("it has not the tags of the slot"),
                () if slot > to => Err("the slot is still to come"),
                () if slot + late < from => Err("the slot's deadline has passed"),
                () if newer => Err("a newer slot is due"),
                () => Ok(()),
            }
        })
    }

    /// Whether a snapshot is to be deleted, as RDS is, or as it was when it was read.
    ///
    /// # Errors
    /// Why not.
    pub fn wants_deletion(&self, name: &str, now: &Held, seen: &Held) -> Result<(), &'static str> {
        let (from, to) = self.span;
        self.some(Verb::DeleteSnapshot, true, |policy, _| {
            let taken = own(policy, &now.database.resource_id, &now.snapshots);
            let newest = taken.iter().find(|(_, one)| one.status == "available");
            // A database that was made anew a moment ago is not seen to be another yet.
            let read = own(policy, &seen.database.resource_id, &seen.snapshots);
            if !taken.iter().chain(&read).any(|(_, one)| one.identifier == name) {
                return Err("the policy has not taken it");
            }
            if newest.is_some_and(|(_, one)| one.identifier == name) {
                return Err("it is the newest");
            }
            let goes = |held: &Held, at| expendable(policy, held, at).contains(name);
            let gone = [(now, from), (now, to), (seen, from), (seen, to)].iter().any(|(held, at)| goes(held, *at));
            if gone { Ok(()) } else { Err("its policy's retention keeps it") }
        })
    }

    /// Whether these settings are to be changed so, of a database that was seen so.
    ///
    /// # Errors
    /// Why not.
    pub fn wants_settings(
        &self,
        changes: &SettingsChange,
        apply_immediately: bool,
        seen: &Database,
    ) -> Result<(), &'static str> {
        let days = seen.pending.get("BackupRetentionPeriod").and_then(|days| days.parse().ok());
        let is =
            BackupSettings { retention_days: days.unwrap_or(seen.settings.retention_days), ..seen.settings.clone() };
        let outage =
            |days: i32| self.database.0 == DatabaseKind::Instance && (days == 0) != (seen.settings.retention_days == 0);
        let outage = changes.retention_days.is_some_and(outage);
        self.some(Verb::Snapshot, true, |policy, _| {
            let declared = policy.spec().automated.clone().unwrap_or_default();
            let fits = |asked: bool, right: bool| !asked || right;
            let wanted = fits(changes.retention_days.is_some(), changes.retention_days == declared.retention_days)
                && fits(changes.window.is_some(), changes.window == declared.window)
                && fits(
                    changes.copy_tags_to_snapshot.is_some(),
                    changes.copy_tags_to_snapshot == declared.copy_tags_to_snapshot,
                )
                && fits(changes.deletion_protection == Some(true), policy.spec().deletion_protection);
            let needed = fits(changes.retention_days.is_some(), changes.retention_days != Some(is.retention_days))
                && fits(changes.window.is_some(), changes.window != is.window)
                && fits(
                    changes.copy_tags_to_snapshot.is_some(),
                    changes.copy_tags_to_snapshot != Some(is.copy_tags_to_snapshot),
                )
                && fits(changes.deletion_protection.is_some(), !is.deletion_protection);
            match () {
                () if changes.is_empty() => Err("nothing is to be changed"),
                () if changes.deletion_protection == Some(false) => Err("DeletionProtection is never turned off"),
                () if !wanted => Err("its policy does not declare it"),
                () if !needed => Err("it is so already, or was asked for"),
                () if outage && !policy.spec().allow_outage => Err("the policy allows no outage"),
                () if apply_immediately && !outage => Err("there is no reason to apply all at once"),
                () if apply_immediately && seen.pending.keys().any(|name| name != "BackupRetentionPeriod") => {
                    Err("what somebody else has asked for would be applied with it")
                }
                () => Ok(()),
            }
        })
    }
}
