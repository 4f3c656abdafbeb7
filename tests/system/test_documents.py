"""What the documents tell people to type can be typed, and their links lead somewhere. No API server is needed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from runbook_sandbox.kubernetes.binaries import ensure

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("charts/*/README.md")])
# What a shell would do with the rest of the line.
ENDS = {">", "|", ";", "&&", "<<"}


def _commands() -> Iterator[tuple[str, list[str]]]:
    """Each command of the documents' console blocks, with where it stands."""
    for document in DOCUMENTS:
        for block in re.findall(r"^```console\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE):
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith("$ "):
                    words = shlex.split(line[2:], comments=True)
                    end = next((number for number, word in enumerate(words) if word in ENDS or word.startswith("<<")), len(words))
                    yield str(document.relative_to(REPOSITORY)), words[:end]


COMMANDS = list(_commands())


def _of(*program: str) -> list[object]:
    found = [(where, words) for where, words in COMMANDS if words[: len(program)] == list(program)]
    return [pytest.param(words[len(program) :], id=f"{where}: {' '.join(words)}") for where, words in found]


def test_there_are_commands():
    assert {"kubectl", "helm", "make", "terraform"} <= {words[0] for _, words in COMMANDS}


@pytest.mark.parametrize("arguments", _of("kubectl", "runbook"))
def test_kubectl_runbook_knows_it(arguments: list[str]):
    program = os.environ.get("RUNBOOK_CLI")
    if not program or not Path(program).is_file():
        pytest.fail("RUNBOOK_CLI must name the CLI's program: `make test-system` builds it and sets it")
    # Help is given once everything before it was understood.
    done = subprocess.run([program, *arguments, "--help"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", _of("helm", "install") + _of("helm", "upgrade"))
def test_the_chart_takes_it(arguments: list[str]):
    if "…" in arguments:
        arguments.remove("…")
        arguments.append("--set=clusterId=production")
    # Values come from the release that is upgraded; flags that only an installation has render nothing.
    values = ["--set=clusterId=production"] if "--reset-then-reuse-values" in arguments else []
    kept = [word for word in arguments if word not in ("--wait", "--create-namespace", "--reset-then-reuse-values", "--take-ownership")]
    environment = os.environ | {"PATH": f"{ensure().search_path()}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["helm", "template", *kept, *values], capture_output=True, text=True, check=False, cwd=REPOSITORY, env=environment, timeout=60
    )
    assert done.returncode == 0, done.stderr
    if annotation := next((word for word in arguments if "role-arn" in word), None):
        assert f"eks.amazonaws.com/role-arn: {annotation.partition('=')[2]}" in done.stdout


@pytest.mark.parametrize("arguments", _of("make"))
def test_make_has_it(arguments: list[str]):
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert {word for word in arguments if word.replace("-", "").isalpha()} <= targets


def _anchors(text: str) -> set[str]:
    """What a link into a document may name: its headings as GitHub spells them, and marks of its own."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings} | set(re.findall(r'<a id="([^"]+)"', text))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(REPOSITORY)))
def test_links_lead_somewhere(document: Path):
    text = re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE))
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", text):
        if "://" in target:
            continue
        path = (document.parent / target) if target else document
        assert path.exists(), f"{target} is not there"
        if anchor and path.suffix == ".md":
            assert anchor in _anchors(path.read_text()), f"{target} has no #{anchor}"
