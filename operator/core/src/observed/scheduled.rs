//! Scheduled actions of a scalable target.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A scheduled action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledAction {
    /// ScheduledActionName.
    pub name: String,
    /// Schedule: `at()`, `rate()` or `cron()`.
    pub schedule: String,
    /// Timezone, an IANA name; absent means UTC.
    pub time_zone: Option<String>,
    /// StartTime.
    pub start_time: Option<Timestamp>,
    /// EndTime.
    pub end_time: Option<Timestamp>,
    /// MinCapacity of the ScalableTargetAction.
    pub min_capacity: Option<i32>,
    /// MaxCapacity of the ScalableTargetAction.
    pub max_capacity: Option<i32>,
    /// CreationTime; absent on one that is declared.
    pub created_at: Option<Timestamp>,
}

impl ScheduledAction {
    /// The settings as AWS names them. Times have whole seconds on their way through AWS.
    fn settings(&self) -> [(&'static str, String); 6] {
        let time = |time: Option<Timestamp>| {
            let seconds = time.and_then(|time| Timestamp::from_second(time.as_second()).ok());
            seconds.map_or_else(|| "none".into(), |time| time.to_string())
        };
        let capacity = |value: Option<i32>| value.map_or_else(|| "none".into(), |value| value.to_string());
        [
            ("schedule", self.schedule.clone()),
            ("timezone", self.zone_name().into()),
            ("startTime", time(self.start_time)),
            ("endTime", time(self.end_time)),
            ("minCapacity", capacity(self.min_capacity)),
            ("maxCapacity", capacity(self.max_capacity)),
        ]
    }

    /// The time zone that AWS reads the schedule in.
    pub fn zone_name(&self) -> &str {
        self.time_zone.as_deref().unwrap_or("UTC")
    }

    /// Whether both make AWS do the same: when they were created does not count.
    pub fn is_equivalent(&self, other: &Self) -> bool {
        self.name == other.name && self.settings() == other.settings()
    }

    /// What is different from `other`, for a person: `minCapacity from 2 to 4`.
    pub fn changes_from(&self, other: &Self) -> Vec<String> {
        let pairs = self.settings().into_iter().zip(other.settings());
        pairs
            .filter(|(new, old)| new != old)
            .map(|((name, new), (_, old))| format!("{name} from {old} to {new}"))
            .collect()
    }
}

impl fmt::Display for ScheduledAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in [("minCapacity", self.min_capacity), ("maxCapacity", self.max_capacity)] {
            if let Some(value) = value {
                write!(formatter, "{name} {value} ")?;
            }
        }
        write!(formatter, "at {} {}", self.schedule, self.zone_name())?;
        self.start_time.map_or(Ok(()), |time| write!(formatter, " from {time}"))?;
        self.end_time.map_or(Ok(()), |time| write!(formatter, " until {time}"))
    }
}
