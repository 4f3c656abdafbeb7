"""The image: linted, small, nobody's, and built of all that cargo needs."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from runbook_sandbox.clocked.installation import CHART, REPOSITORY

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} +(.+)$", DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.exporter"])
def test_hadolint_has_nothing_to_say(name: str):
    beside = Path(sys.executable).parent / "hadolint"
    hadolint = str(beside) if beside.exists() else shutil.which("hadolint")
    assert hadolint, "hadolint is missing: install tests/sandbox/requirements.txt"
    command = [hadolint, "--failure-threshold=style", str(REPOSITORY / name)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_runs_as_the_chart_says():
    (deployment,) = [
        document
        for document in yaml.safe_load_all((Path(__file__).parent / "golden" / "default.yaml").read_text())
        if document and document["kind"] == "Deployment"
    ]
    security = deployment["spec"]["template"]["spec"]["securityContext"]
    assert instructions("USER") == [f"{security['runAsUser']}:{security['runAsGroup']}"]
    assert instructions("EXPOSE") == [str(yaml.safe_load((CHART / "values.yaml").read_text())["operator"]["port"])]
    (program,) = re.findall(r'ENTRYPOINT \["([^"]+)"\]', DOCKERFILE)
    assert any(copied.endswith(f" {program}") for copied in instructions("COPY"))


def test_the_last_stage_has_no_shell():
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    assert "distroless" in last.splitlines()[1] and ":nonroot" in last.splitlines()[1]
    assert not re.search(r"^(RUN|SHELL|ADD|CMD) ", last, re.MULTILINE)


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.exporter"])
def test_the_toolchain_is_the_workspaces(name: str):
    workspace = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())["workspace"]
    (build,) = re.findall(r"^FROM rust:([0-9.]+)-", (REPOSITORY / name).read_text(), re.MULTILINE)
    assert build == workspace["package"]["rust-version"]


def included(path: str) -> bool:
    """Whether a path of the repository is sent to the builder: the last pattern that fits it or a folder of it decides."""
    result = True
    parts = Path(path).parts
    names = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#") and any(fnmatch.fnmatch(name, line.removeprefix("!")) for name in names):
            result = line.startswith("!")
    return result


def test_the_builder_gets_what_cargo_reads_and_no_more():
    workspace = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())["workspace"]
    for needed in ("Cargo.toml", "Cargo.lock", *(f"{member}/Cargo.toml" for member in workspace["members"])):
        assert included(needed), f"{needed} is not sent to the builder"
    for member in workspace["members"]:
        sources = [path.relative_to(REPOSITORY) for path in (REPOSITORY / member / "src").rglob("*.rs")]
        assert sources and all(included(str(source)) for source in sources)
    for needless in ("README.md", ".git/HEAD", "docs/iam.md", "tests/sandbox/pyproject.toml", "charts/runbook-operator/values.yaml"):
        assert not included(needless), f"{needless} is sent to the builder"
