//! The YAML in `crds/yaml` is what the types say, and `crdgen` makes and judges it.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

fn crdgen(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crdgen")).args(arguments).output().unwrap()
}

#[test]
fn the_yaml_in_the_repository_is_fresh() {
    let output = crdgen(&[Path::new("--check"), &Path::new(env!("CARGO_MANIFEST_DIR")).join("yaml")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn check_names_what_is_stale_and_what_to_run() {
    let directory = std::env::temp_dir().join(format!("crdgen-{}", std::process::id()));
    assert!(crdgen(&[&directory]).status.success());
    assert!(crdgen(&[Path::new("--check"), &directory]).status.success());

    std::fs::write(directory.join("awsaccounts.ops.clocked.app.yaml"), "edited: by hand\n").unwrap();
    std::fs::write(directory.join("left-over.yaml"), "").unwrap();
    let output = crdgen(&[Path::new("--check"), &directory]);
    std::fs::remove_dir_all(&directory).unwrap();

    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr);
    for fragment in ["awsaccounts.ops.clocked.app.yaml", "left-over.yaml", "cargo run -p runbook-api --bin crdgen"] {
        assert!(message.contains(fragment), "{message}");
    }
    assert!(!message.contains("scalingpolicies"), "{message}");
}
