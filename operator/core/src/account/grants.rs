//! Who may do what: the grants of an AwsAccount.

use runbook_api::aws_account::{Grant, Verb};

use crate::arn;
use crate::plan::Finding;
use crate::query::Query;
use crate::step::Step;

/// What one namespace may do in one account, and in others where its copies go.
#[derive(Clone, Debug, PartialEq)]
pub struct Grants {
    account: String,
    namespace: String,
    granted: Vec<Grant>,
    others: Vec<Grants>,
}

impl Grants {
    /// The grants to `namespace` among those of the AwsAccount named `account`.
    pub fn of(account: &str, namespace: &str, grants: &[Grant]) -> Self {
        let granted =
            grants.iter().filter(|grant| grant.namespaces.iter().any(|name| name == namespace)).cloned().collect();
        Self { account: account.into(), namespace: namespace.into(), granted, others: Vec::new() }
    }

    /// And what it may do in other accounts: each question and each step is held against the grants of the account that it goes to.
    pub fn beside(self, others: Vec<Self>) -> Self {
        Self { others, ..self }
    }

    /// The grants of the AwsAccount of this name. One that is not known grants nothing.
    fn within(&self, account: &str) -> Self {
        let known = std::iter::once(self).chain(&self.others).find(|grants| grants.account == account);
        known.cloned().unwrap_or_else(|| Self::of(account, &self.namespace, &[]))
    }

    /// Whether `verb` may be done to every one of `resources`. Every verb includes `observe`.
    ///
    /// # Errors
    /// A stalled finding that says which grant is missing and how to write it.
    pub fn check(&self, verb: Verb, resources: &[String]) -> Result<(), Finding> {
        let Some(resource) = resources.iter().find(|resource| !self.covers(verb, resource)) else { return Ok(()) };
        let Self { account, namespace, .. } = self;
        let verb = verb.as_str();
        let mut message = format!(
            "AwsAccount {account} does not grant namespace {namespace} the verb {verb} on {resource}: add to its spec.grants \
             {{namespaces: [{namespace}], verbs: [{verb}], resources: [\"{resource}\"]}}"
        );
        // Whoever grants no more than that is refused again at the first write.
        if verb == Verb::Observe.as_str() {
            message.push_str("; every other verb, such as scale, includes observe");
        }
        Err(Finding::stalled("NotGranted", message))
    }

    /// Whether every question may be asked.
    ///
    /// # Errors
    /// As [`Grants::check`], for the first that may not.
    pub fn allow_queries(&self, queries: &[Query]) -> Result<(), Finding> {
        queries
            .iter()
            .try_for_each(|query| self.within(&query.scope().connection).check(Verb::Observe, &query.resources()))
    }

    /// Whether every step may be made.
    ///
    /// # Errors
    /// As [`Grants::check`], for the first that may not.
    pub fn allow_steps(&self, steps: &[Step]) -> Result<(), Finding> {
        steps.iter().try_for_each(|step| {
            self.within(&step.scope().connection).check(step.verb(), &step.resources())?;
            step.reads_elsewhere().map_or(Ok(()), |database| {
                self.within(&database.scope.connection).check(step.verb(), &[database.arn()])
            })
        })
    }

    fn covers(&self, verb: Verb, resource: &str) -> bool {
        self.granted.iter().any(|grant| {
            (verb == Verb::Observe || grant.verbs.contains(&verb))
                && grant.resources.iter().any(|pattern| arn::matches(pattern, resource))
        })
    }
}
