//! What a reconcile has to say: the part of a status that is the same for every kind.

use std::cmp::Reverse;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use runbook_api::common::condition::{READY, SYNCED};
use runbook_api::common::{HistoryEntry, PlanStatus};

use super::conditions::{self, Before};
use super::history::{self, Act};
use super::outcome::Outcome;
use super::reason::{self, Reason};
use crate::account::events::Heard;
use crate::backup::Outlook;
use crate::facts::Facts;
use crate::plan::{Finding, Progress, Weight};
use crate::scaling::overrides::Intent;
use crate::step::Step;

/// Longest value of the annotation `reconcile-requested-at` that is echoed, in characters; the schema allows no more.
const LONGEST_REQUEST: usize = 128;

/// What a reconcile has to say.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    /// What came of it.
    pub outcome: &'a Outcome,
    /// What there is to say beside it.
    pub findings: &'a [Finding],
    /// The generation that was reconciled.
    pub generation: Option<i64>,
    /// Steps that are planned and not made.
    pub pending: &'a [Step],
    /// Steps that were made or tried.
    pub acts: &'a [Act],
    /// The request that was handled: the annotation `reconcile-requested-at`.
    pub requested: Option<&'a str>,
    /// What was seen of AWS.
    pub facts: &'a Facts,
    /// When.
    pub now: Timestamp,
    /// What the plan works towards, where there was one.
    pub intent: Option<&'a Intent>,
    /// What a plan for a BackupPolicy saw and expects, where there was one.
    pub outlook: Option<&'a Outlook>,
    /// Where a run stands, where there was a plan for it.
    pub progress: Option<&'a Progress>,
    /// How the queues of an AwsAccount do.
    pub queues: &'a [Heard],
    /// Whether the steps that stand in the status as claimed were so by a process that has ended, or leads no longer, without telling
    /// what came of them.
    pub untold: bool,
}

impl Summary<'_> {
    /// The conditions, with what is worth knowing added to the good news.
    pub fn conditions(&self, previous: &[Condition]) -> Vec<Condition> {
        let mut conditions =
            conditions::conditions(Before { conditions: previous }, self.outcome, self.generation, self.now);
        let notes: Vec<&str> = self
            .findings
            .iter()
            .filter(|finding| finding.weight == Weight::Note)
            .map(|finding| finding.message.as_str())
            .collect();
        let good = matches!(self.outcome, Outcome::InSync | Outcome::Held { .. });
        if good && !notes.is_empty() {
            for condition in conditions.iter_mut().filter(|condition| [READY, SYNCED].contains(&&*condition.type_)) {
                let message = format!("{}. Worth knowing: {}", condition.message, notes.join("; "));
                condition.message = conditions::truncate(&message);
            }
        }
        conditions
    }

    /// The generation that the status speaks of. An outage is no news about a spec: it stays the one before.
    pub fn observed_generation(&self, previous: Option<i64>) -> Option<i64> {
        if self.is_outage() { previous } else { self.generation }
    }

    /// The steps that are not made yet; as before where an outage left nothing to plan on.
    pub fn plan(&self, previous: Option<&PlanStatus>) -> Option<PlanStatus> {
        if self.is_outage() && self.pending.is_empty() && self.acts.is_empty() {
            return previous.cloned();
        }
        history::plan_status(self.pending)
    }

    /// The history with the new acts in it, and before them what another process had claimed and has not told of, once the claim itself
    /// goes: without it nobody would know any more that it may have been made.
    pub fn history(
        &self,
        previous: &[HistoryEntry],
        plan: Option<&PlanStatus>,
        conditions: &[Condition],
    ) -> Vec<HistoryEntry> {
        // An outage leaves the claim where it is.
        let stays = self.pending.is_empty() && self.acts.is_empty() && reason::is_claimed(&self.conditions(conditions));
        let untold = match plan {
            Some(plan) if self.untold && !stays && reason::is_claimed(conditions) => {
                let reason =
                    if self.progress.is_some() { Reason::Run } else { Reason::of(conditions, self.generation) };
                history::untold(plan, reason, self.now)
            }
            _ => Vec::new(),
        };
        let mut told = history::append(&[&untold, previous].concat(), self.acts);
        if !untold.is_empty() {
            // Acts of a leadership before that one may be told only now.
            told.sort_by_key(|entry| Reverse(entry.time.0));
        }
        told
    }

    /// The request that was last handled.
    pub fn handled(&self, previous: Option<&str>) -> Option<String> {
        self.requested.map(echo).or_else(|| previous.map(Into::into))
    }

    /// Whether steps are about to be made, or were.
    pub fn is_working(&self) -> bool {
        matches!(self.outcome, Outcome::Working { .. })
    }

    fn is_outage(&self) -> bool {
        matches!(self.outcome, Outcome::Unavailable { .. })
    }
}

/// Whether the annotation `reconcile-requested-at` asks for something that the status does not yet show as handled.
pub fn is_requested(requested: Option<&str>, handled: Option<&str>) -> bool {
    requested.is_some_and(|requested| handled != Some(echo(requested).as_str()))
}

fn echo(requested: &str) -> String {
    requested.chars().take(LONGEST_REQUEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary<'a>(outcome: &'a Outcome, facts: &'a Facts, findings: &'a [Finding]) -> Summary<'a> {
        let now = Timestamp::UNIX_EPOCH;
        Summary {
            outcome,
            findings,
            generation: Some(2),
            pending: &[],
            acts: &[],
            requested: None,
            facts,
            now,
            intent: None,
            outlook: None,
            progress: None,
            queues: &[],
            untold: false,
        }
    }

    #[test]
    fn an_outage_is_no_news_about_the_spec() {
        let facts = Facts::default();
        let outage = Outcome::Unavailable { reason: "AwsThrottled".into(), message: "slow down".into() };
        let plan = Some(PlanStatus::default());
        let summary_ = summary(&outage, &facts, &[]);
        assert_eq!(summary_.observed_generation(Some(1)), Some(1));
        assert_eq!(summary_.plan(plan.as_ref()), plan);
        assert_eq!(summary(&Outcome::InSync, &facts, &[]).observed_generation(Some(1)), Some(2));
        assert_eq!(summary(&Outcome::InSync, &facts, &[]).plan(plan.as_ref()), None);
    }

    #[test]
    fn notes_are_said_beside_good_news() {
        let facts = Facts::default();
        let notes = [Finding::note("ReplicasIgnored", "replicas: 3 is ignored")];
        let conditions = summary(&Outcome::InSync, &facts, &notes).conditions(&[]);
        let said: Vec<(&str, bool)> =
            conditions.iter().map(|one| (one.type_.as_str(), one.message.contains("replicas: 3"))).collect();
        assert_eq!(said, [("Ready", true), ("Synced", true), ("Stalled", false), ("Reconciling", false)]);
    }

    #[test]
    fn a_request_is_handled_once_however_long_it_is() {
        let long = "x".repeat(500);
        assert!(is_requested(Some(&long), None));
        assert!(!is_requested(Some(&long), Some(&echo(&long))));
        assert!(!is_requested(None, Some("a")));
        assert!(is_requested(Some("b"), Some("a")));
    }
}
