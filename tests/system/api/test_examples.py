"""What the examples write the server takes, every field of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
OBJECTS = [
    pytest.param(item, id=f"{file.relative_to(EXAMPLES)}-{item['kind']}-{number}")
    for file in sorted(EXAMPLES.rglob("*.yaml"))
    for number, item in enumerate(yaml.safe_load_all(file.read_text()))
    if item["apiVersion"].startswith("ops.clocked.app/")
]


@pytest.mark.parametrize("item", OBJECTS)
def test_every_example_is_taken(server, item):
    item["metadata"].pop("namespace", None)  # there is only one here
    assert server.judge(item)["spec"].keys() >= item["spec"].keys()
