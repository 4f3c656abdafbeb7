"""The chart's values: documented, checked, and the same in every place that speaks of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml


def documented(text: str) -> dict[str, str]:
    """What values.yaml says of each value, in the comment right above it, by the value's path."""
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        if match := re.match(r"^( *)([A-Za-z]\w*):", line):
            indent, key = len(match[1]), match[2]
            path = [(level, name) for level, name in path if level < indent] + [(indent, key)]
            if comment:
                found[".".join(name for _, name in path)] = " ".join(comment)
            comment = []
        elif match := re.match(r"^ *# ?(.*)$", line):
            comment.append(match[1])
        else:
            comment = []
    return found


def leaves(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is not a non-empty map, by its path."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def at(values: Any, path: str) -> Any:
    for key in path.split("."):
        values = values[key]
    return values


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def replaced(text: str, name: str, table: str) -> str:
    """The text with another table between its markers."""
    pattern = rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end of {name} -->)"
    assert re.search(pattern, text, re.DOTALL), f"no markers of {name}"
    return re.sub(pattern, lambda match: f"{match[1]}{table}{match[2]}", text, flags=re.DOTALL)


def test_the_readme_has_every_value_and_alert(chart, same_as_file):
    text = chart.file("values.yaml")
    values = yaml.safe_load(text)
    rows = [f"| `{path}` | `{cell(json.dumps(at(values, path)))}` | {cell(said)} |" for path, said in documented(text).items()]
    readme = replaced(chart.file("README.md"), "values", "\n".join(["| value | default | |", "|---|---|---|", *rows, ""]))
    alerts = yaml.safe_load(chart.file("files/alerts.yaml"))
    told = [(alert, re.sub(r"\{\{.*?\}\}", "…", alert["summary"])) for alert in alerts]
    rows = [f"| `{alert['alert']}` | {cell(said)} | {alert['threshold']} | {alert['for']} | {alert['severity']} |" for alert, said in told]
    head = ["| alert | | threshold | for | severity |", "|---|---|---|---|---|"]
    readme = replaced(readme, "alerts", "\n".join([*head, *rows, ""]))
    same_as_file(chart.path / "README.md", readme)


def test_every_value_says_what_it_is(chart):
    text = chart.file("values.yaml")
    said = documented(text)
    silent = [path for path, _ in leaves(yaml.safe_load(text)) if not any(path == known or path.startswith(f"{known}.") for known in said)]
    assert silent == []


def properties(schema: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Every value that the schema knows, by its path."""
    for key, value in schema.get("properties", {}).items():
        if value.get("properties"):
            assert value["additionalProperties"] is False, f"{prefix}{key} takes anything"
            yield from properties(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def test_the_schema_knows_every_value_and_no_other(chart):
    schema = json.loads(chart.file("values.schema.json"))
    known = set(properties(schema))
    free = {"resources", "dashboard.labels"}  # maps with a default of their own
    paths = [path for path, _ in leaves(yaml.safe_load(chart.file("values.yaml")))]
    values = {next((name for name in free if path.startswith(f"{name}.")), path) for path in paths}
    # helm gives every chart the value `global`.
    assert known - {"global"} == values


def test_every_value_changes_what_is_rendered(chart):
    """No value is without effect: each is set by one of the golden renderings to something else than its default."""
    defaults = dict(leaves(yaml.safe_load(chart.file("values.yaml"))))
    free = ("resources.", "dashboard.labels.")  # maps with a default of their own

    def sets(name: str, known: str) -> bool:
        return name == known or name.startswith(f"{known}.") or any(name.startswith(start) and known.startswith(start) for start in free)

    given = [leaf for path in chart.values for leaf in leaves(yaml.safe_load(path.read_text()))]
    idle = [known for known, default in defaults.items() if not any(sets(name, known) and value != default for name, value in given)]
    assert idle == []


def test_every_template_uses_only_values_that_exist(chart):
    known = yaml.safe_load(chart.file("values.yaml"))
    used = set()
    for path in sorted((chart.path / "templates").iterdir()):
        used |= set(re.findall(r"\.Values\.([A-Za-z.]*[A-Za-z])", path.read_text()))
    assert used
    for path in used:
        at(known, path)
