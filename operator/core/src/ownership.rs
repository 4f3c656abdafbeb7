//! Whose something in AWS is: tags that outlive the loss of the cluster.

use std::collections::BTreeMap;

use crate::ids::ObjectId;

/// The tag that says whose a resource in AWS is.
pub const OWNER_TAG: &str = "ops.clocked.app/owner";
/// The tag that holds the ARN of the resource itself. RDS copies tags to restores and copies, and people rename: where the two differ,
/// the owner's tag was copied from something else and says nothing.
pub const OWN_ARN_TAG: &str = "ops.clocked.app/resource-arn";
/// The tag that says which slot of the schedule a snapshot was taken for, in RFC 3339.
pub const SLOT_TAG: &str = "ops.clocked.app/slot";

/// The tag that says which run made a resource: the uid of its object. A run of the same name that is made anew is another.
pub const RUN_TAG: &str = "ops.clocked.app/run";
/// The tag on a snapshot that says when a restore of it was last found good, in RFC 3339.
pub const VERIFIED_TAG: &str = "ops.clocked.app/verified-at";
/// The tag on a copy that says which database it is of: its DbiResourceId or DbClusterResourceId.
pub const DATABASE_TAG: &str = "ops.clocked.app/database-resource-id";
/// The tag on a snapshot that was made to be shared with another account, and is deleted when that has its copy: the name of the copies.
pub const SHARED_TAG: &str = "ops.clocked.app/made-to-share-for";

/// The value of [`OWNER_TAG`] on what a run makes: runs and policies may have the same names.
pub fn owner_of_run(cluster_id: &str, plural: &str, object: &ObjectId) -> String {
    format!("{cluster_id}/{}/{plural}/{}", object.namespace, object.name)
}

/// The value of [`OWNER_TAG`] on what is created for an object.
pub fn owner(cluster_id: &str, object: &ObjectId) -> String {
    format!("{cluster_id}/{object}")
}

/// Whether these tags, on the resource of this ARN, say that it is the owner's and no copy.
pub fn is_own(tags: &BTreeMap<String, String>, arn: &str, owner: &str) -> bool {
    tags.get(OWNER_TAG).is_some_and(|value| value == owner) && tags.get(OWN_ARN_TAG).is_some_and(|value| value == arn)
}

/// The CloudFormation stack that made a resource, by a tag that only CloudFormation can set (CloudFormation User Guide, "Resource tag").
pub fn stack(tags: &BTreeMap<String, String>) -> Option<&str> {
    tags.get("aws:cloudformation:stack-name").map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_was_copied_says_nothing() {
        let tags = |owner: &str, arn: &str| {
            BTreeMap::from([(OWNER_TAG.to_owned(), owner.to_owned()), (OWN_ARN_TAG.to_owned(), arn.to_owned())])
        };
        let own = "production/clocked/clocked-db";
        assert!(is_own(&tags(own, "arn-1"), "arn-1", own));
        assert!(!is_own(&tags(own, "arn-1"), "arn-2", own), "copied from arn-1");
        assert!(!is_own(&tags("staging/clocked/clocked-db", "arn-1"), "arn-1", own));
        assert!(!is_own(&BTreeMap::from([(OWNER_TAG.to_owned(), own.to_owned())]), "arn-1", own));
    }
}
