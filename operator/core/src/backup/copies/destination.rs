//! Where copies go: what a spec says of it, in the accounts and regions that there are.

use runbook_api::aws_account::Verb;
use runbook_api::backup_policy::BackupPolicySpec;
use runbook_api::common::{AccountRef, Mode};
use runbook_api::copies::SnapshotCopy;

use crate::account::grants::Grants;
use crate::account::{Access, Brakes};
use crate::arn::partition_of;
use crate::backup::input::{database, invalid, rules};
use crate::backup::retention::Rules;
use crate::ids::{DatabaseId, Scope};
use crate::plan::Finding;

/// One place where snapshots are copied to.
#[derive(Clone, Debug, PartialEq)]
pub struct Destination {
    /// Its name within the policy.
    pub name: String,
    /// ARN of the key that copies are encrypted with.
    pub kms_key: Option<String>,
    /// ARN of the key that is encrypted under what is shared.
    pub share_key: Option<String>,
    /// Option group of the copies.
    pub option_group: Option<String>,
    /// Which copies are kept. Without rules something else deletes them.
    pub retention: Option<Rules>,
    /// Where it is; or why nothing is done there.
    pub place: Result<Place, Finding>,
}

/// Where a destination is, and what may be done there.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The database, where its copies are: there may be none of its name.
    pub database: DatabaseId,
    /// For copies in another account: the database in the policy's own account, in the region of the copies. There is made what is shared.
    pub staging: Option<DatabaseId>,
    /// What the account's owner holds back.
    pub brakes: Brakes,
    /// Whether nothing may be written there: the AwsAccount observes only.
    pub observes: bool,
    /// Why no copy may be deleted there, where none may.
    pub undeletable: Option<Finding>,
}

/// Finds the place in which a policy may work in an AwsAccount and a region.
pub type Reach<'r> = dyn Fn(&AccountRef, &str) -> Result<Access, Finding> + 'r;

/// The destinations of a spec, and what the policy's namespace may do in the accounts that they are in. One that cannot be used says why:
/// it keeps no snapshot from being taken.
///
/// # Errors
/// A stalled finding when the spec names no database.
pub fn destinations(
    spec: &BackupPolicySpec,
    home: &Access,
    reach: &Reach<'_>,
) -> Result<(Vec<Destination>, Vec<Grants>), Finding> {
    let source = database(spec, home)?;
    let mut destinations: Vec<Destination> = Vec::new();
    let mut grants = Vec::new();
    for copy in spec.snapshots.iter().flat_map(|snapshots| &snapshots.copies) {
        let resolving = Resolving { spec, home, source: &source, reach };
        let (retention, mut place) = match copy.retention.as_ref().map(rules).transpose() {
            // None of the copies is verified.
            Ok(retention) => (retention.map(|rules| Rules { min_verified: 0, ..rules }), resolving.place(copy)),
            Err(finding) => (None, Err(finding)),
        };
        let taken = |one: &&Destination| same_place(&one.place, &place);
        if let Some(other) = destinations.iter().find(taken) {
            let message = format!("{} goes to the same place: write another region or accountRef", other.name);
            place = Err(invalid(message));
        }
        let place = place.map(|(place, granted)| {
            grants.extend(granted);
            place
        });
        destinations.push(Destination {
            name: copy.name.clone(),
            kms_key: copy.kms_key_id.clone(),
            share_key: copy.share_kms_key_id.clone(),
            option_group: copy.option_group.clone(),
            retention,
            place: place.map_err(|finding| about(&copy.name, finding)),
        });
    }
    Ok((destinations, grants))
}

/// A finding about the copies of this name.
pub(super) fn about(name: &str, finding: Finding) -> Finding {
    Finding { message: format!("snapshots.copies {name}: {}", finding.message), ..finding }
}

fn same_place(one: &Result<Place, Finding>, other: &Result<(Place, Option<Grants>), Finding>) -> bool {
    let (Ok(one), Ok((other, _))) = (one, other) else { return false };
    let (one, other) = (&one.database.scope, &other.database.scope);
    one.account_id == other.account_id && one.region == other.region
}

struct Resolving<'r> {
    spec: &'r BackupPolicySpec,
    home: &'r Access,
    source: &'r DatabaseId,
    reach: &'r Reach<'r>,
}

impl Resolving<'_> {
    /// The place of a destination, and the grants of its account where it is another than the policy's.
    fn place(&self, copy: &SnapshotCopy) -> Result<(Place, Option<Grants>), Finding> {
        let at = &self.source.scope;
        let region = copy.region.as_deref().unwrap_or(&at.region);
        let access = (self.reach)(copy.account_ref.as_ref().unwrap_or(&self.spec.account_ref), region)?;
        let there = &access.scope;
        possible(at, there)?;
        let keys = [("kmsKeyId", &copy.kms_key_id), ("shareKmsKeyId", &copy.share_kms_key_id)];
        for (field, key) in keys {
            if let Some(key) = key.as_ref().filter(|key| !key.contains(&format!(":kms:{region}:"))) {
                let message = format!("{field} {key} is no key of {region}: keys do not leave their region");
                return Err(invalid(message));
            }
        }
        let within = |scope: &Scope| DatabaseId { scope: scope.clone(), ..self.source.clone() };
        let database = within(there);
        let with_key = |database: &DatabaseId, key: &Option<String>| {
            std::iter::once(database.arn()).chain(key.clone()).collect::<Vec<_>>()
        };
        access.grants.check(Verb::Snapshot, &with_key(&database, &copy.kms_key_id))?;
        let undeletable = match copy.retention {
            Some(_) => access.grants.check(Verb::DeleteSnapshot, &[database.arn()]).err(),
            None => None,
        };
        let staging = match there.account_id == at.account_id {
            true => None,
            false => {
                let own = (self.reach)(&self.spec.account_ref, region)?;
                let staging = within(&own.scope);
                own.grants.check(Verb::Snapshot, &with_key(&staging, &copy.share_kms_key_id))?;
                own.grants.check(Verb::DeleteSnapshot, &[staging.arn()])?;
                Some(staging)
            }
        };
        let place = Place {
            database,
            staging,
            observes: access.mode == Mode::Observe,
            undeletable: undeletable.map(|finding| about(&copy.name, finding)),
            brakes: access.brakes.clone(),
        };
        let other = there.connection != self.home.scope.connection;
        Ok((place, other.then_some(access.grants)))
    }
}

/// Whether RDS copies from one place to another (Amazon RDS User Guide, "Copying a DB snapshot", "Limitations").
fn possible(from: &Scope, to: &Scope) -> Result<(), Finding> {
    if from.account_id == to.account_id && from.region == to.region {
        return Err(invalid("the snapshots are there already: set another region, or another accountRef"));
    }
    let partition = partition_of(&from.region);
    if partition != partition_of(&to.region) {
        let message =
            format!("RDS copies nothing from {} to {}: choose a region of {partition}", from.region, to.region);
        return Err(invalid(message));
    }
    if partition == "aws-us-gov" && from.region != to.region {
        return Err(invalid(
            "between the regions of GovCloud RDS wants requests that are signed in advance: copy by hand",
        ));
    }
    if partition == "aws-cn" && from.account_id != to.account_id {
        return Err(invalid("in the regions of China RDS copies no snapshot to another account: set a region alone"));
    }
    Ok(())
}
