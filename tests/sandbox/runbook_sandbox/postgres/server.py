"""One PostgreSQL server on a data directory, set up as RDS sets up its own as far as clients can tell.

Source: Amazon RDS User Guide, "Using SSL with a PostgreSQL DB instance" (rds.force_ssl), "Understanding PostgreSQL roles
and permissions" (rdsadmin is RDS's own superuser, whom nobody else can be).
"""

from __future__ import annotations

import random
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg

from runbook_sandbox.kubernetes.certificates import KeyPair
from runbook_sandbox.postgres.binaries import Binaries
from runbook_sandbox.postgres.owner import Owner
from runbook_sandbox.processes import Child, ProcessError

#: The superuser, as RDS calls it.
ADMINISTRATOR = "rdsadmin"
#: Below the ports that the kernel gives to outgoing connections, so that a server which is started again finds its own free.
_PORTS = range(20000, 30000)
_BUSY = "Address already in use"
_HBA = f"""\
local   all          {ADMINISTRATOR}                 trust
local   replication  {ADMINISTRATOR}                 trust
hostssl all          {ADMINISTRATOR}  127.0.0.1/32   reject
hostssl {ADMINISTRATOR}  all          127.0.0.1/32   reject
hostssl all          all          127.0.0.1/32   scram-sha-256
"""


@dataclass(frozen=True)
class Place:
    """What servers share: the programs, whose they are, the certificate (None: no TLS, no clients), the folder of their sockets."""

    binaries: Binaries
    owner: Owner
    certificate: KeyPair | None
    sockets: Path


class Server:
    """A server on ``directory``/data; configuration and log are beside the data, which therefore can be copied as it is.

    It is sent SIGQUIT when the thread that started it ends: an immediate shutdown, after which no shared memory is left.
    """

    def __init__(self, place: Place, directory: Path, name: str) -> None:
        self.place, self.directory, self._name = place, directory, name
        self.data = directory / "data"
        self.port = 0
        self._child: Child | None = None

    @property
    def running(self) -> bool:
        return self._child is not None

    def start(self, *arguments: str) -> None:
        """Returns when it takes connections and writes. ProcessError with the end of its log if it does not come to that."""
        for port in (self.port, *random.sample(_PORTS, 20)):
            if port and _is_free(port):
                try:
                    return self._start(port, arguments)
                except ProcessError as error:
                    if _BUSY not in str(error):
                        raise
        raise ProcessError("no free port for a PostgreSQL server")

    def _start(self, port: int, arguments: tuple[str, ...]) -> None:
        place, hba, configuration = self.place, self.directory / "pg_hba.conf", self.directory / "postgresql.conf"
        hba.write_text(_HBA)
        configuration.write_text(self._configuration(port, hba))
        command = [place.binaries["postgres"], "-D", self.data, "-c", f"config_file={configuration}", *arguments]
        log = self.directory / "log"
        log.unlink(missing_ok=True)
        settings = place.owner.settings() | {"cwd": self.directory}
        child = Child(f"postgres {self._name}", command, log, place.binaries.environment(), signal.SIGQUIT, **settings)
        self.port, self._child = port, child
        try:
            child.wait_ready(self._is_ready, 60)
        except ProcessError:
            self.stop(signal.SIGQUIT)
            raise

    def _configuration(self, port: int, hba: Path) -> str:
        place = self.place
        lines = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": place.sockets,
            "unix_socket_permissions": "0700",
            "hba_file": hba,
            "password_encryption": "scram-sha-256",
            "cluster_name": self._name,
            "log_line_prefix": "%t:%r:%u@%d:[%p]:",
            "max_connections": 80,
            "shared_buffers": "16MB",
            "jit": "off",
            # No segment of /dev/shm outlives a server that was killed.
            "dynamic_shared_memory_type": "mmap",
            # The machine's crash takes the sandbox with it; that of a process needs no fsync.
            "fsync": "off",
            "min_wal_size": "4MB",
            "max_wal_size": "64MB",
            # pg_basebackup fetches what was written while it ran.
            "wal_keep_size": "32MB",
        }
        if place.certificate:
            lines |= {"ssl": "on", "ssl_cert_file": place.certificate.certificate, "ssl_key_file": place.certificate.key}
        if Path("/usr/share/zoneinfo/UTC").exists():
            lines |= {"timezone": "UTC", "log_timezone": "UTC"}
        return "".join(f"{name} = '{value}'\n" for name, value in lines.items())

    def _is_ready(self) -> bool:
        try:
            with self.administrator() as connection:
                return connection.execute("SELECT NOT pg_is_in_recovery()").fetchone() == (True,)
        except psycopg.OperationalError:
            return False

    def administrator(self, database: str = "postgres") -> psycopg.Connection:
        """A connection of the superuser, which commits each statement. psycopg.OperationalError while there is none to be had."""
        return psycopg.connect(
            host=str(self.place.sockets), port=self.port, user=ADMINISTRATOR, dbname=database, autocommit=True, connect_timeout=10
        )

    def stop(self, number: int = signal.SIGINT) -> None:
        """A fast shutdown (SIGINT) ends what clients do and writes everything down, an immediate one (SIGQUIT) just ends."""
        if self._child is not None:
            self._child.stop(number=number)
            self._child = None

    def back_up(self, target: Path) -> None:
        """The data as of now into ``target``, an empty folder of the owner's, from which a server can be started."""
        place = self.place
        command = [place.binaries["pg_basebackup"], f"--pgdata={target}", f"--host={place.sockets}", f"--port={self.port}"]
        command += [f"--username={ADMINISTRATOR}", "--checkpoint=fast", "--wal-method=fetch", "--no-sync", "--no-manifest"]
        command += ["--no-verify-checksums", "--no-password"]
        run(place, command, target.parent)


def run(place: Place, command: list[str | Path], directory: Path) -> None:
    """Runs a program as the owner. ProcessError with what it said if it fails."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"} | place.binaries.environment()
    arguments = [str(part) for part in command]
    done = subprocess.run(arguments, cwd=directory, capture_output=True, text=True, env=environment, **place.owner.settings())
    if done.returncode != 0:
        raise ProcessError(f"{Path(command[0]).name} ended with exit code {done.returncode}: {done.stderr.strip()}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
