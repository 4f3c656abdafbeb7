"""`python -m runbook_sandbox.bench`: measures the operator with 100, 1,000 and 10,000 ScalingPolicies. Exit code 1 when a run failed, not
when a number missed its target: those are set in bold."""

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
from runbook_sandbox.bench.plan import plan_for
from runbook_sandbox.kubernetes.binaries import ensure

REPOSITORY = Path(__file__).resolve().parents[4]


def measure(policies: int, operator: Path, aws_program: Path | None, directory: Path) -> dict:
    """One size, in a control plane of its own. Without `aws_program` on the sandbox's AWS."""
    plan = plan_for(policies)
    directory.mkdir(parents=True)
    cluster = Cluster(directory, ensure(), REPOSITORY / "crds" / "yaml")
    try:
        aws = StandIn(aws_program, plan, directory) if aws_program else SandboxAws(sys.executable, plan, directory)
        try:

            def start(name: str, resync: int) -> Operator:
                return Operator(operator, cluster.kubeconfig, directory, name, resync)

            return Run(plan, cluster, aws, start, lambda text: print(text, file=sys.stderr, flush=True)).measure()
        finally:
            aws.stop()
    finally:
        cluster.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--operator", required=True, type=Path, help="the operator's program")
    parser.add_argument("--aws", type=Path, help="the stand-in's program; without it the sandbox's AWS, which is slow")
    parser.add_argument("--sizes", default="100 1000 10000", help="how many policies (default: %(default)s)")
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
    }
    with tempfile.TemporaryDirectory(prefix="runbook-bench-") as temporary:
        directory = options.keep or Path(temporary)
        for size in options.sizes.split():
            result["runs"].append(measure(int(size), options.operator, options.aws, directory / size))
    print(f"{report.describe(result)}\n\n{report.table(result['runs'])}\n\nIt took {(time.monotonic() - began) / 60:.0f} minutes.")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    if options.record:
        report.record(result, REPOSITORY)
    return 0


if __name__ == "__main__":
    sys.exit(main())
