"""What Argo CD and kstatus make of every row of the table of conditions; no API server is needed for it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
CRDS = REPOSITORY / "crds" / "yaml"
CONDITIONS = ("Ready", "Synced", "Stalled", "Reconciling")
SAME = {"Current": "Healthy", "InProgress": "Progressing", "Failed": "Degraded"}


def _table() -> list[dict[str, str]]:
    """The table of docs/conditions.md, a row each, without its Markdown."""
    lines = (REPOSITORY / "docs" / "conditions.md").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| situation |"))
    rows = [[re.sub(r"[`*]", "", cell).strip() for cell in line.strip("|").split("|")] for line in itertools.takewhile(bool, lines[start:])]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


TABLE = _table()
OUTAGE = next(row for row in TABLE if "cannot be reached" in row["situation"])
PLAIN = [row for row in TABLE if row is not OUTAGE]


def _values(cell: str) -> set[str]:
    """What a cell of the table lets a condition be."""
    if cell.startswith("as before"):
        return {"True", "False"}
    named = cell.split()[0].rstrip(",:")
    return {"True", "False"} if cell.startswith(("False while", "False if")) else {named}


def _statuses(row: dict[str, str]) -> Iterator[dict[str, str]]:
    """Every status that a row speaks of, as its conditions."""
    for values in itertools.product(*(sorted(_values(row[name])) for name in CONDITIONS)):
        yield dict(zip(CONDITIONS, values, strict=True))


def _object(kind: str, said: dict[str, str], observed: int = 2) -> dict[str, Any]:
    conditions = [{"type": name, "status": value, "reason": f"{name}Reason", "message": f"why {name}"} for name, value in said.items()]
    status = {"conditions": conditions, "observedGeneration": observed}
    return {"apiVersion": "ops.clocked.app/v1alpha1", "kind": kind, "metadata": {"name": "any", "generation": 2}, "status": status}


def test_there_is_a_script_for_every_kind(scripts):
    assert set(scripts) == {yaml.safe_load(file.read_text())["spec"]["names"]["kind"] for file in CRDS.glob("*.yaml")}


@pytest.mark.parametrize("kind", ["AwsAccount", "BackupPolicy", "DatabaseBackup", "DatabaseRestore", "ScalingPolicy"])
@pytest.mark.parametrize("row", PLAIN, ids=lambda row: row["situation"])
def test_a_row_is_read_as_the_table_says(kind: str, row: dict[str, str], argo, kstatus):
    assert SAME[row["kstatus"]] == row["Argo CD"]
    for said in _statuses(row):
        thing = _object(kind, said)
        assert (kstatus(thing), argo(thing)[0]) == (row["kstatus"], row["Argo CD"]), said


@pytest.mark.parametrize("before", PLAIN, ids=lambda row: row["situation"])
def test_an_outage_neither_fails_nor_completes_anything(before: dict[str, str], argo, kstatus):
    for was in _statuses(before):
        said = {name: was[name] if OUTAGE[name].startswith("as before") else OUTAGE[name].split()[0].rstrip(",") for name in CONDITIONS}
        thing = _object("ScalingPolicy", said)
        expected = "InProgress" if before["kstatus"] == "Failed" else before["kstatus"]
        assert (kstatus(thing), argo(thing)[0]) == (expected, SAME[expected]), said


# The operator never says Stalled and Reconciling at once.
ANYTHING = [said for said in itertools.product(("True", "False", "Unknown"), repeat=4) if said[2:] != ("True", "True")]


@pytest.mark.parametrize("said", ANYTHING, ids="-".join)
def test_both_read_anything_alike(said: tuple[str, ...], argo, kstatus):
    for observed in (2, 1, -1):
        thing = _object("ScalingPolicy", dict(zip(CONDITIONS, said, strict=True)), observed)
        assert argo(thing)[0] == SAME[kstatus(thing)]
        assert observed == 2 or kstatus(thing) == "InProgress", "what was said of another spec says nothing of this one"


def test_a_status_that_is_not_there_yet_is_waited_for(argo):
    fresh = {"kind": "ScalingPolicy", "metadata": {"name": "any", "generation": 1}}
    assert argo(fresh)[0] == "Progressing"
    assert argo(fresh | {"status": {"observedGeneration": -1}})[0] == "Progressing"


def test_the_message_is_that_of_what_a_person_wants_to_know(argo):
    fine = {"Ready": "True", "Synced": "True", "Stalled": "False", "Reconciling": "False"}
    for changed, told in [
        ({}, "ReadyReason: why Ready"),
        ({"Synced": "Unknown"}, "SyncedReason: why Synced"),
        ({"Synced": "False", "Reconciling": "True"}, "ReconcilingReason: why Reconciling"),
        ({"Ready": "False", "Stalled": "True"}, "StalledReason: why Stalled"),
        ({"Ready": "False"}, "ReadyReason: why Ready"),
    ]:
        assert argo(_object("ScalingPolicy", fine | changed))[1] == told


def test_an_override_that_has_ended_is_well(argo, kstatus):
    for active in ("True", "False"):
        thing = _object("ScalingOverride", {"Ready": "True", "Stalled": "False", "Reconciling": "False", "Active": active})
        assert (kstatus(thing), argo(thing)[0]) == ("Current", "Healthy")
    lost = _object("ScalingOverride", {"Ready": "False", "Stalled": "True", "Reconciling": "False", "Active": "False"})
    assert (kstatus(lost), argo(lost)[0]) == ("Failed", "Degraded")
