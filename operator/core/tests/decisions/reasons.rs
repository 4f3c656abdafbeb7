//! Every reason that a person may meet is explained in `docs/conditions.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use runbook_core::report::Hold;
use runbook_core::{CloudError, ErrorClass, Finding};

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The first argument of each call of `Finding::stalled` and `Finding::waiting`, and the reason of each condition that is said as such.
fn written_in(source: &str) -> Vec<String> {
    ["Finding::stalled(", "Finding::waiting(", "Ended::failed(", "Outcome::Working {", "Said {"]
        .iter()
        .flat_map(|call| source.split(call).skip(1))
        .filter_map(|rest| {
            let said = rest.trim_start();
            let said =
                said.strip_prefix("status: \"True\",").or(said.strip_prefix("status: \"False\",")).unwrap_or(said);
            let said = said.trim_start();
            said.strip_prefix("reason: ").unwrap_or(said).strip_prefix('"')?.split('"').next().map(str::to_owned)
        })
        .collect()
}

fn of_class(class: ErrorClass) -> String {
    let [resource, code, message] = [(); 3].map(|()| String::new());
    let error = CloudError { class, operation: "UpdateService", resource, code, message, request_id: None };
    Finding::from_error(&error).reason
}

#[test]
fn every_reason_is_explained() {
    use ErrorClass::{Conflict, Denied, Invalid, NotFound, Throttled, Transient};
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let sources = ["src", "../manager/src"].iter().flat_map(|directory| sources(&root.join(directory)));
    let mut reasons: BTreeSet<String> =
        sources.flat_map(|path| written_in(&fs::read_to_string(path).unwrap())).collect();
    for known in ["TargetConflict", "DeploymentInProgress", "Applied", "NotYetReconciled", "PlanUnfinished"] {
        assert!(reasons.contains(known), "{known} is not among {reasons:?}");
    }
    reasons.extend([Transient, Throttled, Denied, NotFound, Conflict, Invalid].map(of_class));
    reasons.extend(Hold::ALL.map(|hold| hold.reason().to_owned()));
    let explained = fs::read_to_string(root.join("../../docs/conditions.md")).unwrap();
    let silent: Vec<_> = reasons.iter().filter(|reason| !explained.contains(&format!("`{reason}`"))).collect();
    assert!(silent.is_empty(), "docs/conditions.md does not explain {silent:?}");
}
