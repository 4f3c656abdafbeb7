//! How many calls a second the operator may make in an account.

use runbook_api::aws_account::{ApiBudget, RequestBudget};
use runbook_api::number::Number;

use crate::plan::Finding;

/// Calls a second, by API, in each region of one account.
///
/// The default is a quarter of what AWS sustains, so that people, deployments and other tools keep the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Elastic Container Service. AWS sustains 20 reads and 5 changes of services a second (Amazon ECS API Reference, "Request throttling").
    pub ecs: Rates,
    /// Application Auto Scaling. AWS publishes no rates; assumed to be those of ECS.
    pub application_auto_scaling: Rates,
    /// Relational Database Service. AWS publishes no rates; assumed to be those of ECS. Nothing is written.
    pub rds: Rates,
    /// Security Token Service. AWS sustains 600 a second (IAM User Guide, "IAM and AWS STS quotas").
    pub sts: Rates,
    /// Simple Queue Service, of which AWS says that a standard queue takes nearly any number (Amazon SQS Developer Guide, "Amazon SQS
    /// message quotas"). Ten calls a second take a hundred events; more wait in the queue.
    pub sqs: Rates,
}

/// Calls a second of one API.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Reads a second.
    pub read: f64,
    /// Writes a second.
    pub modify: f64,
}

impl Default for Budget {
    fn default() -> Self {
        let quarter = Rates { read: 5.0, modify: 1.25 };
        let queues = Rates { read: 10.0, modify: 10.0 };
        Self { ecs: quarter, application_auto_scaling: quarter, rds: quarter, sts: quarter, sqs: queues }
    }
}

impl Budget {
    /// The least rate: one call in a hundred seconds. Less would be a stop, which is `mode: Observe`.
    pub const LEAST: f64 = 0.01;

    /// The smaller of two, rate by rate: what two AwsAccounts of one account may do together.
    pub fn least(self, other: Self) -> Self {
        let least =
            |one: Rates, other: Rates| Rates { read: one.read.min(other.read), modify: one.modify.min(other.modify) };
        Self {
            ecs: least(self.ecs, other.ecs),
            application_auto_scaling: least(self.application_auto_scaling, other.application_auto_scaling),
            rds: least(self.rds, other.rds),
            sts: least(self.sts, other.sts),
            sqs: least(self.sqs, other.sqs),
        }
    }

    /// The budget that an AwsAccount's `requestBudget` declares; what it leaves out is the default.
    ///
    /// # Errors
    /// A stalled finding that says which number is wrong.
    pub fn declared(spec: Option<&RequestBudget>) -> Result<Self, Finding> {
        let default = Self::default();
        let Some(spec) = spec else { return Ok(default) };
        Ok(Self {
            ecs: rates("ecs", spec.ecs.as_ref(), default.ecs)?,
            application_auto_scaling: rates(
                "applicationAutoScaling",
                spec.application_auto_scaling.as_ref(),
                default.application_auto_scaling,
            )?,
            rds: rates("rds", spec.rds.as_ref(), default.rds)?,
            sts: default.sts,
            sqs: default.sqs,
        })
    }
}

fn rates(api: &str, spec: Option<&ApiBudget>, default: Rates) -> Result<Rates, Finding> {
    let Some(spec) = spec else { return Ok(default) };
    let rate = |field: &str, number: &Option<Number>, default: f64| match number {
        None => Ok(default),
        Some(number) => {
            let field = format!("requestBudget.{api}.{field}");
            let value = number.value().map_err(|error| Finding::stalled("InvalidSpec", format!("{field}: {error}")))?;
            if !value.is_finite() || value < Budget::LEAST {
                return Err(Finding::stalled(
                    "InvalidSpec",
                    format!(
                        "{field}: {number} is less than {} calls a second: write more, or set mode: Observe to stop all writes",
                        Budget::LEAST
                    ),
                ));
            }
            Ok(value)
        }
    };
    Ok(Rates { read: rate("read", &spec.read, default.read)?, modify: rate("modify", &spec.modify, default.modify)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Option<Number> {
        Some(Number::Text(text.into()))
    }

    #[test]
    fn what_is_left_out_is_a_quarter_of_what_aws_sustains() {
        assert_eq!(Budget::declared(None), Ok(Budget::default()));
        let spec = RequestBudget {
            ecs: Some(ApiBudget { read: Some(Number::Int(8)), modify: None }),
            ..RequestBudget::default()
        };
        let expected = Budget { ecs: Rates { read: 8.0, modify: 1.25 }, ..Budget::default() };
        assert_eq!(Budget::declared(Some(&spec)), Ok(expected));
        let rds = ApiBudget { read: None, modify: number("2.5") };
        let spec = RequestBudget { rds: Some(rds), ..RequestBudget::default() };
        let expected = Budget { rds: Rates { read: 5.0, modify: 2.5 }, ..Budget::default() };
        assert_eq!(Budget::declared(Some(&spec)), Ok(expected));
    }

    #[test]
    fn a_rate_of_nothing_is_refused_and_the_field_named() {
        for text in ["0", "0.001", "1m", "x"] {
            let api = ApiBudget { read: None, modify: number(text) };
            let spec = RequestBudget { application_auto_scaling: Some(api), ..RequestBudget::default() };
            let refused = Budget::declared(Some(&spec)).map_err(|finding| finding.message);
            assert!(
                refused
                    .as_ref()
                    .is_err_and(|message| message.starts_with("requestBudget.applicationAutoScaling.modify: ")),
                "{text}: {refused:?}"
            );
        }
    }
}
