"""What somebody may try, row by row, on the whole system: the table of docs/security.md."""

from __future__ import annotations

import re

import pytest
from attacks import ATTACKS
from attacks.table import READS, Scene
from runbook_sandbox.clocked.installation import REPOSITORY


@pytest.mark.parametrize("one", ATTACKS, ids=lambda one: re.sub(r"\W+", "-", one.somebody))
def test_attack(one, place, request):
    scene = Scene(place, request, one.ends.strip("`"))
    one.attempt(scene)
    calls = scene.calls()
    writes = [call for call in calls if call["effect"] and not call["operation"].startswith(READS)]
    if one.aws == "not asked":
        assert not calls
    if one.aws == "only read":
        assert calls and not writes


def test_the_documented_table_is_this_one():
    text = (REPOSITORY / "docs" / "security.md").read_text()
    rows = [line for line in text.partition("## What is tried")[2].partition("\n## ")[0].splitlines() if line.startswith("| ")]
    assert rows[1:] == [one.row() for one in ATTACKS]
