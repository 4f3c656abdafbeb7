//! The frame that every event has (EventBridge User Guide, "AWS service event structure").

use serde::Deserialize;
use serde_json::Value;

use super::Kind;
use crate::ids::DatabaseKind;

#[derive(Debug, Deserialize)]
pub(super) struct Envelope {
    pub(super) account: String,
    pub(super) region: String,
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) time: Option<String>,
    #[serde(default)]
    pub(super) resources: Vec<String>,
    #[serde(default)]
    detail: Value,
}

impl Envelope {
    /// Reads a message; what is wrong with it where it is no event. What it holds is not repeated: it may be anything.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|error| {
            format!(
                "no event of EventBridge: {:?} in line {}, column {}",
                error.classify(),
                error.line(),
                error.column()
            )
        })
    }

    pub(super) fn kind(&self) -> Kind {
        match (self.source.as_str(), self.detail_type.as_str()) {
            ("aws.ecs", "ECS Service Action") => Kind::ServiceAction,
            ("aws.ecs", "ECS Deployment State Change") => Kind::DeploymentStateChange,
            (source, "AWS API Call via CloudTrail") if source.starts_with("aws.") => Kind::ApiCall,
            ("aws.rds", "RDS DB Instance Event" | "RDS DB Cluster Event") => Kind::DatabaseEvent,
            _ => Kind::Other,
        }
    }

    /// Of an event of RDS: which sort of database it is about.
    pub(super) fn database_kind(&self) -> DatabaseKind {
        if self.detail_type == "RDS DB Cluster Event" { DatabaseKind::Cluster } else { DatabaseKind::Instance }
    }

    /// A text in the detail, by the way to it.
    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        pointer.split('.').try_fold(&self.detail, |value, name| value.get(name))?.as_str()
    }
}
