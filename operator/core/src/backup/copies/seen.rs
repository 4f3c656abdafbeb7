//! What AWS shows of each destination.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::destination::{Destination, Place, about};
use super::{listed, wanted};
use crate::account;
use crate::backup::input::Input;
use crate::backup::own::Own;
use crate::backup::quota;
use crate::facts::{Answer, Facts, Inquiry, Missing};
use crate::ids::{DatabaseId, DatabaseKind, Scope};
use crate::observed::{Database, DatabaseSnapshot};
use crate::plan::Finding;
use crate::query::Query;

/// A destination, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing<'f> {
    /// The destination.
    pub destination: &'f Destination,
    /// What AWS shows of it; or why that is not known.
    pub seen: Result<Seen<'f>, Finding>,
}

/// What AWS shows of a destination.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen<'f> {
    /// The place.
    pub place: &'f Place,
    /// Everything that is listed there under the database's name.
    pub listed: &'f [DatabaseSnapshot],
    /// The policy's copies, newest first.
    pub copies: Vec<Own<'f>>,
    /// What was made to be shared with it.
    pub shared: Vec<Own<'f>>,
    /// Everything that is listed where that is made.
    pub beside: &'f [DatabaseSnapshot],
    /// The snapshots that are to be copied and are not, in the order in which they are.
    pub wanted: Vec<Own<'f>>,
    /// How many more snapshots the quota leaves. None where AWS tells no quota, or nothing is to be copied.
    pub room: Option<i64>,
}

/// What a look at the destinations rests on.
pub struct Looking<'f, 'o> {
    input: &'f Input,
    database: &'f Database,
    own: &'o [Own<'f>],
    facts: &'f Facts,
    zone: &'o TimeZone,
    now: Timestamp,
}

/// Looks at each destination. One that AWS does not tell of is no reason not to look at the others.
///
/// # Errors
/// What is still to be asked.
pub fn look<'f>(
    input: &'f Input,
    database: &'f Database,
    own: &[Own<'f>],
    facts: &'f Facts,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Vec<Standing<'f>>, Vec<Query>> {
    let looking = Looking { input, database, own, facts, zone, now };
    let (mut standings, mut needs) = (Vec::new(), Vec::new());
    for destination in &input.copies {
        match looking.at(destination) {
            Ok(seen) => standings.push(Standing { destination, seen: Ok(seen) }),
            Err(Unseen::Asks(asks)) => {
                needs.extend(asks.into_iter().filter(|ask| !needs.contains(ask)).collect::<Vec<_>>())
            }
            Err(Unseen::Says(finding)) => standings.push(Standing { destination, seen: Err(finding) }),
        }
    }
    if needs.is_empty() { Ok(standings) } else { Err(needs) }
}

/// What is to be asked of the destinations beside what is asked of the database, so that it takes no round of its own: whose their accounts
/// are at first, then what they list.
pub fn ahead(input: &Input, facts: &Facts) -> Vec<Query> {
    let places = || input.copies.iter().filter_map(|destination| destination.place.as_ref().ok());
    let foreign = |scope: &Scope| scope.connection != input.database.scope.connection;
    let identity = |scope: &Scope| Query::CallerIdentity(scope.clone());
    let identities = places().map(|place| &place.database.scope).filter(|scope| foreign(scope)).map(identity);
    let known = |scope: &Scope| {
        let answer = facts.get(&identity(scope));
        !foreign(scope)
            || matches!(answer, Some(Ok(Answer::CallerIdentity(found))) if found.account_id == scope.account_id)
    };
    let usable = places().filter(|place| known(&place.database.scope));
    let lists = usable.flat_map(|place| std::iter::once(&place.database).chain(&place.staging));
    let lists = lists.map(|database| Query::DatabaseSnapshots(database.clone()));
    let is_known = facts.get(&identity(&input.database.scope)).is_some();
    let asked: BTreeSet<Query> = if is_known { lists.collect() } else { identities.collect() };
    asked.into_iter().filter(|query| facts.get(query).is_none()).collect()
}

enum Unseen {
    Asks(Vec<Query>),
    Says(Finding),
}

impl<'f> Looking<'f, '_> {
    fn at(&self, destination: &'f Destination) -> Result<Seen<'f>, Unseen> {
        let place = destination.place.as_ref().map_err(|finding| Unseen::Says(finding.clone()))?;
        let says = |finding| Unseen::Says(about(&destination.name, finding));
        let scope = &place.database.scope;
        // Other credentials: whose account it is comes first.
        if scope.connection != self.input.database.scope.connection {
            let identity =
                self.ask(destination, |inquiry| inquiry.caller_identity(Query::CallerIdentity(scope.clone())))?;
            if let Some(finding) = account::plan::mismatch(scope, identity) {
                return Err(says(finding));
            }
        }
        let of = |inquiry: &mut Inquiry<'f>, at: &DatabaseId| {
            inquiry.database_snapshots(Query::DatabaseSnapshots(at.clone())).map(Vec::as_slice)
        };
        let (listed, beside) = self.ask(destination, |inquiry| {
            let listed = of(inquiry, &place.database);
            let beside = place.staging.as_ref().map_or(Some(&[][..]), |staging| of(inquiry, staging));
            listed.zip(beside)
        })?;
        let copies = listed::copies(self.input, self.database, listed);
        let shared = listed::shared(self.input, self.database, beside, &destination.name);
        let until = self.input.memory.copied_until.get(&destination.name).copied();
        let wanted = wanted(destination.retention.as_ref(), self.own, &copies, until, self.zone, self.now);
        let room = match wanted.is_empty() {
            true => None,
            false => {
                let quotas = self.ask(destination, |inquiry| inquiry.rds_quotas(Query::RdsQuotas(scope.clone())))?;
                quota::left(&place.database, quotas)
            }
        };
        Ok(Seen { place, listed, copies, shared, beside, wanted, room })
    }

    fn ask<T>(
        &self,
        destination: &Destination,
        question: impl FnOnce(&mut Inquiry<'f>) -> Option<T>,
    ) -> Result<T, Unseen> {
        let mut inquiry = Inquiry::new(self.facts);
        let answer = question(&mut inquiry);
        match (inquiry.open(), answer) {
            (None, Some(answer)) => Ok(answer),
            (Some(Missing::Needs(needs)), _) => Err(Unseen::Asks(needs)),
            (Some(Missing::Failures(errors)), _) => {
                let first = errors.first().map(Finding::from_error);
                let finding = first.unwrap_or_else(|| Finding::note("CopiesUnknown", "AWS does not tell"));
                Err(Unseen::Says(about(&destination.name, finding)))
            }
            (None, None) => Err(Unseen::Asks(Vec::new())),
        }
    }
}

/// What snapshots of this sort are called, for a person.
pub(super) fn sort_of(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Instance => "DB snapshots",
        DatabaseKind::Cluster => "DB cluster snapshots",
    }
}
