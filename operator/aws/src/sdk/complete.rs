//! Answers are checked for what decisions rest on: the SDKs make 0 of a number that is absent, and a service of 0 tasks would be scaled.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use serde_json::Value;

/// Refuses an answer in which an element of `list` lacks one of `fields`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Complete {
    pub(super) list: &'static str,
    pub(super) fields: &'static [&'static str],
}

/// An answer that lacks what it must have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer's {list} has an element without {field}")]
pub(super) struct Incomplete {
    list: &'static str,
    field: &'static str,
}

impl Complete {
    fn check(&self, body: &[u8]) -> Result<(), Incomplete> {
        // What is no JSON is refused by the SDK itself.
        let Ok(body) = serde_json::from_slice::<Value>(body) else { return Ok(()) };
        let elements = body.get(self.list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for element in elements {
            for &field in self.fields {
                if element.get(field).is_none_or(Value::is_null) {
                    return Err(Incomplete { list: self.list, field });
                }
            }
        }
        Ok(())
    }
}

#[dyn_dispatch_hint]
impl Intercept for Complete {
    fn name(&self) -> &'static str {
        "Complete"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        match response.body().bytes() {
            Some(body) if response.status().is_success() => Ok(self.check(body)?),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_number_is_not_zero() {
        let complete = Complete { list: "services", fields: &["desiredCount"] };
        for (body, complete_enough) in [
            (r#"{"services":[{"desiredCount":0},{"desiredCount":2}],"failures":[]}"#, true),
            (r#"{"services":[]}"#, true),
            (r#"{"failures":[{"reason":"MISSING"}]}"#, true),
            ("<html>", true),
            (r#"{"services":[{"desiredCount":0},{"status":"ACTIVE"}]}"#, false),
            (r#"{"services":[{"desiredCount":null}]}"#, false),
        ] {
            assert_eq!(complete.check(body.as_bytes()).is_ok(), complete_enough, "{body}");
        }
    }
}
