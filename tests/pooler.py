"""A transaction pooler between functions and their database: pgbouncer, on 127.0.0.1. A server's connection
serves whoever has a transaction next; nothing is reset in between."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import dict_row

from infra.local import leash, ports, programs
from tests.factories import Database

_SETTINGS = """\
[databases]
{name} = host=127.0.0.1 port={server_port}

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


class Pooler:
    """A pooler of one database."""

    def __init__(self, database: Database, port: int, settings: Path) -> None:
        self.database = database
        self._port = port
        self._settings = settings
        self._log = settings.with_name("pooler.log")
        self._carried = 0
        self._life = ExitStack()

    def start(self) -> None:
        command = [_program(), str(self._settings)]
        holder = self._life.enter_context(leash.leashed(command, log=self._log, env={}))
        while not ports.answers(self._port):
            leash.must_run(holder, self._log)
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends at once, and all connections with it."""
        self._carried = self.transactions
        self._life.close()

    def url_of(self, login: str) -> str:
        url = urlsplit(self.database.url_of(login))
        return url._replace(netloc=f"{url.username}:{url.password}@{ports.LOOPBACK}:{self._port}").geturl()

    @property
    def transactions(self) -> int:
        """How many it has carried, at least."""
        console = urlsplit(self.url_of("operator"))._replace(path="/pgbouncer").geturl()
        with psycopg.connect(console, autocommit=True, row_factory=dict_row) as conn:
            stats = {row["database"]: row for row in conn.execute("show stats")}
        served = stats.get(self.database.name, {"total_xact_count": 0})
        return self._carried + int(served["total_xact_count"])


@contextmanager
def running(database: Database, servers: int, by_way_of: int | None = None) -> Iterator[Pooler]:
    """A pooler with so many connections to the database for each login, perhaps by way of another port."""
    with TemporaryDirectory(prefix="winroom-pooler-") as folder, ports.reserved(0) as port:
        server_port = by_way_of or urlsplit(database.owner_url).port
        settings = _SETTINGS.format(
            name=database.name, server_port=server_port, port=port, folder=folder, servers=servers
        )
        pooler = Pooler(database, port, _written(Path(folder), settings, database))
        pooler.start()
        try:
            yield pooler
        finally:
            pooler.stop()


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


def _written(folder: Path, settings: str, database: Database) -> Path:
    if os.geteuid() == 0:
        settings += "user = nobody\n"  # it refuses to be root
        folder.chmod(0o755)
    users = [urlsplit(database.url_of(login)) for login in ("app", "operator")]
    (folder / "users.txt").write_text("".join(f'"{user.username}" "{user.password}"\n' for user in users))
    file = folder / "pgbouncer.ini"
    file.write_text(settings)
    return file
