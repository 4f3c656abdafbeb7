"""The databases of one process: a folder with their data, a certificate authority, and the thread that everything is done by.

Nothing outlives the process, however it ends: servers end with the thread that started them, and a shell that waits for
the end of its input removes the folder.
"""

from __future__ import annotations

import itertools
import logging
import shutil
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from runbook_sandbox.kubernetes.certificates import Authority
from runbook_sandbox.postgres import template
from runbook_sandbox.postgres.binaries import Binaries, cache_dir
from runbook_sandbox.postgres.owner import Owner
from runbook_sandbox.postgres.server import Place, Server, run

_LOG = logging.getLogger(__name__)
T = TypeVar("T")
#: Seconds until something asked of PostgreSQL counts as never done.
PATIENCE = 120.0
_REMOVE = 'cat >/dev/null; for i in $(seq 100); do rm -rf -- "$1" && exit; sleep 0.1; done'


class Host:
    """Where servers run. Orders are carried out one after the other, in the order given."""

    def __init__(self, binaries: Binaries) -> None:
        self.version = binaries.version()
        self._names = itertools.count(1)
        self._servers: list[Server] = []
        owner = Owner.of_this_machine()
        self._directory = owner.temporary()
        remover = ["/bin/sh", "-c", _REMOVE, "remove", str(self._directory)]
        self._remover = subprocess.Popen(remover, stdin=subprocess.PIPE, start_new_session=True, cwd="/")
        authority = Authority(self._directory / "pki")
        self.authority = authority.certificate
        certificate = authority.server("server", ["localhost"], ["127.0.0.1"])
        self.place = Place(binaries, owner, certificate, self._directory / "sockets")
        self.place.sockets.mkdir(mode=0o700)
        owner.give([authority.directory, self.place.sockets, certificate.key])
        # One worker, which lasts as long as the process: a server's life is bound to the thread that started it.
        self._worker = ThreadPoolExecutor(1, "sandbox-postgres")
        self._template = self.submit(lambda: template.ensure(binaries, owner, cache_dir()))

    def submit(self, order: Callable[[], T]) -> Future[T]:
        """Has something done, after everything that was ordered before. What goes wrong is logged, also if nobody waits for it."""

        def carry_out() -> T:
            try:
                return order()
            except Exception:
                _LOG.exception("PostgreSQL")
                raise

        return self._worker.submit(carry_out)

    def folder(self, name: str) -> Path:
        """A new folder of the owner's."""
        made = self._directory / f"{name}-{next(self._names)}"
        made.mkdir(mode=0o700)
        self.place.owner.give([made])
        return made

    def server(self, name: str, data: Path | None) -> Server:
        """A server, not yet started, on a copy of ``data``, or of the template. For orders only."""
        directory = self.folder(name)
        server = Server(self.place, directory, name)
        self.copy(data or self._template.result(), server.data)
        self._servers.append(server)
        return server

    def copy(self, source: Path, target: Path) -> None:
        """Copies a data directory that no server runs on."""
        run(self.place, ["cp", "--archive", "--reflink=auto", source, target], self._directory)

    def remove(self, server: Server) -> None:
        """Ends a server and removes its data."""
        server.stop(signal.SIGQUIT)
        shutil.rmtree(server.directory)
        self._servers.remove(server)

    def clear(self) -> None:
        """Ends all servers and removes all data."""

        def order() -> None:
            for server in list(self._servers):
                self.remove(server)
            for directory in self._directory.glob("*-*"):
                shutil.rmtree(directory)

        self.submit(order).result(PATIENCE)

    def close(self) -> None:
        """Ends everything; the host is of no use then."""
        self.clear()
        self._worker.shutdown()
        self._remover.communicate(timeout=PATIENCE)


class Data:
    """What a snapshot holds: a data directory that no server runs on."""

    def __init__(self, host: Host, fill: Callable[[Path], None]) -> None:
        self.host = host
        self.directory = host.folder("snapshot") / "data"
        self._done = host.submit(lambda: fill(self.directory))

    @property
    def busy(self) -> bool:
        """Whether it is not complete yet."""
        return not self._done.done()

    def join(self) -> None:
        """Returns when it is complete; raises what went wrong."""
        self._done.result(PATIENCE)

    def copy(self) -> Data:
        """Another of the same content."""
        return Data(self.host, lambda target: self.host.copy(self.directory, target))

    def discard(self) -> None:
        """Removes it, after what was ordered of it."""
        self.host.submit(lambda: shutil.rmtree(self.directory.parent, ignore_errors=True))


class Database:
    """A server and its data. What is asked of it is done after what was asked of others before; `join` waits for it."""

    def __init__(self, host: Host, name: str, data: Data | None = None) -> None:
        """On a copy of ``data``, or empty."""
        self.host = host
        self._orders: list[Future[Any]] = []
        self._server: Server | None = None

        def make() -> None:
            self._server = host.server(name, data.directory if data else None)
            self._server.start()

        self._order(make)

    def _order(self, order: Callable[[], None]) -> None:
        self._orders.append(self.host.submit(order))

    def _the_server(self) -> Server:
        if self._server is None:
            raise RuntimeError("the server was not made")
        return self._server

    @property
    def busy(self) -> bool:
        """Whether something that was asked for is not done."""
        return not all(order.done() for order in self._orders)

    def join(self) -> None:
        """Returns when everything that was asked for is done; raises what went wrong."""
        orders, self._orders = self._orders, []
        for order in orders:
            order.result(PATIENCE)

    @property
    def port(self) -> int:
        """The port on localhost, once `join` has returned."""
        return self._the_server().port

    def create_master(self, user: str, password: str, database: str | None) -> None:
        """The master user and the first database, on an empty server."""

        def order() -> None:
            with self._the_server().administrator() as connection:
                template.create_master(connection, user, password, database)

        self._order(order)

    def set_password(self, user: str, password: str) -> None:
        """Gives the master user another password, at once: the server runs."""
        with self._the_server().administrator() as connection:
            template.set_password(connection, user, password)

    def stop(self) -> None:
        self._order(lambda: self._the_server().stop())

    def start(self) -> None:
        self._order(lambda: self._the_server().start())

    def snapshot(self) -> Data:
        """The data as of when it is complete, or a moment before: all that is committed when this is called is in it."""

        def fill(target: Path) -> None:
            server = self._the_server()
            if server.running:
                server.back_up(target)
            else:
                self.host.copy(server.data, target)

        return Data(self.host, fill)

    def remove(self) -> None:
        """Ends the server and removes its data."""

        def order() -> None:
            if self._server is not None:
                self.host.remove(self._server)

        # What went wrong before does not matter any more.
        self._orders.clear()
        self._order(order)
