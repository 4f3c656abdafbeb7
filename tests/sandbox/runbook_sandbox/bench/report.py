"""What was measured as tables, and against which target."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runbook_sandbox.bench.plan import RESYNC, SPREAD

#: Between these lines of docs/performance.md stands the table.
BEGIN, END = "<!-- measured: make bench RECORD=1 -->", "<!-- end of measured -->"

#: Row, target (None: none), how it is written, where it is found.
_Row = tuple[str, float | None, str, Callable[[dict[str, Any]], float]]

_CONVERGING: list[_Row] = [
    ("Converging ÷ (N ÷ write budget), until AWS is as declared", 1.05, ".2f", lambda r: r["converge"]["ratio"]),
    ("the same, until every policy says so", None, ".2f", lambda r: r["converge"]["ratioUntilReported"]),
    ("AWS writes ÷ those needed", 1.0, ".3f", lambda r: r["converge"]["writesPerWanted"]),
    ("AWS reads per policy while converging", None, ".2f", lambda r: r["converge"]["readsPerPolicy"]),
    ("AWS calls throttled or refused, all phases", 0, ".0f", lambda r: sum(sum(r[p]["failed"].values()) for p in _PHASES)),
]
_SCALING: list[_Row] = [
    ("ECS calls per policy and resync", 0.11, ".3f", lambda r: r["steady"]["ecsPerPolicyAndResync"]),
    ("DescribeScalableTargets per policy and resync", 0.03, ".3f", lambda r: r["steady"]["targetsPerPolicyAndResync"]),
    ("DescribeScalingPolicies per band: all of them read, as hourly", 0.25, ".3f", lambda r: r["restart"]["policiesPerBand"]),
    ("DescribeScalingPolicies per band and hour, by the window", 0.25, ".3f", lambda r: r["steady"]["policiesPerBandAndHour"]),
]
_BACKUPS: list[_Row] = [
    ("DescribeDBInstances per database and resync", None, ".3f", lambda r: r["steady"]["databasesPerPolicyAndResync"]),
    ("DescribeDBSnapshots per database and resync, by the window", None, ".3f", lambda r: r["steady"]["snapshotsPerPolicyAndResync"]),
    ("DescribeDBSnapshots per database: all of them read, as every four hours", None, ".3f", lambda r: r["restart"]["snapshotsPerPolicy"]),
    ("RDS calls per database and resync, that list in it", 0.02, ".4f", lambda r: _databases(r)),
    ("AWS reads per database after a restart", None, ".3f", lambda r: r["restart"]["readsPerPolicy"]),
]
_QUIET: list[_Row] = [
    ("AWS writes in steady state and after a restart", 0, ".0f", lambda r: r["steady"]["awsWrites"] + r["restart"]["awsWrites"]),
    ("Kubernetes writes in steady state, but the Lease", 0, ".0f", lambda r: _but_lease(r["steady"])),
    ("Kubernetes writes after a restart, but the Lease", 0, ".0f", lambda r: _but_lease(r["restart"])),
    ("Drift corrected by resync: worst, in resyncs", None, ".2f", lambda r: r["drift"]["worstResyncs"]),
    ("Drift corrected by resync: median, in resyncs", None, ".2f", lambda r: r["drift"]["medianResyncs"]),
    ("Resident memory in steady state, MiB", 150, ".0f", lambda r: r["memory"]["now"]),
    ("Most resident memory so far, MiB", 150, ".0f", lambda r: r["memory"]["peak"]),
    ("CPU seconds per 1,000 reconciles that find nothing", None, ".2f", lambda r: r["steady"]["cpuSecondsPerThousandReconciles"]),
    ("Idle CPU at the default resync of 5m, % of a core", 2, ".2f", lambda r: _idle(r)),
]
_PHASES = ("converge", "steady", "restart")
#: By kind, as the report has them: what the first column is called, and its rows.
_KINDS: dict[str, tuple[str, list[_Row]]] = {
    "runs": ("ScalingPolicies", [*_CONVERGING, *_SCALING, *_QUIET]),
    "backups": ("BackupPolicies, with 20 snapshots each", [*_CONVERGING, *_BACKUPS, *_QUIET]),
}


def _but_lease(phase: dict[str, Any]) -> float:
    return sum(count for resource, count in phase["kubernetesWrites"].items() if resource != "leases")


def _databases(run: dict[str, Any]) -> float:
    steady = run["steady"]
    return steady["databasesPerPolicyAndResync"] + steady["snapshotsPerPolicyAndResync"] + run["restart"]["listPerPolicyAndResync"]


def _idle(run: dict[str, Any]) -> float:
    """What a process takes between resyncs, and the resyncs of five minutes, an eighth longer on average."""
    a_second = run["policies"] / RESYNC / SPREAD
    return run["restart"]["floorCpuPercent"] + a_second * run["steady"]["cpuSecondsPerThousandReconciles"] / 1000 * 100


def tables(report: dict[str, dict[str, Any]]) -> str:
    """A table for each kind that was measured, and above it on what."""
    return "\n\n".join(f"{describe(report[kind])}\n\n{table(kind, report[kind]['sizes'])}" for kind in _KINDS if kind in report)


def table(kind: str, runs: list[dict[str, Any]]) -> str:
    """Markdown: a row for each number, a column for each size, growth from the smallest to the largest."""
    title, rows = _KINDS[kind]
    sizes = [f"{run['policies']:,}" for run in runs]
    lines = [f"| {title} | target | {' | '.join(sizes)} |", f"|---|---|{'---|' * len(runs)}"]
    for name, target, form, read in rows:
        cells = []
        for run in runs:
            value = read(run)
            missed = target is not None and value > target * 1.0001
            cells.append(f"**{value:{form}}**" if missed else f"{value:{form}}")
        lines.append(f"| {name} | {'' if target is None else f'≤ {target:g}' if target else '0'} | {' | '.join(cells)} |")
    return "\n".join(lines)


def machine() -> dict[str, Any]:
    """On what it was measured."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "cores": os.cpu_count(),
        "processor": model[1] if model else platform.machine(),
        "system": f"{platform.system()} {platform.machine()}",
        "loadBefore": round(os.getloadavg()[0], 1),
    }


def commit(repository: Path) -> str:
    """The commit that was measured, with + where the checkout differed from it."""
    done = subprocess.run(["git", "-C", repository, "describe", "--always", "--dirty=+"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def record(report: dict[str, dict[str, Any]], repository: Path) -> None:
    """Writes the JSON and the tables into docs/. A kind that was not measured keeps what was measured of it before."""
    found, page = repository / "docs" / "performance.json", repository / "docs" / "performance.md"
    report = json.loads(found.read_text()) | report
    found.write_text(json.dumps(report, indent=2) + "\n")
    before, rest = page.read_text().split(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{tables(report)}\n{END}{rest.split(END)[1]}")


def describe(measured: dict[str, Any]) -> str:
    """The line above a table."""
    found = measured["machine"]
    return (
        f"Commit {measured['commit']}, {measured['profile']} profile, {found['cores']} cores of {found['processor']} shared with the "
        f"API server, etcd and the stand-in; load {found['loadBefore']} before it began."
    )
