//! Files and the documents in them.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::{Origin, Problem};
use crate::errors::CliError;

/// A document, or why it is none.
pub type Document = Result<(Origin, Value), Problem>;

/// Reads every document of the files, and of the files in the directories, in the order of their names.
///
/// # Errors
/// When a file cannot be read. What is no YAML is a problem of that file alone.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Document>, CliError> {
    let mut documents = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map_err(|error| unreadable("standard input", &error))?;
            documents.extend(parse("standard input", &text));
            continue;
        }
        let mut files = Vec::new();
        if path.is_dir() {
            walk(path, &mut files)?
        } else {
            files.push(path.clone())
        }
        for file in files {
            let name = file.display().to_string();
            let text = fs::read_to_string(&file).map_err(|error| unreadable(&name, &error))?;
            documents.extend(parse(&name, &text));
        }
    }
    Ok(documents)
}

fn unreadable(name: &str, error: &io::Error) -> CliError {
    CliError::Usage(format!("{name} cannot be read: {error}"))
}

/// All files of the endings that kubectl takes, below a directory; hidden ones are not looked at.
fn walk(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), CliError> {
    let failed = |error: &io::Error| unreadable(&directory.display().to_string(), error);
    let mut entries = fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>())
        .map_err(|error| failed(&error))?;
    entries.sort_unstable();
    for path in entries {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let ours = path.extension().is_some_and(|ending| ["yaml", "yml", "json"].iter().any(|known| ending == *known));
        if hidden {
            continue;
        } else if path.is_dir() {
            walk(&path, files)?;
        } else if ours {
            files.push(path);
        }
    }
    Ok(())
}

/// YAML's value as JSON's, as kubectl sends it: keys are strings, and `3.0` is 3.
fn json(value: serde_norway::Value) -> Result<Value, serde_norway::Error> {
    let mut value = serde_json::to_value(value).map_err(<serde_norway::Error as serde::de::Error>::custom)?;
    whole_numbers(&mut value);
    Ok(value)
}

fn whole_numbers(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Number(number) => {
            let whole = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15);
            #[allow(clippy::cast_possible_truncation)]
            if let Some(float) = whole {
                *number = (float as i64).into();
            }
        }
        _ => {}
    }
}

/// The documents of one text; the items of a `List` count as documents. What comes after a syntax error cannot be read.
fn parse(name: &str, text: &str) -> Vec<Document> {
    let mut found = Vec::new();
    for (index, document) in serde_norway::Deserializer::from_str(text).enumerate() {
        let origin = Origin { file: name.into(), document: index + 1 };
        // By way of YAML's own value, which refuses a key that is there twice.
        let value = serde_norway::Value::deserialize(document).and_then(json);
        match value {
            Ok(Value::Null) => {}
            Ok(Value::Object(mut list)) if list.get("kind").is_some_and(|kind| kind == "List") => {
                let items = list
                    .remove("items")
                    .and_then(|items| if let Value::Array(items) = items { Some(items) } else { None });
                found.extend(items.unwrap_or_default().into_iter().map(|item| Ok((origin.clone(), item))));
            }
            Ok(value) => found.push(Ok((origin, value))),
            Err(error) => {
                found.push(Err(Problem { origin, subject: None, messages: vec![format!("is no YAML: {error}")] }));
                break;
            }
        }
    }
    if let [Ok((Origin { document, .. }, _)) | Err(Problem { origin: Origin { document, .. }, .. })] = &mut found[..] {
        *document = 0;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<String> {
        parse("file", text)
            .into_iter()
            .map(|read| match read {
                Ok((origin, value)) => format!("{origin}: {}", value["kind"].as_str().unwrap_or("?")),
                Err(problem) => format!("{}: {}", problem.origin, problem.messages.join("; ")),
            })
            .collect()
    }

    #[test]
    fn documents_are_counted_where_there_are_several() {
        assert_eq!(kinds("kind: A"), ["file: A"]);
        assert_eq!(
            kinds("---\n# nothing\n---\nkind: A\n---\nkind: B\n"),
            ["file (document 2): A", "file (document 3): B"]
        );
        assert_eq!(
            kinds("kind: List\nitems: [{kind: A}, {kind: B}]"),
            ["file (document 1): A", "file (document 1): B"]
        );
        assert_eq!(kinds(r#"{"kind": "A"}"#), ["file: A"]);
        assert!(kinds("").is_empty());
    }

    #[test]
    fn what_is_no_yaml_is_said() {
        for text in ["kind: A\nkind: B\n", "kind: {{ .Values.kind }}\n  x", "a: [1, 2"] {
            let said = kinds(text);
            assert!(said.len() == 1 && said[0].starts_with("file: is no YAML"), "{said:?}");
        }
    }
}
