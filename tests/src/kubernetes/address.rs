//! From the path and query of a request to what it is about.

use std::collections::BTreeMap;

use super::failure::Failure;
use super::kinds::Kind;
use super::store::Key;

/// What a request is about.
#[derive(Clone, Debug)]
pub struct Address {
    /// The kind.
    pub kind: &'static Kind,
    /// The namespace, where the path names one.
    pub namespace: Option<String>,
    /// The object, where the path names one.
    pub name: Option<String>,
    /// `status` or empty.
    pub subresource: String,
    /// The query's parameters.
    pub query: BTreeMap<String, String>,
}

impl Address {
    /// Reads a request's target.
    ///
    /// # Errors
    /// 404 for kinds that the server does not know.
    pub fn parse(uri: &http::Uri) -> Result<Self, Failure> {
        let path = uri.path();
        let unknown = || Failure::not_found(&format!("the path {path}"));
        let mut parts = path.trim_matches('/').split('/');
        let (group, version) = match (parts.next(), parts.next()) {
            (Some("apis"), Some(group)) => (group, parts.next().ok_or_else(unknown)?),
            (Some("api"), Some(version)) => ("", version),
            _ => return Err(unknown()),
        };
        let mut rest: Vec<&str> = parts.collect();
        let mut namespace = None;
        if let ["namespaces", name, _, ..] = rest.as_slice() {
            namespace = Some((*name).to_owned());
            rest.drain(..2);
        }
        let (resource, name, subresource) = match rest.as_slice() {
            [resource] => (*resource, None, ""),
            [resource, name] => (*resource, Some((*name).to_owned()), ""),
            [resource, name, subresource] => (*resource, Some((*name).to_owned()), *subresource),
            _ => return Err(unknown()),
        };
        let kind = Kind::find(group, version, resource).ok_or_else(unknown)?;
        if kind.namespaced != namespace.is_some() && (name.is_some() || !kind.namespaced) {
            return Err(unknown());
        }
        if !matches!(subresource, "" | "status") || (subresource == "status" && !kind.status) {
            return Err(unknown());
        }
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        Ok(Self { kind, namespace, name, subresource: subresource.into(), query })
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// Whether a parameter of the query is set to true.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.parameter(name), Some("true" | "1"))
    }

    /// The object that the path names.
    pub fn key(&self) -> Option<Key> {
        let name = self.name.clone()?;
        Some(Key { namespace: self.namespace.clone().unwrap_or_default(), name })
    }

    /// The name that the field selector asks for.
    ///
    /// # Errors
    /// 400 for selectors other than `metadata.name=`, and for label selectors: the fake server does not know them and says so.
    pub fn selected_name(&self) -> Result<Option<String>, Failure> {
        if self.parameter("labelSelector").is_some_and(|selector| !selector.is_empty()) {
            return Err(Failure::bad_request("the simulator's API server knows no labelSelector"));
        }
        match self.parameter("fieldSelector") {
            None | Some("") => Ok(None),
            Some(selector) => match selector.strip_prefix("metadata.name=") {
                Some(name) => Ok(Some(name.trim_start_matches('=').to_owned())),
                None => {
                    Err(Failure::bad_request("the simulator's API server knows no fieldSelector but metadata.name"))
                }
            },
        }
    }
}
