//! Scheduled scaling: windows, and scheduled actions as AWS knows them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// A rule of CEL for what may be a schedule at all; the operator reads the rest and says what is wrong with it.
const CRON: &str = "self.matches('^cron[(].+[)]$')";
const CRON_MESSAGE: &str = "write cron(minutes hours day-of-month month day-of-week year), one of the two days as ?, for example cron(0 8 ? * MON-FRI *)";
/// IANA names: `Europe/Berlin`, `Etc/GMT+9`, `UTC`.
const ZONE: &str = "self.matches('^[A-Za-z][A-Za-z0-9._+/-]*$')";

/// A band that begins and ends: a pair of scheduled actions named NAME-start and NAME-end. The end restores the policy's own band.
/// Windows must not overlap: where one ends inside another, the policy's own band holds from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.minCapacity <= self.maxCapacity").message("minCapacity of a window must not exceed its maxCapacity"))]
#[x_kube(validation = Rule::new("self.start != self.end").message("a window that ends when it starts is none: set end to a later time"))]
pub struct Window {
    /// Name of the window: its scheduled actions are named NAME-start and NAME-end.
    #[schemars(length(max = 100))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9][A-Za-z0-9._=+@-]*$')")
        .message("name must begin with a letter or digit and go on with letters, digits and ._=+@-"))]
    pub name: String,
    /// When the window begins: cron(minutes hours day-of-month month day-of-week year).
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new(CRON).message(CRON_MESSAGE))]
    pub start: String,
    /// When it ends: cron(minutes hours day-of-month month day-of-week year).
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new(CRON).message(CRON_MESSAGE))]
    pub end: String,
    /// IANA time zone that both are in, summer time included. Default: UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new(ZONE).message("timeZone must be an IANA name such as Europe/Berlin"))]
    pub time_zone: Option<String>,
    /// The autoscaler never goes below, inside the window.
    #[schemars(range(min = 0, max = 5000))]
    pub min_capacity: i32,
    /// The autoscaler never goes above, inside the window.
    #[schemars(range(min = 0, max = 5000))]
    pub max_capacity: i32,
}

/// A scheduled action as AWS knows it: it changes one or both limits and changes nothing back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.minCapacity) || has(self.maxCapacity)")
    .message("say what the action changes: set minCapacity, maxCapacity or both"))]
#[x_kube(validation = Rule::new("!has(self.minCapacity) || !has(self.maxCapacity) || self.minCapacity <= self.maxCapacity")
    .message("minCapacity of a scheduled action must not exceed its maxCapacity"))]
#[x_kube(validation = Rule::new("!has(self.startTime) || !has(self.endTime) || self.startTime < self.endTime")
    .message("startTime must be before endTime"))]
pub struct ScheduledActionSpec {
    /// Name of the action in AWS, unique for the service.
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9][A-Za-z0-9._=+@-]*$')")
        .message("name must begin with a letter or digit and go on with letters, digits and ._=+@-"))]
    pub name: String,
    /// When: at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(minutes hours day-of-month month day-of-week year).
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new("self.matches('^(at|rate|cron)[(].+[)]$')")
        .message("write at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(minutes hours day-of-month month day-of-week year)"))]
    pub schedule: String,
    /// IANA time zone that the schedule is in, summer time included. Default: UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new(ZONE).message("timeZone must be an IANA name such as Europe/Berlin"))]
    pub time_zone: Option<String>,
    /// The first moment at which it may fire. A rate counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// From when on it no longer fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// What it sets minCapacity to. Left as it is where this is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 5000))]
    pub min_capacity: Option<i32>,
    /// What it sets maxCapacity to. Left as it is where this is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 5000))]
    pub max_capacity: Option<i32>,
}
