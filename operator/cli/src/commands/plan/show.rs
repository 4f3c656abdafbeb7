//! A plan as text and as JSON.

use std::fmt::Write as _;

use jiff::Timestamp;
use runbook_api::scaling_policy::ActiveOverride;
use runbook_core::plan::Weight;
use runbook_core::step::Effect;
use runbook_core::{Finding, Step};
use serde::Serialize;

use super::verdict::{Planned, Summary, Verdict};
use crate::errors::CliError;
use crate::kinds::Subject;
use crate::output::{BOLD, DIM, GREEN, RED, YELLOW, counted, json as to_json, line};

/// For people: a step a line, by object, and a summary.
pub fn text(planned: &[Planned], summary: &Summary) -> String {
    let mut text = String::new();
    for object in planned {
        let judged = &object.judged;
        let silent = judged.verdict == Verdict::InSync && judged.findings.is_empty() && judged.overrides.is_empty();
        if !silent {
            show(object, &mut text);
        }
    }
    let _ = writeln!(text, "{}", summed_up(summary));
    text
}

fn show(object: &Planned, text: &mut String) {
    let Planned { subject, origin, judged } = object;
    let origin = if subject.kind.is_empty() { String::new() } else { line(DIM, &format!("  {origin}"), "") };
    let _ = writeln!(text, "{}", line(BOLD, &subject.to_string(), &origin));
    for step in &judged.steps {
        let _ = match (judged.verdict, step.effect()) {
            (Verdict::Held, _) => writeln!(text, "  {}", line(DIM, "held: ", &step.to_string())),
            (_, Effect::Creates) => writeln!(text, "  {}", line(GREEN, "+ ", &step.to_string())),
            (_, Effect::Changes) => writeln!(text, "  {}", line(YELLOW, "~ ", &step.to_string())),
            (_, Effect::Deletes) => writeln!(text, "  {}", line(RED, "- ", &step.to_string())),
        };
    }
    let held = judged.hold.filter(|_| judged.verdict == Verdict::Held);
    // What says until when says it better than the general message.
    let of_hold = |finding: &Finding| held.is_some_and(|hold| finding.reason == hold.reason());
    if let Some(hold) = held {
        let message = judged.findings.iter().find(|one| of_hold(one)).map_or(hold.message(), |one| &*one.message);
        let _ = writeln!(text, "  {}", line(YELLOW, &format!("{}: ", hold.reason()), message));
    }
    for ActiveOverride { name, expires_at, changes } in &judged.overrides {
        let head = line(GREEN, "override: ", &format!("{name} until {}: {changes}", expires_at.0));
        let _ = writeln!(text, "  {head}");
    }
    for finding in judged.findings.iter().filter(|finding| !of_hold(finding)) {
        let (style, word) = match finding.weight {
            Weight::Note => (DIM, "note: ".to_owned()),
            Weight::Waiting => (YELLOW, "waiting: ".to_owned()),
            Weight::Unavailable | Weight::Stalled => (RED, format!("{}: ", finding.reason)),
        };
        let _ = writeln!(text, "  {}", line(style, &word, &finding.message));
    }
    text.push('\n');
}

fn summed_up(summary: &Summary) -> String {
    let mut text = format!(
        "{}: {}, {} in sync, {}",
        counted(summary.objects, "object", "objects"),
        counted(summary.changes, "change", "changes"),
        summary.in_sync,
        counted(summary.errors, "error", "errors")
    );
    for (count, word) in [(summary.waiting, "waiting"), (summary.held, "held")] {
        if count > 0 {
            let _ = write!(text, ", {count} {word}");
        }
    }
    text
}

#[derive(Serialize)]
struct Report<'a> {
    objects: Vec<Object<'a>>,
    summary: &'a Summary,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    #[serde(flatten)]
    subject: &'a Subject,
    source: String,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<&'static str>,
    steps: Vec<Made>,
    findings: &'a [Finding],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    overrides: &'a [ActiveOverride],
    #[serde(skip_serializing_if = "Option::is_none")]
    next_at: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    step: &'static str,
    description: String,
    resources: Vec<String>,
    iam_action: &'static str,
}

/// For programs.
///
/// # Errors
/// As [`crate::output::json`].
pub fn json(planned: &[Planned], summary: &Summary) -> Result<String, CliError> {
    to_json("the plan", &Report { objects: planned.iter().map(Object::from).collect(), summary })
}

impl<'p> From<&'p Planned> for Object<'p> {
    fn from(Planned { subject, origin, judged }: &'p Planned) -> Self {
        Self {
            subject,
            source: origin.to_string(),
            verdict: judged.verdict,
            held_by: judged.hold.filter(|_| judged.verdict == Verdict::Held).map(|hold| hold.reason()),
            steps: judged.steps.iter().map(Made::from).collect(),
            findings: &judged.findings,
            overrides: &judged.overrides,
            next_at: judged.next_at,
        }
    }
}

impl From<&Step> for Made {
    fn from(step: &Step) -> Self {
        Self {
            step: step.name(),
            description: step.to_string(),
            resources: step.resources(),
            iam_action: step.iam_action(),
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use runbook_core::report::Hold;
    use runbook_core::{Scope, ServiceId};

    use super::super::verdict::Judged;
    use super::*;
    use crate::sources::Origin;

    #[test]
    fn what_is_held_says_until_when_once_and_overrides_stand_beside_it() {
        let scope = Scope { connection: "default".into(), account_id: "1".into(), region: "eu-central-1".into() };
        let service = ServiceId { scope, cluster: "shop".into(), service: "web".into() };
        let until: Timestamp = "2026-03-01T18:00:00Z".parse().unwrap();
        let planned = Planned {
            subject: Subject { kind: "ScalingPolicy", namespace: Some("shop".into()), name: "web".into() },
            origin: Origin { file: "web.yaml".into(), document: 0 },
            judged: Judged {
                verdict: Verdict::Held,
                steps: vec![Step::SetDesiredCount { service, from: 3, to: 5 }],
                findings: vec![
                    Finding::note("HeldByTag", "nothing is written before 18:00"),
                    Finding::note("Superseded", "ScalingOverride old changes nothing"),
                ],
                hold: Some(Hold::HeldByTag),
                overrides: vec![ActiveOverride {
                    name: "sale".into(),
                    expires_at: Time(until),
                    changes: "size 3 to at least 5".into(),
                }],
                next_at: Some(until),
            },
        };
        let planned = [planned];
        let summary = Summary::of(&planned);
        let expected = "\
ScalingPolicy shop/web  web.yaml
  held: set desiredCount of shop/web from 3 to 5
  HeldByTag: nothing is written before 18:00
  override: sale until 2026-03-01T18:00:00Z: size 3 to at least 5
  note: ScalingOverride old changes nothing

1 object: 0 changes, 0 in sync, 0 errors, 1 held
";
        assert_eq!(anstream::adapter::strip_str(&text(&planned, &summary)).to_string(), expected);
        let report: serde_json::Value = serde_json::from_str(&json(&planned, &summary).unwrap()).unwrap();
        let object = &report["objects"][0];
        assert_eq!((&object["heldBy"], &object["nextAt"]), (&"HeldByTag".into(), &"2026-03-01T18:00:00Z".into()));
        let shown = serde_json::json!([
            {"name": "sale", "expiresAt": "2026-03-01T18:00:00Z", "changes": "size 3 to at least 5"}
        ]);
        assert_eq!(object["overrides"], shown);
    }
}
