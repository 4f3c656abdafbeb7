"""`python -m runbook_sandbox.demo --operator PATH --cli PATH`: exit code 0 when every step did what it says, 1 when not."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from botocore.exceptions import ClientError

from runbook_sandbox.clocked.account import Account
from runbook_sandbox.clocked.installation import IMAGE, NAMESPACE
from runbook_sandbox.demo.stage import Stage
from runbook_sandbox.demo.story import Story
from runbook_sandbox.harness import CommandError, Options, Sandbox
from runbook_sandbox.kubernetes.binaries import BuildError
from runbook_sandbox.processes import ProcessError


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--operator", required=True, type=Path, help="the operator's program")
    parser.add_argument("--cli", required=True, type=Path, help="the program kubectl-runbook")
    options = parser.parse_args()
    stage = Stage()
    try:
        print("starting etcd, kube-apiserver, kube-controller-manager, the node-runner and the AWS sandbox …", flush=True)
        with Sandbox.start(options=Options(images={IMAGE: str(options.operator.resolve())})) as sandbox:
            story = Story(stage, sandbox, Account(sandbox.aws_endpoint), options.cli.resolve())
            try:
                story.tell()
            except (AssertionError, TimeoutError, CommandError, ClientError, KeyError) as error:
                print(f"\nThe demo failed: {error!r}", file=sys.stderr)
                print_log(sandbox)
                return 1
    except (BuildError, ProcessError, OSError) as error:
        print(f"\nThe sandbox did not start: {error}", file=sys.stderr)
        return 1
    stage.end()
    return 0


def print_log(sandbox: Sandbox) -> None:
    """The end of the operator's log, where there is one: the reason is usually in it."""
    try:
        log = sandbox.kubectl("logs", f"--namespace={NAMESPACE}", "deployment/runbook-operator", "--tail=40")
        print(f"\nThe end of the operator's log:\n{log}", file=sys.stderr)
    except CommandError as error:
        print(f"\nThe operator has no log: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
