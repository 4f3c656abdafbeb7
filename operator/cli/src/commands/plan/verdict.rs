//! What a plan means for whoever is about to apply it.

use jiff::Timestamp;
use runbook_api::scaling_policy::ActiveOverride;
use runbook_core::account::Brakes;
use runbook_core::plan::Weight;
use runbook_core::report::Hold;
use runbook_core::{Finding, Plan, Step};
use serde::Serialize;

use crate::kinds::Subject;
use crate::sources::Origin;

/// An object, and what would be done for it.
#[derive(Debug)]
pub struct Planned {
    /// Which.
    pub subject: Subject,
    /// Where it was read.
    pub origin: Origin,
    /// What would be done.
    pub judged: Judged,
}

/// What would be done for an object, and what there is to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// In one word.
    pub verdict: Verdict,
    /// The writes. Made where the verdict is [`Verdict::Changes`]; otherwise what would be made without the hold.
    pub steps: Vec<Step>,
    /// What there is to say.
    pub findings: Vec<Finding>,
    /// Why nothing would be written.
    pub hold: Option<Hold>,
    /// The overrides that hold.
    pub overrides: Vec<ActiveOverride>,
    /// When the operator would decide again by itself: an override ends, a freeze, a tag, the wait before the next step.
    pub next_at: Option<Timestamp>,
}

/// What applying an object would do, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// Nothing: AWS is as declared.
    InSync,
    /// Something would be written.
    Changes,
    /// Nothing for now: something happens by itself first.
    Waiting,
    /// Something differs, and a mode or a suspension keeps it from being written.
    Held,
    /// A person must act first.
    Error,
}

/// How many of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Objects.
    pub objects: usize,
    /// Writes.
    pub changes: usize,
    /// Objects that are as declared.
    pub in_sync: usize,
    /// Objects that wait for something.
    pub waiting: usize,
    /// Objects that are held.
    pub held: usize,
    /// Objects with which something is wrong.
    pub errors: usize,
}

/// Judges a plan that needs nothing more.
pub fn judge(plan: Plan, hold: Option<Hold>) -> Judged {
    let Plan { steps, findings, next_at, intent, .. } = plan;
    // As the operator looks at them: its own switches first, then what the plan found.
    let hold = hold.or(plan.hold);
    let overrides = intent.map(|intent| intent.active).unwrap_or_default();
    let weight = findings.iter().map(|finding| finding.weight).max().unwrap_or(Weight::Note);
    let verdict = match (weight, steps.is_empty(), hold) {
        (Weight::Stalled | Weight::Unavailable, ..) => Verdict::Error,
        (_, false, Some(_)) => Verdict::Held,
        (_, false, None) => Verdict::Changes,
        (Weight::Waiting, true, _) => Verdict::Waiting,
        (Weight::Note, true, _) => Verdict::InSync,
    };
    let steps = if verdict == Verdict::Error { Vec::new() } else { steps };
    Judged { verdict, steps, findings, hold, overrides, next_at }
}

/// Says of the first step of a slow scale-in where it leads, and how fast.
pub fn stepwise(plan: &Plan, brakes: &Brakes) -> Option<Finding> {
    let (bounds, pace) = (plan.intent.as_ref()?.bounds, brakes.scale_in?);
    let short = plan.steps.iter().any(|step| match step {
        Step::SetDesiredCount { from, to, .. } => to < from && *to != bounds.clamp(*from),
        Step::RegisterScalableTarget { to, .. } => bounds.most.is_some_and(|most| to.max > most),
        _ => false,
    });
    short.then(|| {
        Finding::note(
            "ScaleInStep",
            format!(
                "this is one step of several on the way to {bounds}: the AwsAccount's safety.scaleInStep lets {} % of the size go at \
                 once, and then waits for {} s",
                pace.percent,
                pace.every.as_secs()
            ),
        )
    })
}

