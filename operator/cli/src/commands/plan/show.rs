//! A plan as text and as JSON.

use std::fmt::Write as _;

use runbook_core::Step;
use runbook_core::plan::Weight;
use runbook_core::step::Effect;
use serde::Serialize;

use super::verdict::{Planned, Summary, Verdict};
use crate::errors::CliError;
use crate::kinds::Subject;
use crate::output::{BOLD, DIM, GREEN, RED, YELLOW, counted, json as to_json, line};

/// For people: a step a line, by object, and a summary.
pub fn text(planned: &[Planned], summary: &Summary) -> String {
    let mut text = String::new();
    for object in planned {
        let silent = object.judged.verdict == Verdict::InSync && object.judged.findings.is_empty();
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
    if let (Verdict::Held, Some(hold)) = (judged.verdict, judged.hold) {
        let _ = writeln!(text, "  {}", line(YELLOW, &format!("{}: ", hold.reason()), hold.message()));
    }
    for finding in &judged.findings {
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
    findings: &'a [runbook_core::Finding],
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
