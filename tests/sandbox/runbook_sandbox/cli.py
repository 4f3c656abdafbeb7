"""`runbook-sandbox`: a Kubernetes API with a node, and an AWS, on this machine."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path

from runbook_sandbox import background
from runbook_sandbox.harness import Client, Options
from runbook_sandbox.kubernetes.binaries import BuildError, ensure
from runbook_sandbox.kubernetes.node.images import Images
from runbook_sandbox.processes import ProcessError
from runbook_sandbox.state import DEFAULT_NAME, State, directory_of


def _exports(client: Client) -> str:
    shown = client.environment() | {"PATH": f"{client.path}:$PATH"}
    return "\n".join(f"export {name}={_quoted(value)}" for name, value in shown.items())


def _quoted(value: str) -> str:
    return f'"{value}"' if value.endswith(":$PATH") else shlex.quote(value)


def up(directory: Path, options: argparse.Namespace) -> int:
    images = Images.parse(options.image)
    ensure()  # here, where its progress is seen
    begun = time.monotonic()
    wanted = Options(images, not options.no_aws, not options.no_isolation, options.crash_back_off, options.volume_refresh)
    client, started = background.up(directory, wanted)
    if started:
        print(f"the sandbox is ready after {time.monotonic() - begun:.1f} s; state and logs: {directory}", file=sys.stderr)
    else:
        print(f"a sandbox is running already (its images are those it was started with); state and logs: {directory}", file=sys.stderr)
    print(_exports(client))
    return 0


def down(directory: Path, options: argparse.Namespace) -> int:
    ended = background.down(directory, keep=options.keep)
    print(f"the sandbox of {directory} has ended" if ended else f"there is no sandbox in {directory}", file=sys.stderr)
    return 0


def status(directory: Path, options: argparse.Namespace) -> int:
    """Exit code 0 if it runs, 1 if it failed, 3 if it does not run (as `systemctl status`)."""
    state = State.read(directory)
    if state is None:
        print(f"no sandbox in {directory}")
        return 3
    alive = state.alive()
    phase = state.phase if state.phase in ("failed", "stopped") or "supervisor" in alive else "killed"
    print(f"{phase}: {directory}")
    for name, process in state.processes.items():
        print(f"  {name:<24} {'running' if name in alive else 'ended':<8} pid {process.pid}")
    if state.message:
        print(state.message)
    if client := background.client(directory):
        print(_exports(client))
    return {"ready": 0, "starting": 0, "failed": 1}.get(phase, 3)


def main(argv: list[str] | None = None) -> int:
    """Exit code 0 when the sandbox is as asked for, 1 with a message when not, 2 for a wrong command line."""
    parser = argparse.ArgumentParser(prog="runbook-sandbox", description=__doc__)
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--name", default=DEFAULT_NAME, help="which sandbox; several run side by side (default: %(default)s)")
    where.add_argument("--state", type=Path, help="folder of the sandbox (default: ~/.local/state/runbook-operator/NAME)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    start = commands.add_parser("up", parents=[where], help="start a sandbox and print the variables to use it with")
    start.add_argument(
        "--image", action="append", default=[], metavar="NAME=PATH", help="the program that an image stands for (repeatable)"
    )
    start.add_argument("--no-aws", action="store_true", help="only Kubernetes")
    start.add_argument("--no-isolation", action="store_true", help="run programs without namespaces of their own")
    start.add_argument("--crash-back-off", type=float, default=10.0, metavar="SECONDS", help="first back-off (default: %(default)s)")
    start.add_argument("--volume-refresh", type=float, default=10.0, metavar="SECONDS", help="how soon pods see changed ConfigMaps")
    start.set_defaults(run=up)
    end = commands.add_parser("down", parents=[where], help="end a sandbox and remove its folder")
    end.add_argument("--keep", action="store_true", help="keep the folder with its logs")
    end.set_defaults(run=down)
    commands.add_parser("status", parents=[where], help="what runs").set_defaults(run=status)
    options = parser.parse_args(argv)
    try:
        directory = options.state.resolve() if options.state else directory_of(options.name)
        return options.run(directory, options)
    except ValueError as error:
        parser.error(str(error))
    except (ProcessError, BuildError, TimeoutError, OSError) as error:
        print(f"runbook-sandbox: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