impl Summary {
    /// Counts.
    pub fn of(planned: &[Planned]) -> Self {
        let mut summary = Self { objects: planned.len(), ..Self::default() };
        for Planned { judged, .. } in planned {
            match judged.verdict {
                Verdict::InSync => summary.in_sync += 1,
                Verdict::Changes => summary.changes += judged.steps.len(),
                Verdict::Waiting => summary.waiting += 1,
                Verdict::Held => summary.held += 1,
                Verdict::Error => summary.errors += 1,
            }
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use runbook_core::account::brakes::ScaleIn;
    use runbook_core::scaling::overrides::bounds::Declared;
    use runbook_core::scaling::overrides::intent::Memory;
    use runbook_core::scaling::overrides::{Bounds, Intent};
    use runbook_core::{Scope, ServiceId};

    use super::*;

    fn step() -> Step {
        let scope = Scope { connection: "default".into(), account_id: "1".into(), region: "eu-central-1".into() };
        Step::SetDesiredCount {
            service: ServiceId { scope, cluster: "app".into(), service: "web".into() },
            from: 1,
            to: 2,
        }
    }

    fn verdict(steps: usize, finding: Option<Finding>, hold: Option<Hold>) -> Verdict {
        let plan = Plan { steps: vec![step(); steps], findings: finding.into_iter().collect(), ..Plan::default() };
        judge(plan, hold).verdict
    }

    #[test]
    fn each_plan_has_its_verdict() {
        let note = || Some(Finding::note("A", "a"));
        let waiting = || Some(Finding::waiting("A", "a"));
        let stalled = || Some(Finding::stalled("A", "a"));
        assert_eq!(verdict(0, None, None), Verdict::InSync);
        assert_eq!(verdict(0, note(), Some(Hold::Observe)), Verdict::InSync);
        assert_eq!(verdict(1, note(), None), Verdict::Changes);
        assert_eq!(verdict(1, None, Some(Hold::Suspended)), Verdict::Held);
        assert_eq!(verdict(0, waiting(), None), Verdict::Waiting);
        assert_eq!(verdict(1, waiting(), None), Verdict::Changes);
        assert_eq!(verdict(1, stalled(), None), Verdict::Error);
        assert_eq!(verdict(0, stalled(), Some(Hold::Observe)), Verdict::Error);
    }

    #[test]
    fn what_the_plan_itself_holds_back_is_held_and_the_nearer_reason_is_told() {
        let frozen = || Plan { steps: vec![step()], hold: Some(Hold::Frozen), ..Plan::default() };
        let judged = |plan, hold| {
            let judged = judge(plan, hold);
            (judged.verdict, judged.hold)
        };
        assert_eq!(judged(frozen(), None), (Verdict::Held, Some(Hold::Frozen)));
        assert_eq!(judged(frozen(), Some(Hold::Suspended)), (Verdict::Held, Some(Hold::Suspended)));
    }

    #[test]
    fn the_first_step_of_a_slow_scale_in_says_where_it_leads() {
        let steps = |to| match step() {
            Step::SetDesiredCount { service, .. } => vec![Step::SetDesiredCount { service, from: 20, to }],
            _ => Vec::new(),
        };
        let (bounds, autoscaled) = (Bounds::exactly(3), false);
        let declared = Declared { bounds, autoscaled, ceiling: None };
        let plan = |to| Plan {
            steps: steps(to),
            intent: Some(Box::new(Intent::new(bounds, false, &Memory::default(), &[], &declared, None))),
            ..Plan::default()
        };
        let brakes = Brakes {
            freezes: Vec::new(),
            scale_in: Some(ScaleIn { percent: 20, every: SignedDuration::from_mins(5) }),
            ..Brakes::default()
        };
        let said = stepwise(&plan(16), &brakes).map(|finding| finding.message);
        assert_eq!(
            said.as_deref(),
            Some(
                "this is one step of several on the way to 3: the AwsAccount's safety.scaleInStep lets 20 % of the size go at once, and then \
                 waits for 300 s"
            )
        );
        assert_eq!(stepwise(&plan(3), &brakes), None, "that was the last");
        assert_eq!(stepwise(&plan(16), &Brakes::default()), None);
    }
}
