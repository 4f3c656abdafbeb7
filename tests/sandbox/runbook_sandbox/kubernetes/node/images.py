"""Images: names of containers mapped to programs of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath

from runbook_sandbox.kubernetes.node.api import Object
from runbook_sandbox.kubernetes.node.environment import ConfigError, expand


class ImageMissing(Exception):
    """No ``--image`` was given for an image: ErrImagePull."""


class Images:
    """The table given at start. A name without a path is an image without entrypoint: its containers name a program of the machine."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = dict(table)

    @staticmethod
    def parse(options: list[str]) -> dict[str, str]:
        """The table of ``NAME=PATH`` options. ValueError tells which is malformed, or names a program that is not there."""
        table = {}
        for option in options:
            name, separator, path = option.partition("=")
            if not name or not separator:
                raise ValueError(f"--image {option}: write NAME=PATH, such as --image runbook-operator:dev=target/release/runbook-operator")
            if path and not Path(path).is_file():
                raise ValueError(f"--image {option}: there is no file {path}")
            table[name] = str(Path(path).resolve()) if path else ""
        return table

    def command(self, container: Object, environment: Mapping[str, str]) -> list[str]:
        """What to execute. A command that names the image's program by another path (``/usr/local/bin/x``) means the mapped one."""
        image = container["image"]
        if image not in self._table:
            raise ImageMissing(
                f'the sandbox has no image "{image}": start it with --image {image}=PATH (it has: {", ".join(self._table) or "none"})'
            )
        entrypoint = self._table[image]
        command = [expand(part, environment) for part in container.get("command", [])]
        arguments = [expand(part, environment) for part in container.get("args", [])]
        if not command:
            if not entrypoint:
                raise ConfigError(f'image "{image}" has no entrypoint: the container needs a command')
            command = [entrypoint]
        elif entrypoint and PurePath(command[0]).name == PurePath(entrypoint).name:
            command[0] = entrypoint
        return command + arguments
