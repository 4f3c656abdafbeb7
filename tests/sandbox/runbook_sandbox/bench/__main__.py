"""`python -m runbook_sandbox.bench`: measures the operator with 100, 1,000 and 10,000 ScalingPolicies, and with 50 and 500 BackupPolicies.
Exit code 1 when a run failed, not when a number missed its target: those are set in bold."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from runbook_sandbox.bench import report
from runbook_sandbox.bench.aws import SandboxAws, StandIn
from runbook_sandbox.bench.cluster import Cluster
from runbook_sandbox.bench.measure import Run
from runbook_sandbox.bench.operator import Operator
from runbook_sandbox.bench.plan import BackupPlan, ScalingPlan, backup_plan_for, plan_for
from runbook_sandbox.kubernetes.binaries import ensure

REPOSITORY = Path(__file__).resolve().parents[4]


def measure(plan: ScalingPlan | BackupPlan, operator: Path, aws_program: Path | None, directory: Path) -> dict:
    """One size, in a control plane of its own. Without `aws_program` on the sandbox's AWS, where there are no databases."""
    directory.mkdir(parents=True)
    cluster = Cluster(directory, ensure(), REPOSITORY / "crds" / "yaml", plan.plural)
    try:
        if aws_program:
            aws = StandIn(aws_program, plan, directory)
        elif isinstance(plan, ScalingPlan):
            aws = SandboxAws(sys.executable, plan, directory)
        else:
            raise ValueError("BackupPolicies are measured on the stand-in alone")
        try:

            def start(name: str, resync: int) -> Operator:
                return Operator(operator, cluster.kubeconfig, directory, name, resync, plan.kind)

            return Run(plan, cluster, aws, start, lambda text: print(text, file=sys.stderr, flush=True)).measure()
        finally:
            aws.stop()
    finally:
        cluster.stop()


def _sizes(text: str) -> list[int]:
    return [] if text == "none" else [int(size) for size in text.split()]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--operator", required=True, type=Path, help="the operator's program")
    parser.add_argument("--aws", type=Path, help="the stand-in's program; without it the sandbox's AWS, which is slow")
    parser.add_argument("--sizes", default="100 1000 10000", help="how many ScalingPolicies, or none (default: %(default)s)")
    parser.add_argument("--backups", default="50 500", help="how many BackupPolicies, or none; none without --aws (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="where to write everything that was measured")
    parser.add_argument("--record", action="store_true", help="write docs/performance.json and the table of docs/performance.md")
    parser.add_argument("--keep", type=Path, help="a directory for logs, kept afterwards")
    options = parser.parse_args()
    began = time.monotonic()
    about = {
        "commit": report.commit(REPOSITORY),
        "profile": options.operator.parent.name,
        "aws": "stand-in" if options.aws else "sandbox",
        "machine": report.machine(),
    }
    plans = {"runs": [plan_for(size) for size in _sizes(options.sizes)]}
    plans["backups"] = [backup_plan_for(size) for size in _sizes(options.backups)] if options.aws else []
    result = {}
    with tempfile.TemporaryDirectory(prefix="runbook-bench-") as temporary:
        directory = options.keep or Path(temporary)
        for kind in [kind for kind in plans if plans[kind]]:
            measured = [measure(plan, options.operator, options.aws, directory / f"{kind}-{plan.policies}") for plan in plans[kind]]
            result[kind] = about | {"sizes": measured}
    print(f"{report.tables(result)}\n\nIt took {(time.monotonic() - began) / 60:.0f} minutes.")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    if options.record:
        report.record(result, REPOSITORY)
    return 0


if __name__ == "__main__":
    sys.exit(main())
