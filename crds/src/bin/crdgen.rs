//! Writes `crds/yaml/*.yaml` and `docs/api.md` from the types, or with `--check` fails when they are not what the types say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use runbook_api::{crd, reference};

/// Where the CRDs lie in the checkout.
const YAML: &str = "crds/yaml";

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("usage: crdgen [--check] [CHECKOUT], not {0}")]
    Usage(String),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("a CRD cannot be written as YAML: {0}")]
    Yaml(#[from] serde_norway::Error),
    #[error(transparent)]
    Reference(#[from] reference::ReferenceError),
    #[error("not what the types in crds/src say: {}\nrun: {}", .0.join(", "), crd::COMMAND)]
    Stale(Vec<String>),
}

fn main() -> ExitCode {
    match run(env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("crdgen: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: impl Iterator<Item = String>) -> Result<(), Failure> {
    let (mut check, mut checkout) = (false, None);
    for argument in arguments {
        match argument.as_str() {
            "--check" => check = true,
            path if !path.starts_with('-') && checkout.is_none() => checkout = Some(PathBuf::from(path)),
            _ => return Err(Failure::Usage(argument)),
        }
    }
    // Cargo says where the crate is when it runs the program; otherwise the working directory is the checkout.
    let checkout = checkout.unwrap_or_else(|| {
        env::var_os("CARGO_MANIFEST_DIR").map_or(".".into(), |crate_| Path::new(&crate_).join(".."))
    });
    let files = generated(&checkout)?;
    if check { fresh(&checkout, &files) } else { write(&checkout, &files) }
}

/// The generated files: path from the root of the checkout, and text.
fn generated(checkout: &Path) -> Result<Vec<(String, String)>, Failure> {
    let mut files: Vec<_> = crd::files()?.into_iter().map(|(name, text)| (format!("{YAML}/{name}"), text)).collect();
    let examples = examples(checkout, Path::new(reference::EXAMPLES))?;
    files.push((reference::PATH.into(), reference::markdown(&crd::all(), &examples)?));
    Ok(files)
}

/// The YAML files below a directory of the checkout.
fn examples(checkout: &Path, directory: &Path) -> Result<Vec<(String, String)>, Failure> {
    let mut found = Vec::new();
    let place = checkout.join(directory);
    for entry in fs::read_dir(&place).map_err(at(&place))? {
        let entry = entry.map_err(at(&place))?;
        let path = directory.join(entry.file_name());
        if entry.path().is_dir() {
            found.extend(examples(checkout, &path)?);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read_to_string(entry.path()).map_err(at(&entry.path()))?;
            found.push((path.to_string_lossy().into_owned(), text));
        }
    }
    Ok(found)
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Failure + use<> {
    let path = path.to_owned();
    |source| Failure::File { path, source }
}

fn write(checkout: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    for (name, text) in files {
        let path = checkout.join(name);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(at(directory))?;
        }
        fs::write(&path, text).map_err(at(&path))?;
        println!("wrote {name}");
    }
    Ok(())
}

fn fresh(checkout: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    let known: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let yaml = checkout.join(YAML);
    let found = fs::read_dir(&yaml).map_err(at(&yaml))?;
    let foreign = found
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .map(|name| format!("{YAML}/{name}"))
        .filter(|name| name.ends_with(".yaml") && !known.contains(name.as_str()))
        .map(|name| format!("{name} (no kind has it)"));
    let stale = files
        .iter()
        .filter(|(name, text)| fs::read_to_string(checkout.join(name)).ok().as_ref() != Some(text))
        .map(|(name, _)| name.clone());
    let stale: Vec<String> = stale.chain(foreign).collect();
    if stale.is_empty() { Ok(()) } else { Err(Failure::Stale(stale)) }
}
