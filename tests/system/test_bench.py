"""The benchmark itself works: what it measures is for `make bench`, on a machine that has nothing else to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from runbook_sandbox.bench.__main__ import measure
from runbook_sandbox.bench.report import table


def _program(variable: str) -> Path:
    program = Path(os.environ.get(variable, ""))
    if not program.is_file():
        pytest.fail(f"{variable} must name a program: `make test-system` builds it and sets it")
    return program


@pytest.mark.long
def test_the_benchmark_runs(tmp_path: Path) -> None:
    run = measure(20, _program("RUNBOOK_OPERATOR"), _program("RUNBOOK_AWS"), tmp_path / "20")
    made = {name: run["converge"]["calls"][name] for name in ("UpdateService", "RegisterScalableTarget", "PutScalingPolicy")}
    assert made == {"UpdateService": 10, "RegisterScalableTarget": 10, "PutScalingPolicy": 10}
    assert run["converge"]["failed"] == run["restart"]["failed"] == {}
    assert run["steady"]["awsWrites"] == run["restart"]["awsWrites"] == 0
    assert run["steady"]["reconciles"].keys() == {"InSync"}
    assert run["steady"]["calls"]["DescribeServices"] < sum(run["steady"]["reconciles"].values())
    assert run["drift"]["services"] == 3
    assert run["memory"]["now"] > 0
    assert "| ScalingPolicies | target | 20 |" in table([run])
