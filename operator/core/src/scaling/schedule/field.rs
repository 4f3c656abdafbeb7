//! One field of a cron expression: which values it names.

use super::InvalidSchedule;

/// What a field may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) low: i16,
    pub(super) high: i16,
    /// Names of the values from `low` on.
    pub(super) names: &'static [&'static str],
}

/// The values of a field: one bit each, from the field's lowest on. The years 1970 to 2199 are the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Set {
    low: i16,
    high: i16,
    bits: [u64; 4],
}

impl Set {
    fn empty(field: &Field) -> Self {
        Self { low: field.low, high: field.high, bits: [0; 4] }
    }

    fn place(&self, value: i16) -> Option<(usize, u64)> {
        let offset = u32::try_from(value.checked_sub(self.low)?).ok()?;
        (value <= self.high).then(|| ((offset / 64) as usize, 1u64 << (offset % 64)))
    }

    fn insert(&mut self, value: i16) {
        if let Some((word, bit)) = self.place(value) {
            self.bits[word] |= bit;
        }
    }

    pub(super) fn contains(&self, value: i16) -> bool {
        self.place(value).is_some_and(|(word, bit)| self.bits[word] & bit != 0)
    }

    /// The values, smallest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = i16> + '_ {
        (self.low..=self.high).filter(|value| self.contains(*value))
    }
}

impl Field {
    pub(super) fn invalid(&self, why: impl std::fmt::Display) -> InvalidSchedule {
        InvalidSchedule(format!("{}: {why}", self.name))
    }

    /// One value, by its number or name.
    pub(super) fn number(&self, text: &str) -> Result<i16, InvalidSchedule> {
        if let Some(index) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(self.low + i16::try_from(index).unwrap_or_default());
        }
        let value = Some(text)
            .filter(|text| !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| self.invalid(format!("'{text}' is not a value")))?;
        if (self.low..=self.high).contains(&value) {
            Ok(value)
        } else {
            Err(self.invalid(format!("{text} is not between {} and {}", self.low, self.high)))
        }
    }

    /// The values of a list of values, ranges and steps. A range may go around, as in SAT-MON and 22-2.
    pub(super) fn values(&self, text: &str) -> Result<Set, InvalidSchedule> {
        let mut set = Set::empty(self);
        for part in text.split(',') {
            let (body, step) = match part.split_once('/') {
                None => (part, None),
                Some((body, step)) => {
                    let step = step.parse::<u16>().ok().filter(|step| *step > 0 && !body.is_empty());
                    let step =
                        step.ok_or_else(|| self.invalid(format!("'{part}' has no step that is a positive number")))?;
                    (body, Some(usize::from(step)))
                }
            };
            let (first, last) = match body.split_once('-') {
                _ if body == "*" => (self.low, self.high),
                Some((first, last)) => (self.number(first)?, self.number(last)?),
                None => {
                    let first = self.number(body)?;
                    (first, if step.is_some() { self.high } else { first })
                }
            };
            let step = step.unwrap_or(1);
            if first <= last {
                (first..=last).step_by(step).for_each(|value| set.insert(value));
            } else {
                (first..=self.high).step_by(step).for_each(|value| set.insert(value));
                (self.low..=last).step_by(step).for_each(|value| set.insert(value));
            }
        }
        Ok(set)
    }
}
