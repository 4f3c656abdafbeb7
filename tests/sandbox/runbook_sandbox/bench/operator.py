"""The operator as a process of its own: what the kernel and its metrics say about it."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import requests

from runbook_sandbox.processes import Child

_TICK = os.sysconf("SC_CLK_TCK")
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Memory:
    """Resident memory in MiB: now, and the most so far."""

    now: float
    peak: float


class Operator:
    """A running operator."""

    def __init__(self, program: Path, kubeconfig: Path, directory: Path, name: str, resync: int, kind: str) -> None:
        self._kind = kind
        self.log = directory / f"operator-{name}.log"
        options = ["--cluster-id=bench", "--namespace=default", f"--resync={resync}s", "--listen=127.0.0.1:0", "--allow-custom-endpoints"]
        environment = {"KUBECONFIG": str(kubeconfig), "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        environment |= {"RUST_LOG": "warn,runbook_operator::health=info,audit=warn", "AWS_EC2_METADATA_DISABLED": "true"}
        self.child = Child("operator", [program, *options], self.log, environment)
        self.pid = self.child.identity.pid
        self._session = requests.Session()
        self._session.trust_env = False
        self._url = ""

    def _address(self) -> str:
        for line in self.log.read_text().splitlines():
            if "serving /healthz" in line:
                return json.loads(line)["address"]
        return ""

    def metrics(self) -> list[tuple[str, dict[str, str], float]]:
        """All samples: name, labels, value. None before it serves."""
        self.child.check()
        if not self._url:
            address = self._address()
            if not address:
                return []
            self._url = f"http://{address}/metrics"
        text = self._session.get(self._url, timeout=30).text
        return [(name, dict(_LABEL.findall(labels)), float(value)) for name, labels, value in _SAMPLE.findall(text)]

    def reconciles(self) -> Counter[str]:
        """Reconciles of policies so far, by outcome."""
        samples = self.metrics()
        wanted = (s for s in samples if s[0] == "runbook_reconciles_total" and s[1].get("kind") == self._kind)
        return Counter({labels["outcome"]: int(value) for _, labels, value in wanted})

    def states(self) -> dict[str, int]:
        """Policies by state."""
        wanted = (s for s in self.metrics() if s[0] == "runbook_objects" and s[1].get("kind") == self._kind)
        return {labels["state"]: int(value) for _, labels, value in wanted}

    def cpu(self) -> float:
        """Seconds of CPU so far (proc(5): utime and stime)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def memory(self) -> Memory:
        """Resident memory (proc(5): VmRSS and VmHWM)."""
        fields = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text(), re.MULTILINE))
        return Memory(int(fields["VmRSS"]) / 1024, int(fields["VmHWM"]) / 1024)

    def stop(self) -> None:
        self.child.stop(grace=30)
