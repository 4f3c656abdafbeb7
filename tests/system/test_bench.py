"""The benchmark itself works: what it measures is for `make bench`, on a machine that has nothing else to do."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from runbook_sandbox.bench.__main__ import measure
from runbook_sandbox.bench.plan import BackupPlan, ScalingPlan, backup_plan_for, plan_for
from runbook_sandbox.bench.report import BEGIN, END, machine, record, table


def _program(variable: str) -> Path:
    program = Path(os.environ.get(variable, ""))
    if not program.is_file():
        pytest.fail(f"{variable} must name a program: `make test-system` builds it and sets it")
    return program


def _measure(plan: ScalingPlan | BackupPlan, directory: Path) -> dict:
    run = measure(plan, _program("RUNBOOK_OPERATOR"), _program("RUNBOOK_AWS"), directory)
    assert run["converge"]["failed"] == run["restart"]["failed"] == {}
    assert run["steady"]["awsWrites"] == run["restart"]["awsWrites"] == 0
    assert run["steady"]["reconciles"].keys() == {"InSync"}
    assert run["drift"]["targets"] == 3
    assert run["memory"]["now"] > 0
    return run


@pytest.mark.long
def test_the_benchmark_of_scaling_runs(tmp_path: Path) -> None:
    run = _measure(plan_for(20), tmp_path / "20")
    made = {name: run["converge"]["calls"][name] for name in ("UpdateService", "RegisterScalableTarget", "PutScalingPolicy")}
    assert made == {"UpdateService": 10, "RegisterScalableTarget": 10, "PutScalingPolicy": 10}
    assert run["steady"]["calls"]["DescribeServices"] < sum(run["steady"]["reconciles"].values())
    assert "| ScalingPolicies | target | 20 |" in table("runs", [run])


@pytest.mark.long
def test_the_benchmark_of_backups_runs(tmp_path: Path) -> None:
    run = _measure(backup_plan_for(20), tmp_path / "20")
    assert run["snapshots"] == 60
    assert run["converge"]["calls"]["ModifyDBInstance"] == 20
    assert "CreateDBSnapshot" not in run["converge"]["calls"] | run["restart"]["calls"]
    assert run["steady"]["calls"]["DescribeDBInstances"] < sum(run["steady"]["reconciles"].values())
    assert "DescribeDBSnapshots" not in run["steady"]["calls"]
    assert run["restart"]["calls"]["DescribeDBSnapshots"] > 0
    assert "| BackupPolicies, with 20 snapshots each | target | 20 |" in table("backups", [run])


def test_what_is_not_measured_again_is_kept(tmp_path: Path) -> None:
    def measured(commit: str) -> dict:
        return {"commit": commit, "profile": "release", "aws": "stand-in", "machine": machine(), "sizes": []}

    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "performance.json").write_text(json.dumps({"runs": measured("before")}))
    (docs / "performance.md").write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n")
    record({"backups": measured("now")}, tmp_path)
    assert json.loads((docs / "performance.json").read_text()).keys() == {"runs", "backups"}
    page = (docs / "performance.md").read_text()
    assert page.startswith(f"above\n{BEGIN}\nCommit before, ") and page.endswith(f"{END}\nbelow\n")
    assert "| ScalingPolicies | target |" in page and "\nCommit now, " in page and "old" not in page
