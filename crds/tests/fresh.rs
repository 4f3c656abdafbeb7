//! The YAML in `crds/yaml` and the reference in `docs/` are what the types say, and `crdgen` makes and judges them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn crdgen(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crdgen")).args(arguments).output().unwrap()
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn what_is_generated_in_the_repository_is_fresh() {
    let output = crdgen(&[Path::new("--check"), &checkout()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn check_names_what_is_stale_and_what_to_run() {
    let directory = std::env::temp_dir().join(format!("crdgen-{}", std::process::id()));
    let examples = directory.join("examples");
    fs::create_dir_all(examples.join("clocked/runs")).unwrap();
    for name in [
        "clocked/account.yaml",
        "clocked/backups.yaml",
        "clocked/runs/backup.yaml",
        "clocked/runs/restore.yaml",
        "clocked/scaling.yaml",
        "override.yaml",
    ] {
        fs::copy(checkout().join("examples").join(name), examples.join(name)).unwrap();
    }
    assert!(crdgen(&[&directory]).status.success());
    assert!(crdgen(&[Path::new("--check"), &directory]).status.success());

    fs::write(directory.join("crds/yaml/awsaccounts.ops.clocked.app.yaml"), "edited: by hand\n").unwrap();
    fs::write(directory.join("crds/yaml/left-over.yaml"), "").unwrap();
    fs::write(examples.join("override.yaml"), "# Another.\nkind: ScalingOverride\n").unwrap();
    let stale = crdgen(&[Path::new("--check"), &directory]);
    fs::remove_file(examples.join("override.yaml")).unwrap();
    let silent = crdgen(&[&directory]);
    fs::remove_dir_all(&directory).unwrap();

    assert!(!stale.status.success());
    let message = String::from_utf8_lossy(&stale.stderr);
    for fragment in [
        "crds/yaml/awsaccounts.ops.clocked.app.yaml",
        "left-over.yaml",
        "docs/api.md",
        "cargo run -p runbook-api --bin crdgen",
    ] {
        assert!(message.contains(fragment), "{message}");
    }
    assert!(!message.contains("scalingpolicies"), "{message}");
    assert!(!silent.status.success());
    assert!(
        String::from_utf8_lossy(&silent.stderr).contains("has a ScalingOverride"),
        "a kind without an example is refused"
    );
}
