//! STS in the query protocol: who the credentials are.

use super::ACCOUNT;

/// The answer to GetCallerIdentity.
pub fn caller_identity() -> String {
    format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:iam::{ACCOUNT}:user/runbook-operator</Arn><UserId>AIDAEXAMPLE</UserId><Account>{ACCOUNT}</Account>\
         </GetCallerIdentityResult><ResponseMetadata><RequestId>request-sts</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>"
    )
}
