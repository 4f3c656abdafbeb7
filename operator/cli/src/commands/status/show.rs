//! The state of things as text and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;
use jiff::Timestamp;
use serde::Serialize;

use super::attention::{Concern, Overview};
use crate::errors::CliError;
use crate::output::{BOLD, DIM, GREEN, RED, YELLOW, json as to_json, line};

/// For people: what needs attention, `most` objects of it, then counts.
pub fn text(overview: &Overview, namespace: Option<&str>, now: Timestamp, most: usize) -> String {
    let mut text = String::new();
    for concern in overview.attention.iter().take(most) {
        let Concern { subject, state, reason, message, since, .. } = concern;
        let age = since.map(|since| format!("  for {}", age(since, now))).unwrap_or_default();
        let head = line(style(state), &format!("{state:<12}"), &line(BOLD, &subject.to_string(), ""));
        let _ = writeln!(text, "{head}  {reason}{}", line(DIM, &age, ""));
        let _ = writeln!(text, "            {message}");
    }
    let more = overview.attention.len().saturating_sub(most);
    if more > 0 {
        let _ = writeln!(text, "… and {more} more: add --all");
    }
    if overview.counts.is_empty() {
        let place = namespace.map_or_else(|| "the cluster".to_owned(), |namespace| format!("namespace {namespace}"));
        let _ = writeln!(text, "There is nothing of ops.clocked.app in {place}. (-A shows all namespaces.)");
        return text;
    }
    if overview.attention.is_empty() {
        let _ = writeln!(text, "{}", line(GREEN, "Nothing needs attention.", ""));
    }
    text.push('\n');
    for (kind, states) in &overview.counts {
        let total: usize = states.values().sum();
        let parts: Vec<String> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
        let _ = writeln!(text, "{kind}: {total} ({})", parts.join(", "));
    }
    text
}

fn style(state: &str) -> Style {
    match state {
        "Stalled" | "Malformed" => RED,
        "Held" | "New" => DIM,
        _ => YELLOW,
    }
}

/// How long ago, in the largest unit that is not nothing.
fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[derive(Serialize)]
struct Report<'a> {
    attention: &'a [Concern],
    counts: &'a BTreeMap<&'static str, BTreeMap<&'static str, usize>>,
}

/// For programs: everything, however much it is.
///
/// # Errors
/// As [`crate::output::json`].
pub fn json(overview: &Overview) -> Result<String, CliError> {
    to_json("the status", &Report { attention: &overview.attention, counts: &overview.counts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short() {
        let now: Timestamp = "2026-01-03T00:00:00Z".parse().unwrap();
        for (since, text) in [
            ("2026-01-03T00:00:05Z", "0s"),
            ("2026-01-02T23:59:01Z", "59s"),
            ("2026-01-02T23:01:00Z", "59m"),
            ("2026-01-01T12:00:00Z", "36h"),
            ("2026-01-01T00:00:00Z", "2d"),
        ] {
            assert_eq!(age(since.parse().unwrap(), now), text);
        }
    }
}
