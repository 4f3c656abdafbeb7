//! From permissions to a policy document.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Condition, Permission, Purpose};

/// A policy document (IAM User Guide, "IAM JSON policy element reference").
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Document {
    /// Version of the language.
    pub version: &'static str,
    /// The statements.
    pub statement: Vec<Statement>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// Its name in the document.
    pub sid: String,
    /// Allow.
    pub effect: Effect,
    /// What may be done.
    pub action: Strings,
    /// To what.
    pub resource: Strings,
    /// Where: operator, key, value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub condition: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
}

/// Allow: there is no other here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Effect {
    /// Allows.
    Allow,
}

/// One string, or several, as IAM writes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Strings {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// How narrow the resources of a policy are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Breadth {
    /// Each service by its name.
    #[default]
    Service,
    /// All services of the same cluster: shorter, and the same when services are added.
    Cluster,
}

type Arns = BTreeSet<String>;

/// The least policy that allows all of `permissions`, and with [`Breadth::Service`] nothing else: the same text for the same permissions.
pub fn document(permissions: &[Permission], breadth: Breadth) -> Document {
    let mut resources: BTreeMap<(Purpose, &Option<Condition>, &str), Arns> = BTreeMap::new();
    for Permission { purpose, action, resource, condition } in permissions {
        let arn = match (breadth, &resource.of_cluster) {
            (Breadth::Cluster, Some(of_cluster)) => of_cluster,
            _ => &resource.arn,
        };
        resources.entry((*purpose, condition, action)).or_default().insert(arn.clone());
    }
    // Actions join only where their resources are the same: a statement allows every action on every resource.
    let mut statements: BTreeMap<(Purpose, &Option<Condition>, Arns), Vec<String>> = BTreeMap::new();
    for ((purpose, condition, action), resources) in resources {
        statements.entry((purpose, condition, resources)).or_default().push(action.into());
    }
    let mut named: BTreeMap<Purpose, usize> = BTreeMap::new();
    let statement = statements
        .into_iter()
        .map(|((purpose, condition, resources), actions)| {
            let number = named.entry(purpose).and_modify(|number| *number += 1).or_insert(1);
            Statement {
                // A Sid must be unique in its document.
                sid: if *number == 1 { purpose.as_str().into() } else { format!("{}{number}", purpose.as_str()) },
                effect: Effect::Allow,
                action: Strings::of(actions),
                resource: Strings::of(resources.into_iter().collect()),
                condition: condition
                    .iter()
                    .map(|Condition { operator, key, value }| (*operator, BTreeMap::from([(*key, value.clone())])))
                    .collect(),
            }
        })
        .collect();
    Document { version: "2012-10-17", statement }
}

impl Strings {
    fn of(mut strings: Vec<String>) -> Self {
        match strings.pop() {
            Some(only) if strings.is_empty() => Self::One(only),
            Some(last) => {
                strings.push(last);
                Self::Several(strings)
            }
            None => Self::Several(strings),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Resource;
    use super::*;

    fn permission(action: &'static str, service: &str) -> Permission {
        let resource = Resource { arn: format!("service/app/{service}"), of_cluster: Some("service/app/*".into()) };
        Permission { purpose: Purpose::ReadServices, action, resource, condition: None }
    }

    fn texts(strings: &Strings) -> Vec<&str> {
        match strings {
            Strings::One(one) => vec![one],
            Strings::Several(several) => several.iter().map(String::as_str).collect(),
        }
    }

    #[test]
    fn actions_join_only_on_the_same_resources() {
        let needed = [
            permission("a:One", "web"),
            permission("a:Two", "web"),
            permission("a:Two", "worker"),
            permission("a:Two", "web"),
        ];
        let Document { statement, .. } = document(&needed, Breadth::Service);
        let said: Vec<(&str, Vec<&str>, Vec<&str>)> = statement
            .iter()
            .map(|statement| (statement.sid.as_str(), texts(&statement.action), texts(&statement.resource)))
            .collect();
        assert_eq!(
            said,
            [
                ("ReadServices", vec!["a:One"], vec!["service/app/web"]),
                ("ReadServices2", vec!["a:Two"], vec!["service/app/web", "service/app/worker"]),
            ]
        );
    }

    #[test]
    fn a_cluster_stands_for_its_services() {
        let needed = [permission("a:One", "web"), permission("a:Two", "worker")];
        let Document { statement, .. } = document(&needed, Breadth::Cluster);
        let [only] = &statement[..] else { panic!("{statement:?}") };
        assert_eq!((texts(&only.action), texts(&only.resource)), (vec!["a:One", "a:Two"], vec!["service/app/*"]));
    }

    #[test]
    fn nothing_needed_is_nothing_allowed() {
        assert_eq!(document(&[], Breadth::Service).statement, []);
    }
}
