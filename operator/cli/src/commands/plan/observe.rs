//! Observe and plan, in turns, until the plan needs nothing more: as the operator does, and with nothing to write with.

use jiff::Timestamp;
use runbook_aws::{Freshness, Observer};
use runbook_core::facts::Answer;
use runbook_core::{Facts, Finding, Plan, Query};

use super::verdict::{Planned, judge, stepwise};
use crate::kinds::{Candidate, Prepared};

/// Rounds of questions that a plan may ask.
const ROUNDS: usize = 6;

/// Plans for one object.
pub async fn plan(observer: &Observer, candidate: &Candidate, now: Timestamp) -> Planned {
    let judged = match &candidate.prepared {
        Err(findings) => judge(Plan { findings: findings.clone(), ..Plan::default() }, None),
        Ok(prepared) => {
            let mut plan = observe(observer, prepared, now).await.unwrap_or_else(Plan::only);
            plan.findings.extend(stepwise(&plan, &prepared.access.brakes));
            plan.findings.extend(prepared.notes.iter().cloned());
            judge(plan, prepared.hold)
        }
    };
    Planned { subject: candidate.subject.clone(), origin: candidate.origin.clone(), judged }
}

async fn observe(observer: &Observer, prepared: &Prepared, now: Timestamp) -> Result<Plan, Finding> {
    let grants = &prepared.access.grants;
    let mut facts = Facts::default();
    for _ in 0..ROUNDS {
        let plan = (prepared.plan)(&facts, now);
        if plan.needs.is_empty() {
            return grants.allow_steps(&plan.steps).map(|()| plan);
        }
        grants.allow_queries(&plan.needs)?;
        let (assumed, asked): (Vec<Query>, Vec<Query>) = plan.needs.into_iter().partition(Query::is_of_kubernetes);
        assumed.into_iter().for_each(|query| facts.insert(query.clone(), Ok(assume(&query))));
        for (query, answer, _) in observer.observe(&asked, Freshness::WithinResync).await {
            facts.insert(query, answer);
        }
    }
    let plan = (prepared.plan)(&facts, now);
    if plan.needs.is_empty() {
        return grants.allow_steps(&plan.steps).map(|()| plan);
    }
    Err(Finding::stalled("PlanUnfinished", format!("the plan asks for more after {ROUNDS} rounds: please report it")))
}

/// Of Kubernetes nothing is asked: an export that is planned has no Job yet, and its Secret is there.
fn assume(query: &Query) -> Answer {
    match query {
        Query::UsableSecret(_) => Answer::UsableSecret(Some(true)),
        _ => Answer::ExportJob(None),
    }
}
