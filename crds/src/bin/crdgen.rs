//! Writes `crds/yaml/*.yaml` from the types, or with `--check` fails when they are not what the types say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use runbook_api::crd;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("usage: crdgen [--check] [DIRECTORY], not {0}")]
    Usage(String),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("a CRD cannot be written as YAML: {0}")]
    Yaml(#[from] serde_norway::Error),
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
    let (mut check, mut directory) = (false, None);
    for argument in arguments {
        match argument.as_str() {
            "--check" => check = true,
            path if !path.starts_with('-') && directory.is_none() => directory = Some(PathBuf::from(path)),
            _ => return Err(Failure::Usage(argument)),
        }
    }
    // Cargo says where the crate is when it runs the program; otherwise the working directory is the checkout.
    let directory = directory
        .unwrap_or_else(|| env::var_os("CARGO_MANIFEST_DIR").map_or("crds".into(), PathBuf::from).join("yaml"));
    if check { fresh(&directory) } else { write(&directory) }
}

fn write(directory: &Path) -> Result<(), Failure> {
    let file = |path: &Path| {
        let path = path.to_owned();
        |source| Failure::File { path, source }
    };
    fs::create_dir_all(directory).map_err(file(directory))?;
    for (name, text) in crd::files()? {
        let path = directory.join(name);
        fs::write(&path, text).map_err(file(&path))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

fn fresh(directory: &Path) -> Result<(), Failure> {
    let files = crd::files()?;
    let known: BTreeSet<String> = files.iter().map(|(name, _)| name.clone()).collect();
    let found = fs::read_dir(directory).map_err(|source| Failure::File { path: directory.into(), source })?;
    let foreign = found
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".yaml") && !known.contains(name))
        .map(|name| format!("{name} (no kind has it)"));
    let stale = files
        .iter()
        .filter(|(name, text)| fs::read_to_string(directory.join(name)).ok().as_ref() != Some(text))
        .map(|(name, _)| name.clone());
    let stale: Vec<String> = stale.chain(foreign).collect();
    if stale.is_empty() { Ok(()) } else { Err(Failure::Stale(stale)) }
}
