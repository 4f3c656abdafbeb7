//! The program as it is called, as far as it needs neither AWS nor a cluster.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kubectl-runbook"))
        .args(arguments)
        .current_dir(repository())
        .env("KUBECONFIG", "/nonexistent")
        // Nothing may be asked of AWS here.
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read its input has closed it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn the_documented_policy_is_that_of_the_examples() {
    // But for those that declare the same otherwise: copies in other regions and accounts.
    let files = [
        "clocked/account.yaml",
        "clocked/backups.yaml",
        "clocked/scaling.yaml",
        "clocked/runs",
        "schedules",
        "override.yaml",
    ];
    let files = files.map(|file| format!("examples/{file}"));
    let named = files.iter().flat_map(|file| ["-f", file]);
    let arguments: Vec<&str> = ["iam-policy", "--narrow-to", "cluster"].into_iter().chain(named).collect();
    let output = run(&arguments, "");
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let path = repository().join("docs/iam.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("```json\n").unwrap();
    let (block, after) = rest.split_once("```").unwrap();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}```json\n{}```{after}", out(&output))).unwrap();
    } else {
        assert_eq!(block, out(&output), "run: UPDATE_DOCS=1 cargo test -p kubectl-runbook");
    }
}

#[test]
fn a_queue_of_events_needs_to_be_received_from_and_nothing_else() {
    let account = fs::read_to_string(repository().join("examples/clocked/account.yaml")).unwrap();
    let policies = fs::read_to_string(repository().join("examples/clocked/scaling.yaml")).unwrap();
    let url = "https://sqs.eu-central-1.amazonaws.com/123456789012/runbook-events";
    let with = format!("spec:\n  events: [{{region: eu-central-1, queueUrl: {url}}}]\n");
    let files = format!("{}\n---\n{policies}", account.replacen("spec:\n", &with, 1));
    let output = run(&["iam-policy", "-f", "-"], &files);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let document: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    let statements = document["Statement"].as_array().unwrap();
    let of_sqs: Vec<_> = statements.iter().filter(|one| one.to_string().contains("sqs")).collect();
    let [statement] = of_sqs[..] else { panic!("{of_sqs:?}") };
    assert_eq!(statement["Sid"], "ReceiveEvents");
    assert_eq!(statement["Action"], serde_json::json!(["sqs:DeleteMessage", "sqs:ReceiveMessage"]));
    assert_eq!(statement["Resource"], "arn:aws:sqs:eu-central-1:123456789012:runbook-events");
}

#[test]
fn wrong_arguments_are_errors_and_no_changes() {
    for arguments in
        [&["plan"][..], &["plan", "-f", "x", "--colour"], &["unheard-of"], &["import", "rds", "--cluster", "x"], &[]]
    {
        let output = run(arguments, "");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", err(&output));
        assert_eq!(out(&output), "");
    }
    for arguments in [&["--help"][..], &["plan", "--help"], &["--version"], &["version"]] {
        assert_eq!(run(arguments, "").status.code(), Some(0), "{arguments:?}");
    }
}

const BROKEN: &str = r#"
apiVersion: ops.clocked.app/v1alpha1
kind: ScalingPolicy
metadata: {name: web, namespace: shop}
spec:
  target: {ecsService: {cluster: shop, service: web}}
  autoscaling: {minCapacity: 4, maxCapacity: 2, targetTraking: []}
  replicas: many
---
apiVersion: ops.clocked.app/v1alpha1
kind: ScalingPolicy
metadata: {name: worker, namespace: shop}
spec:
  target: {ecsService: {cluster: shop, service: worker}}
  autoscaling: {minCapacity: 4, maxCapacity: 2}
---
apiVersion: ops.clocked.app/v1alpha1
kind: MaintenancePolicy
metadata: {name: later}
"#;

#[test]
fn each_mistake_is_told_with_its_file_and_field() {
    let output = run(&["plan", "-f", "-"], BROKEN);
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    let expected = r#"standard input (document 3)
  InvalidObject: ops.clocked.app/v1alpha1 MaintenancePolicy is not known to this program: correct it, or use a newer kubectl-runbook (this one is VERSION)

ScalingPolicy shop/web  standard input (document 1)
  InvalidObject: unknown field "spec.autoscaling.targetTraking"
  InvalidObject: spec.replicas: Invalid value: "many": must be of type integer

ScalingPolicy shop/worker  standard input (document 2)
  InvalidObject: spec.autoscaling: minCapacity must not exceed maxCapacity

3 objects: 0 changes, 0 in sync, 3 errors
"#;
    assert_eq!(out(&output), expected.replace("VERSION", env!("CARGO_PKG_VERSION")));
}

