"""A PostgreSQL that is killed, and comes back at the same address with all that it had confirmed."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from infra.local import leash, postgres
from tests.conftest import PASSWORDS, fastest
from tests.factories import Database
from tests.fire.fire import Fire
from winroom import schema


class Server:
    """Durable as by default: a machine may die of another cause than we test, but no commit may."""

    def __init__(self, state: Path) -> None:
        self._state, self._life = state, ExitStack()
        owner_url = self._life.enter_context(postgres.running(state, port=0))
        self.database = Database(owner_url, (state / "postgres.password").read_text())

    def kill(self) -> None:
        """Nobody says goodbye to anybody."""
        os.kill(self._pid, signal.SIGKILL)
        self._life.close()

    def kill_a_child(self, dice: Random) -> None:
        """One of its processes dies: it ends all connections, and recovers by itself."""
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split()
        with suppress(ProcessLookupError):
            os.kill(int(dice.choice(children)), signal.SIGKILL)

    def start(self) -> None:
        """Returns when it takes connections."""
        owner_url = self.database.owner_url
        port = urlsplit(owner_url).port or 0
        while True:
            # Its last processes may not have gone yet, or another program has its port for a moment.
            with suppress(leash.ProgramEnded):
                url = self._life.enter_context(postgres.running(self._state, port=port))
                if url == owner_url:
                    return
                self._life.close()

    def stop(self) -> None:
        self._life.close()

    @property
    def _pid(self) -> int:
        return int((self._state / "postgres" / "postmaster.pid").read_text().split()[0])


@contextmanager
def running() -> Iterator[Server]:
    """A server with an empty, migrated database."""
    with TemporaryDirectory(prefix="winroom-fire-", dir=fastest()) as folder:
        server = Server(Path(folder))
        try:
            schema.migrate(server.database.owner_url, PASSWORDS)
            yield server
        finally:
            server.stop()


def kill_at(server: Server, fire: Fire, what: str, moments: Iterable[int]) -> None:
    """Each time that `what` was done so often: kills it and starts it again after a while, or one process."""
    dice = fire.dice("PostgreSQL")
    for number, moment in enumerate(moments):
        while fire.done[what] < moment:
            if fire.is_over.wait(0.01):
                return
        if number % 3 == 1:
            fire.note("PostgreSQL lost a process")
            server.kill_a_child(dice)
        else:
            fire.note("PostgreSQL killed")
            server.kill()
            time.sleep(dice.uniform(0, 4))
            server.start()
