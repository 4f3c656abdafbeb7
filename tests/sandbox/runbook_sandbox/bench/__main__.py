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


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--operator", required=True, type=Path, help="the operator's program")
    parser.add_argument("--aws", type=Path, help="the stand-in's program; without it the sandbox's AWS, which is slow")
    parser.add_argument("--sizes", default="100 1000 10000", help="how many ScalingPolicies (default: %(default)s)")
    parser.add_argument("--backups", default="50 500", help="how many BackupPolicies; none without --aws (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="where to write everything that was measured")
    parser.add_argument("--record", action="store_true", help="write docs/performance.json and the table of docs/performance.md")
    parser.add_argument("--keep", type=Path, help="a directory for logs, kept afterwards")
    options = parser.parse_args()
    began = time.monotonic()
    result = {
        "commit": report.commit(REPOSITORY),
        "profile": options.operator.parent.name,
        "aws": "stand-in" if options.aws else "sandbox",
        "machine": report.machine(),
        "runs": [],
        "backups": [],
    }
    with tempfile.TemporaryDirectory(prefix="runbook-bench-") as temporary:
        directory = options.keep or Path(temporary)
        for size in options.sizes.split():
            result["runs"].append(measure(plan_for(int(size)), options.operator, options.aws, directory / size))
        for size in options.backups.split() if options.aws else []:
            plan = backup_plan_for(int(size))
            result["backups"].append(measure(plan, options.operator, options.aws, directory / f"backups-{size}"))
    print(f"{report.describe(result)}\n\n{report.tables(result)}\n\nIt took {(time.monotonic() - began) / 60:.0f} minutes.")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    if options.record:
        report.record(result, REPOSITORY)
    return 0


if __name__ == "__main__":
    sys.exit(main())
