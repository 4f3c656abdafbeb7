//! The reference of the kinds, `docs/api.md`, made of their CRDs: what the API server enforces and `kubectl explain` says, to read.

mod example;
mod kind;
mod schema;
mod words;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

pub use example::Example;

/// Where the reference lies in the checkout.
pub const PATH: &str = "docs/api.md";
/// Where the examples lie that it shows.
pub const EXAMPLES: &str = "examples";

/// Why no reference can be written.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// Every kind is shown by an example.
    #[error("no file in {EXAMPLES}/ has a {0}: add one, so that the reference can show it")]
    NoExample(String),
    /// An example does not parse.
    #[error("{path}: {source}")]
    Example {
        /// Path of the file, from the root of the checkout.
        path: String,
        /// What is wrong with it.
        source: serde_norway::Error,
    },
}

/// The reference of `crds` as Markdown, the same for the same CRDs and files. `files` are the examples: path, from the root of the checkout,
/// and text. The first document of a kind, by path, is the one that is shown.
///
/// # Errors
/// When a kind has no example, or a file is not YAML.
pub fn markdown(crds: &[CustomResourceDefinition], files: &[(String, String)]) -> Result<String, ReferenceError> {
    let examples = example::read(files)?;
    let mut text = HEAD.replace("COMMAND", crate::crd::COMMAND);
    for crd in crds {
        let name = &crd.spec.names.kind;
        let about = crd.spec.versions.first().and_then(schema::root).map(words::first_sentence).unwrap_or_default();
        text.push_str(&format!("- [{name}](#{}): {about}\n", words::anchor(name)));
    }
    for crd in crds {
        let name = &crd.spec.names.kind;
        let example = examples.get(name.as_str()).ok_or_else(|| ReferenceError::NoExample(name.clone()))?;
        kind::write(&mut text, crd, example);
    }
    Ok(text)
}

const HEAD: &str = "<!-- Generated from the types in crds/src by `COMMAND`. Do not edit. -->
# The kinds, field by field

What the API server takes and keeps, for every kind of `ops.clocked.app`. `kubectl explain scalingpolicy.spec --recursive` says the same at the
terminal; [conditions.md](conditions.md) says what a status means and what to do about it.

How to read the tables:

- **Default** says *required*, or what the API server fills in where the field is left out. Neither: the field is absent, and its text says what that means.
- A *set*, and a *list by* a field, has an owner for each item in a server-side apply; a plain *list* has one owner and is replaced as a whole.
- What follows a dash is what the API server answers where the rule is broken.

The kinds:

";
