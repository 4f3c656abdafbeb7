"""How GitOps tools read a status: kstatus (Flux, kpt, `kubectl wait` in spirit) and the Argo CD script that the project ships."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa.lua51 import LuaRuntime

REPOSITORY = Path(__file__).resolve().parents[3]
CONFIG_MAP = REPOSITORY / "examples" / "argocd" / "argocd-cm.yaml"
KEY = "resource.customizations.health.ops.clocked.app_"

# What Argo CD's Lua has to offer a health script, as far as this one may use it; neither `os` nor `io` nor `require`.
LIBRARY = ("ipairs", "pairs", "string", "table", "tostring", "tonumber", "type", "next", "math")


def _scripts() -> dict[str, str]:
    """The health script of each kind."""
    return {key.removeprefix(KEY): script for key, script in yaml.safe_load(CONFIG_MAP.read_text())["data"].items()}


def _argo(thing: dict[str, Any]) -> tuple[str, str]:
    """What Argo CD shows for an object: its health, and the message beside it. Argo CD runs Lua 5.1."""
    lua = LuaRuntime(unpack_returned_tuples=True, register_eval=False, register_builtins=False)
    environment = lua.table_from({name: lua.globals()[name] for name in LIBRARY})
    environment["obj"] = lua.table_from(thing, recursive=True)
    run = lua.eval("function(script, environment) return setfenv(assert(loadstring(script)), environment)() end")
    health = run(_scripts()[thing["kind"]], environment)
    return health["status"], health["message"]


def _kstatus(thing: dict[str, Any]) -> str:
    """What kstatus computes for an object that is not being deleted.

    sigs.k8s.io/cli-utils `pkg/kstatus/status`: `checkGenericProperties`, then `checkReadyCondition`.
    """
    status = thing.get("status", {})
    if status.get("observedGeneration", thing["metadata"]["generation"]) != thing["metadata"]["generation"]:
        return "InProgress"
    conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
    for condition in status.get("conditions", []):
        if condition["type"] == "Reconciling" and condition["status"] == "True":
            return "InProgress"
        if condition["type"] == "Stalled" and condition["status"] == "True":
            return "Failed"
    return "Current" if conditions.get("Ready", "True") == "True" else "InProgress"


@pytest.fixture(scope="session")
def scripts() -> dict[str, str]:
    """The Argo CD health script of each kind."""
    return _scripts()


@pytest.fixture(scope="session")
def argo() -> Callable[[dict[str, Any]], tuple[str, str]]:
    """What Argo CD shows for an object."""
    return _argo


@pytest.fixture(scope="session")
def kstatus() -> Callable[[dict[str, Any]], str]:
    """What kstatus computes for an object."""
    return _kstatus
