//! When something is due: a schedule, by how much it is later, and for how long it may still be begun.

use jiff::{SignedDuration, Timestamp};
use runbook_api::duration::Duration;

use super::cron::Cron;
use crate::backoff::seed_of;
use crate::plan::Finding;

/// A schedule, and what may move its slots.
#[derive(Clone, Debug, PartialEq)]
pub struct Timetable {
    /// When something is due.
    pub cron: Cron,
    /// By how much it may be later.
    pub jitter: SignedDuration,
    /// How much later it may be begun.
    pub starting_deadline: SignedDuration,
}

impl Timetable {
    /// Reads what the schema has let through. `field` is where it stands.
    ///
    /// # Errors
    /// A stalled finding that says which field is wrong and what to write.
    pub fn parse(
        field: &str,
        (schedule, time_zone): (&str, Option<&str>),
        jitter: Option<&Duration>,
        starting_deadline: &Duration,
    ) -> Result<Self, Finding> {
        let expression = |message: String| Finding::stalled("InvalidExpression", message);
        let cron = Cron::parse(schedule, time_zone)
            .map_err(|why| expression(format!("{field}.schedule and timeZone: {why}")))?;
        // From a time that does not matter, so that what is wrong once is always wrong.
        if cron.next(Timestamp::UNIX_EPOCH).is_none() {
            return Err(expression(format!(
                "{field}.schedule: {schedule:?} names a day that no month has: write for example 0 2 * * *"
            )));
        }
        let jitter = jitter.map_or(Ok(0), |jitter| seconds(field, "jitter", jitter, 0..=24 * 3600))?;
        let deadline = seconds(field, "startingDeadline", starting_deadline, 60..=168 * 3600)?;
        Ok(Self {
            cron,
            jitter: SignedDuration::from_secs(jitter),
            starting_deadline: SignedDuration::from_secs(deadline),
        })
    }

    /// When a slot is due: always by the same time later for `whose` it is, and before the next one.
    pub fn due_at(&self, whose: &str, slot: Timestamp) -> Timestamp {
        let gap = self.cron.next(slot).map(|next| next.duration_since(slot).as_secs() - 1);
        let most = u64::try_from(gap.unwrap_or(i64::MAX).min(self.jitter.as_secs())).unwrap_or_default();
        let later = seed_of(&format!("{whose}@{slot}")) % (most + 1);
        slot.checked_add(SignedDuration::from_secs(i64::try_from(later).unwrap_or_default())).unwrap_or(slot)
    }

    /// Until when what is due at a time may be begun.
    pub fn deadline(&self, due_at: Timestamp) -> Timestamp {
        due_at.checked_add(self.starting_deadline).unwrap_or(Timestamp::MAX)
    }
}

fn seconds(
    room: &str,
    field: &str,
    duration: &Duration,
    allowed: std::ops::RangeInclusive<i64>,
) -> Result<i64, Finding> {
    let invalid = |message: String| Finding::stalled("InvalidSpec", message);
    let seconds = duration.seconds().map_err(|error| invalid(format!("{room}.{field}: {error}")))?;
    if allowed.contains(&seconds) {
        return Ok(seconds);
    }
    let (least, most) = (allowed.start(), allowed.end());
    Err(invalid(format!("{room}.{field}: {duration} is not allowed: write {least}s to {most}s")))
}
