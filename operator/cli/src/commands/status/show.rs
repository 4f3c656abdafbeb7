//! The state of things as text and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;
use jiff::Timestamp;
use serde::Serialize;

use super::attention::{Concern, Overview};
use super::temporary::Temporary;
use crate::errors::CliError;
use crate::output::{BOLD, DIM, GREEN, RED, YELLOW, json as to_json, length, line};

/// For people: what needs attention, `most` objects of it, then counts.
pub fn text(overview: &Overview, namespace: Option<&str>, now: Timestamp, most: usize) -> String {
    let mut text = String::new();
    for concern in overview.attention.iter().take(most) {
        let Concern { subject, state, reason, message, since, .. } = concern;
        let age =
            since.map(|since| format!("  for {}", length(now.duration_since(since).as_secs()))).unwrap_or_default();
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
    if !overview.overrides.is_empty() {
        let _ = writeln!(text, "\n{}", line(BOLD, "For a while:", ""));
    }
    for one in overview.overrides.iter().take(most) {
        show(one, now, &mut text);
    }
    let more = overview.overrides.len().saturating_sub(most);
    if more > 0 {
        let _ = writeln!(text, "  … and {more} more: add --all");
    }
    text.push('\n');
    for (kind, states) in &overview.counts {
        let total: usize = states.values().sum();
        let parts: Vec<String> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
        let _ = writeln!(text, "{kind}: {total} ({})", parts.join(", "));
    }
    text
}

fn show(one: &Temporary, now: Timestamp, text: &mut String) {
    let Temporary { namespace, name, policy, expires_at, changes, reason, made_by } = one;
    let head = line(BOLD, &format!("ScalingPolicy {namespace}/{policy}"), "");
    let what = match made_by.as_deref() {
        Some("operator") => line(YELLOW, "adopted", " from AWS, "),
        _ => String::new(),
    };
    let left = length(expires_at.duration_since(now).as_secs());
    let _ = writeln!(text, "  {head}  {what}{}", changes.as_deref().unwrap_or("no change known yet"));
    let _ = writeln!(text, "    until {expires_at} (in {left}) by ScalingOverride {name}: {reason}");
}

fn style(state: &str) -> Style {
    match state {
        "Stalled" | "Malformed" => RED,
        "Held" | "New" => DIM,
        _ => YELLOW,
    }
}

#[derive(Serialize)]
struct Report<'a> {
    attention: &'a [Concern],
    overrides: &'a [Temporary],
    counts: &'a BTreeMap<&'static str, BTreeMap<&'static str, usize>>,
}

/// For programs: everything, however much it is.
///
/// # Errors
/// As [`crate::output::json`].
pub fn json(overview: &Overview) -> Result<String, CliError> {
    to_json(
        "the status",
        &Report { attention: &overview.attention, overrides: &overview.overrides, counts: &overview.counts },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_for_a_while_is_shown_with_its_end_and_its_reason() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let temporary = |name: &str, made_by: Option<&str>, expires_at: &str| Temporary {
            namespace: "shop".into(),
            name: name.into(),
            policy: "web".into(),
            expires_at: expires_at.parse().unwrap(),
            changes: Some("size 2 to at least 5".into()),
            reason: "the sale begins".into(),
            made_by: made_by.map(Into::into),
        };
        let overview = Overview {
            overrides: vec![
                temporary("adopted-web-1", Some("operator"), "2026-03-01T12:20:00Z"),
                temporary("sale", None, "2026-03-01T13:30:00Z"),
            ],
            counts: [("ScalingOverride", [("Active", 2)].into())].into(),
            ..Overview::default()
        };
        let shown = anstream::adapter::strip_str(&text(&overview, Some("shop"), now, 20)).to_string();
        let expected = "\
Nothing needs attention.

For a while:
  ScalingPolicy shop/web  adopted from AWS, size 2 to at least 5
    until 2026-03-01T12:20:00Z (in 20m) by ScalingOverride adopted-web-1: the sale begins
  ScalingPolicy shop/web  size 2 to at least 5
    until 2026-03-01T13:30:00Z (in 1h 30m) by ScalingOverride sale: the sale begins

ScalingOverride: 2 (2 Active)
";
        assert_eq!(shown, expected);
    }
}
