"""`kubectl runbook plan` judges objects without a server: what the server refuses, it refuses, and for the same reason."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from pathlib import Path

import pytest


def _table(name: str) -> dict:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.BAD


BAD = _table("test_refused") | _table("test_refused_backups") | _table("test_refused_runs")


@pytest.fixture(scope="session")
def said(server, tmp_path_factory) -> dict[str, list[str]]:
    """What the CLI says of each case, by its name."""
    program = os.environ.get("RUNBOOK_CLI")
    if not program or not Path(program).is_file():
        pytest.fail("RUNBOOK_CLI must name the CLI's program: `make test-system` builds it and sets it")
    directory = tmp_path_factory.mktemp("bad")
    for case, (kind, changes, _) in BAD.items():
        (directory / f"{case}.yaml").write_text(json.dumps(server.example(kind, changes)))
    done = subprocess.run([program, "plan", "-o", "json", "-f", str(directory)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    return {Path(thing["source"]).stem: [finding["message"] for finding in thing["findings"]] for thing in report["objects"]}


@pytest.mark.parametrize("case", BAD)
def test_what_the_server_refuses_a_plan_refuses_in_its_words(said, case: str) -> None:
    messages = "\n".join(said[case])
    missing = [fragment for fragment in BAD[case][2] if fragment not in messages]
    assert not missing, messages
