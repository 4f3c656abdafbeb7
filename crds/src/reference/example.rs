//! The examples that the reference shows.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ReferenceError;

/// An object in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Path of the file, from the root of the checkout.
    pub path: String,
    /// The document, with its comments.
    pub text: String,
}

#[derive(Deserialize)]
struct Typed {
    kind: String,
}

/// The first example of each kind, by path.
pub(super) fn read(files: &[(String, String)]) -> Result<BTreeMap<String, Example>, ReferenceError> {
    let mut files: Vec<_> = files.iter().collect();
    files.sort();
    let mut examples = BTreeMap::new();
    for (path, text) in files {
        for document in documents(text) {
            let Typed { kind } = serde_norway::from_str(&document)
                .map_err(|source| ReferenceError::Example { path: path.clone(), source })?;
            examples.entry(kind).or_insert(Example { path: path.clone(), text: document });
        }
    }
    Ok(examples)
}

/// The documents of a file that say something.
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.lines() {
        if line.trim_end() == "---" {
            documents.push(String::new());
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let says = |line: &str| !line.trim().is_empty() && !line.starts_with('#');
    documents.retain(|document| document.lines().any(says));
    documents.iter().map(|document| format!("{}\n", document.trim_matches('\n'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> (String, String) {
        (path.into(), text.into())
    }

    #[test]
    fn the_first_document_of_a_kind_is_shown_as_it_is_written() {
        let files = [
            file("examples/b.yaml", "kind: A\nname: later\n"),
            file("examples/a.yaml", "# only words\n---\n# why\nkind: A\nname: first\n---\nkind: B\n\n---\n"),
        ];
        let examples = read(&files).unwrap();
        let shown: Vec<_> =
            examples.iter().map(|(kind, one)| (kind.as_str(), one.path.as_str(), one.text.as_str())).collect();
        assert_eq!(
            shown,
            [("A", "examples/a.yaml", "# why\nkind: A\nname: first\n"), ("B", "examples/a.yaml", "kind: B\n"),]
        );
    }

    #[test]
    fn a_file_that_is_no_yaml_is_named() {
        let error = read(&[file("examples/a.yaml", "kind: [\n")]).unwrap_err();
        assert!(error.to_string().starts_with("examples/a.yaml: "), "{error}");
    }
}
