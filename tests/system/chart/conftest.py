"""The chart as helm renders it, without a cluster."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from runbook_sandbox.clocked.installation import CHART, NAMESPACE, RELEASE
from runbook_sandbox.harness import Client
from runbook_sandbox.kubernetes.binaries import ensure

HERE = Path(__file__).resolve().parent
VALUES = sorted((HERE / "values").glob("*.yaml"))


class Chart:
    """The chart, and helm to render it."""

    path = CHART
    values = VALUES

    def __init__(self, directory: Path) -> None:
        self._client = Client(directory / "no-cluster", "", ensure().search_path())

    def helm(self, *arguments: str) -> str:
        """helm without a cluster; CommandError with what it said if it fails."""
        return self._client.helm(*arguments)

    def render(self, *flags: str, release: str = RELEASE) -> str:
        """`helm template`, as it would be installed."""
        return self.helm("template", release, str(CHART), f"--namespace={NAMESPACE}", *flags)

    def objects(self, *flags: str) -> list[dict[str, Any]]:
        """What is rendered, parsed."""
        return [document for document in yaml.safe_load_all(self.render(*flags)) if document]

    def file(self, name: str) -> str:
        """A file of the chart."""
        return (CHART / name).read_text()


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Chart:
    """The chart."""
    return Chart(tmp_path_factory.mktemp("chart"))


@pytest.fixture(scope="session")
def same_as_file() -> Any:
    """Compares a text with a file of the repository; with UPDATE_CHART=1 it writes the file instead."""

    def check(path: Path, text: str) -> None:
        if os.environ.get("UPDATE_CHART"):
            path.write_text(text)
        assert path.exists() and path.read_text() == text, f"{path} differs; where that is meant, run the test with UPDATE_CHART=1"

    return check
