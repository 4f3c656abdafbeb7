//! What is done about a size that somebody else has set in AWS.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;

/// What is done about a size that somebody else has set in AWS. A change of the policy, or the end of an override, is no drift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The service is larger than declared. Adopt: it stays so for adoptFor, as a visible ScalingOverride (with autoscaling only up to
    /// overrideCeiling). Correct: it is scaled in. Report: it is left, and said.
    #[serde(default)]
    pub scale_out: OnScaleOut,
    /// How long an adopted scale-out holds.
    #[serde(default = "an_hour")]
    pub adopt_for: Duration,
    /// The service is smaller than declared, but not stopped. Correct: it is scaled out. Report: it is left, and said.
    #[serde(default)]
    pub scale_in: OnScaleIn,
    /// The service was set to 0 tasks. Correct: it is started again. Report: it is left, and said.
    #[serde(default)]
    pub from_zero: OnScaleIn,
}

/// What is done about a service that is larger than declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnScaleOut {
    /// It stays so for a while, as a ScalingOverride.
    #[default]
    Adopt,
    /// It is scaled in.
    Correct,
    /// It is left as it is, and said.
    Report,
}

/// What is done about a service that is smaller than declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnScaleIn {
    /// It is scaled out.
    #[default]
    Correct,
    /// It is left as it is, and said.
    Report,
}

impl Default for Drift {
    fn default() -> Self {
        Self {
            scale_out: OnScaleOut::default(),
            adopt_for: an_hour(),
            scale_in: OnScaleIn::default(),
            from_zero: OnScaleIn::default(),
        }
    }
}

fn an_hour() -> Duration {
    Duration::new("1h")
}
