//! Observe and plan, in turns, until the plan needs nothing more.

use jiff::Timestamp;
use runbook_aws::Freshness;
use runbook_core::{Facts, Finding, Plan, Query};
use tracing::error;

use super::kind::{Kind, Prepared};
use crate::context::Context;
use crate::exporting;

/// Rounds of questions that a plan may ask.
const ROUNDS: usize = 6;

/// What was seen, and what follows from it.
pub struct Seen {
    /// What is known about AWS.
    pub facts: Facts,
    /// What follows.
    pub plan: Plan,
}

impl Seen {
    /// Everything that was asked.
    pub fn asked(&self) -> Vec<Query> {
        self.facts.iter().map(|(query, _)| query.clone()).collect()
    }
}

/// Asks what the plan needs, as far as the grants allow, until it needs nothing more. Begins with the questions in `first`.
///
/// # Errors
/// A stalled finding when a question is not granted.
pub async fn observe<K: Kind>(
    context: &Context,
    prepared: &Prepared<K::Input>,
    first: Vec<Query>,
    freshness: Freshness,
    now: Timestamp,
) -> Result<Seen, Finding> {
    let mut facts = Facts::default();
    let mut needs = first;
    for _ in 0..=ROUNDS {
        if !needs.is_empty() {
            prepared.access.grants.allow_queries(&needs)?;
            let (of_aws, others): (Vec<Query>, Vec<Query>) = needs.into_iter().partition(Query::is_of_aws);
            for (query, answer, _) in context.plane.observe(&of_aws, freshness).await {
                facts.insert(query, answer);
            }
            let (of_kubernetes, others): (Vec<Query>, Vec<Query>) =
                others.into_iter().partition(Query::is_of_kubernetes);
            for query in of_kubernetes {
                let answer = exporting::answer(&context.client, &query).await;
                answer.into_iter().for_each(|answer| facts.insert(query.clone(), answer));
            }
            for query in others {
                let answer = context.asking.answer(&query, context.plane.vault(), freshness).await;
                answer.into_iter().for_each(|answer| facts.insert(query.clone(), Ok(answer)));
            }
        }
        let plan = K::plan(&prepared.input, &facts, now);
        if plan.needs.is_empty() {
            return Ok(Seen { facts, plan });
        }
        needs = plan.needs;
    }
    error!(kind = K::KIND, ?needs, "the plan asks without end");
    let message = format!(
        "after {ROUNDS} rounds of questions the plan still asks; this is a defect of the operator, please report it"
    );
    Err(Finding::stalled("PlanUnfinished", message))
}