#[test]
fn colours_are_for_terminals_or_for_those_who_ask() {
    let plain = run(&["plan", "-f", "-"], BROKEN);
    assert!(!out(&plain).contains('\x1b'));
    let asked = run(&["plan", "-f", "-", "--color", "always"], BROKEN);
    assert!(out(&asked).contains("\x1b[31m"));
}

#[test]
fn the_crds_are_those_of_the_repository() {
    let printed = out(&run(&["crds"], ""));
    let mut files = 0;
    for entry in fs::read_dir(repository().join("crds/yaml")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(printed.contains(&text));
        files += 1;
    }
    assert_eq!(printed.split("---\n").count(), files);
}

#[test]
fn shells_get_completion() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = out(&run(&["completion", shell], ""));
        assert!(script.contains("iam-policy"), "{shell}");
    }
}

#[test]
fn a_cluster_that_is_not_there_is_told_with_what_to_check() {
    let output = run(&["status"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("kubeconfig") && err(&output).contains("--context"), "{}", err(&output));
}

#[test]
fn an_account_for_each_policy_of_iam() {
    let account = |name: &str| {
        format!(
            "apiVersion: ops.clocked.app/v1alpha1\nkind: AwsAccount\nmetadata: {{name: {name}}}\n\
             spec: {{accountId: \"123456789012\", regions: [eu-central-1], mode: Enforce}}\n---\n\
             apiVersion: ops.clocked.app/v1alpha1\nkind: ScalingPolicy\nmetadata: {{name: {name}}}\n\
             spec: {{accountRef: {{name: {name}}}, target: {{ecsService: {{cluster: c, service: {name}}}}}, replicas: 1}}\n---\n"
        )
    };
    let files = account("one") + &account("two");
    let output = run(&["iam-policy", "-f", "-"], &files);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("--account: one, two"), "{}", err(&output));
    let output = run(&["iam-policy", "-f", "-", "--account", "two"], &files);
    assert!(out(&output).contains("service/c/two") && !out(&output).contains("service/c/one"));
}

const OVERRIDES: &str = r#"
apiVersion: ops.clocked.app/v1alpha1
kind: AwsAccount
metadata: {name: default}
spec:
  accountId: "123456789012"
  regions: [eu-central-1]
  mode: Enforce
  grants: [{namespaces: [shop], verbs: [scale], resources: ["arn:aws:ecs:*:*:service/c/*"]}]
---
apiVersion: ops.clocked.app/v1alpha1
kind: ScalingOverride
metadata: {name: ended, namespace: shop}
spec: {policyRef: {name: web}, atLeast: 5, expiresAt: "2020-01-01T00:00:00Z", reason: sale}
---
apiVersion: ops.clocked.app/v1alpha1
kind: ScalingOverride
metadata: {name: lost, namespace: shop}
spec: {policyRef: {name: wep}, atLeast: 5, expiresAt: "2099-01-01T00:00:00Z", reason: sale}
---
apiVersion: ops.clocked.app/v1alpha1
kind: ScalingOverride
metadata: {name: broken, namespace: shop}
spec: {policyRef: {name: web}, atLeast: 5, exactly: 5, expiresAt: "2099-01-01T00:00:00Z", reason: sale}
"#;

#[test]
fn overrides_are_told_what_their_condition_would_say() {
    let output = run(&["plan", "-f", "-"], OVERRIDES);
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    let expected = "\
ScalingOverride shop/broken  standard input (document 4)
  InvalidObject: spec: set exactly one of atLeast, exactly and range

ScalingOverride shop/ended  standard input (document 2)
  note: it ended at 2020-01-01T00:00:00Z; ScalingPolicy web holds as it is written

ScalingOverride shop/lost  standard input (document 3)
  PolicyNotFound: no file declares ScalingPolicy shop/wep: add its file, or --cluster where it exists in the cluster

3 objects: 0 changes, 1 in sync, 2 errors
";
    assert_eq!(out(&output), expected);
}

#[test]
fn a_scale_without_an_end_a_reason_or_a_size_is_told_what_is_missing() {
    for (arguments, said) in [
        (&["scale", "web", "--at-least", "5", "--reason", "x"][..], "--for"),
        (&["scale", "web", "--at-least", "5", "--for", "1h"], "--reason"),
        (&["scale", "web", "--for", "1h", "--reason", "x"], "--at-least"),
        (&["scale", "web", "--at-least", "5", "--for", "1d", "--reason", "x"], "for example 90s, 5m or 1h30m"),
        (&["scale", "web", "--stop"], "kubeconfig"),
    ] {
        let output = run(arguments, "");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(err(&output).contains(said), "{arguments:?}: {}", err(&output));
    }
}
