//! What verifications cost, for whoever is about to declare them.

use jiff::{SignedDuration, Timestamp};

use super::Verifications;
use crate::backup::input::Input;
use crate::backup::window::in_words;
use crate::database_restore;
use crate::facts::{Answer, Facts};
use crate::plan::Finding;
use crate::query::Query;

/// Most verifications of a year that are counted.
const MOST: usize = 10_000;

/// What each costs, and how many there are: told by a plan before it is made, and nowhere else.
pub fn cost(input: &Input, verifications: &Verifications, facts: &Facts, now: Timestamp) -> Option<Finding> {
    let Some(Ok(Answer::Database(Some(database)))) = facts.get(&Query::Database(input.database.clone())) else {
        return None;
    };
    let like = database.instance.as_deref()?;
    let class = verifications.restore.target.instance_class.as_deref().unwrap_or(&like.class);
    let storage = like.allocated_storage.map(|size| format!(" with {size} GiB")).unwrap_or_default();
    let declared = verifications.restore.verification.as_ref()?;
    let most = in_words(database_restore::input::verification(declared).ok()?.timeout);
    let proved = input.memory.verifications.proved.as_ref();
    let last = proved.and_then(|one| one.time_to_restore.as_ref());
    let last = last.map(|took| format!(" (the last was restored in {took})")).unwrap_or_default();
    let year = now.checked_add(SignedDuration::from_hours(365 * 24)).ok()?;
    let times = verifications.timetable.cron.between(now, year, MOST).len();
    let message = format!(
        "each verification runs a DB instance {class}{storage} for at most {most}{last}, and counts against the quota of DB instances \
         meanwhile; there are {times} within a year"
    );
    Some(Finding::note("VerificationCost", message))
}
