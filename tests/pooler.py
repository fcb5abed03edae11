"""A transaction pooler between functions and their database: pgbouncer, on 127.0.0.1. A server's connection
serves whoever has a transaction next; nothing is reset in between."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import DictRow, dict_row

from infra.local import leash, ports, programs
from tests.factories import Database

_SETTINGS = """\
[databases]
{name} = host={host} port={server_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
admin_users = winroom_operator
pool_mode = transaction
default_pool_size = {servers}
server_reset_query =
# Not a quarter of a minute after a login that was cut off.
server_login_retry = 0.1
"""


@dataclass
class Pooler:
    """A running pooler of one database."""

    database: Database
    port: int
    _carried_before: int = 0

    def url_of(self, login: str) -> str:
        url = urlsplit(self.database.url_of(login))
        return url._replace(netloc=f"{url.username}:{url.password}@{ports.LOOPBACK}:{self.port}").geturl()

    @property
    def transactions(self) -> int:
        """How many it has carried, at least."""
        counted = [row for row in self._tell("show stats") if row["database"] == self.database.name]
        return self._carried_before + sum(int(row["total_xact_count"]) for row in counted)

    def drop_all(self) -> None:
        """Cuts off all clients and servers at once; whoever comes again is served."""
        self._carried_before = self.transactions  # it forgets them
        self._tell(f"kill {self.database.name}")
        self._tell(f"resume {self.database.name}")

    def _tell(self, command: str) -> list[DictRow]:
        console = urlsplit(self.url_of("operator"))._replace(path="/pgbouncer").geturl()
        with psycopg.connect(console, autocommit=True, row_factory=dict_row) as conn:
            cursor = conn.execute(command.encode())
            return cursor.fetchall() if cursor.description else []


@contextmanager
def running(database: Database, servers: int) -> Iterator[Pooler]:
    """A pooler with so many connections to the database for each login."""
    with TemporaryDirectory(prefix="winroom-pooler-") as folder, ports.reserved(0) as port:
        settings, log = _write(Path(folder), database, port, servers), Path(folder) / "pooler.log"
        with leash.leashed([_program(), settings], log=log, env={}) as holder:
            while not ports.answers(port):
                leash.must_run(holder, log)
                time.sleep(0.05)
            yield Pooler(database, port)


def _program() -> str:
    if found := programs.find("pgbouncer"):
        return found
    print("There is no pgbouncer on this machine: installing it.", file=sys.stderr)
    programs.install("pgbouncer")
    if found := programs.find("pgbouncer"):
        return found
    raise FileNotFoundError(
        "no pgbouncer could be installed: do so as your system does (apt-get install pgbouncer)"
    )


def _write(folder: Path, database: Database, port: int, servers: int) -> Path:
    server = urlsplit(database.owner_url)
    settings = _SETTINGS.format(
        name=database.name,
        host=server.hostname,
        server_port=server.port,
        port=port,
        folder=folder,
        servers=servers,
    )
    if os.geteuid() == 0:
        settings += "user = nobody\n"  # it refuses to be root
        folder.chmod(0o755)
    users = [urlsplit(database.url_of(login)) for login in ("app", "jobs", "operator")]
    (folder / "users.txt").write_text("".join(f'"{user.username}" "{user.password}"\n' for user in users))
    file = folder / "pgbouncer.ini"
    file.write_text(settings)
    return file
