"""Runs a sandbox in the background for `runbook-sandbox up`: whoever ends this process ends the sandbox, even by SIGKILL."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from runbook_sandbox.harness import Options, Sandbox
from runbook_sandbox.kubernetes.binaries import BuildError
from runbook_sandbox.processes import Identity, ProcessError
from runbook_sandbox.state import State


def supervise(directory: Path, options: Options, owner: Identity | None) -> int:
    """Starts the sandbox, then watches over it until SIGTERM, the end of ``owner`` or of one of its programs (exit code 1)."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    me = {"supervisor": Identity.of(threading.get_native_id())}
    State("starting", processes=me).write(directory)
    state = State("stopped")
    try:
        with Sandbox.start(directory, options) as sandbox:
            running = State("ready", str(sandbox.kubeconfig), sandbox.aws_endpoint, sandbox.path, "", me | sandbox.processes())
            running.write(directory)
            while not stop.wait(0.5):
                sandbox.check()
                if owner and not owner.alive():
                    break
    except (ProcessError, BuildError, OSError) as error:
        state = State("failed", message=str(error))
        print(error, file=sys.stderr)
    state.write(directory)
    return 1 if state.phase == "failed" else 0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--options", required=True, help="the fields of harness.Options as JSON")
    parser.add_argument("--owner", help="PID:STARTED of a process with which the sandbox ends")
    arguments = parser.parse_args(argv)
    owner = Identity(*map(int, arguments.owner.split(":"))) if arguments.owner else None
    return supervise(arguments.directory, Options(**json.loads(arguments.options)), owner)


if __name__ == "__main__":
    sys.exit(main())
