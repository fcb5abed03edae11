"""What integration tests share: a websocket API on this machine, passwords that are hashed in no time."""

from collections.abc import Callable, Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner, Result

from infra.operator.command import main
from tests import gateway as edge
from tests.conftest import forget_process_state
from tests.doors import Sqs
from tests.factories import Company, Database
from tests.gateway import Gateway
from tests.wire import Wire
from winroom import callers, db, logins, passwords, schema, sockets
from winroom.settings import settings

Winroom = Callable[..., Result]
Answered = TypeVar("Answered")


class Overhear(Protocol):
    """Asks, and returns the answer with the statements that the functions sent for it, without their values.
    Whoever asks is a stranger to them each time."""

    def __call__(self, ask: Callable[[], Answered]) -> tuple[Answered, list[object]]: ...


@pytest.fixture
def winroom(environment: pytest.MonkeyPatch, database: Database) -> Winroom:
    """The `winroom` command, as it is typed, for the test's database."""
    environment.setenv("OPERATOR_DATABASE_URL", database.url_of("operator"))
    environment.setenv("OWNER_DATABASE_URL", database.owner_url)
    for variable in ("WINROOM_STACK_NAME", "WINROOM_URL", "WINROOM_KEY"):
        environment.delenv(variable, raising=False)
    return lambda *arguments, **more: CliRunner(mix_stderr=False).invoke(main, arguments, **more)


@pytest.fixture
def gateway(environment: pytest.MonkeyPatch, queues: Sqs) -> Iterator[Gateway]:
    """A websocket API whose management endpoint the functions know."""
    with edge.running() as running:
        environment.setenv("SOCKET_MANAGEMENT_URL", running.url)
        settings.cache_clear()
        sockets._endpoint.cache_clear()
        # Made here: a Lambda has one thread that might, the tests have many.
        loop, endpoint = sockets._loop(), sockets._endpoint()
        yield running
        loop.call_soon_threadsafe(endpoint.close)
        sockets._endpoint.cache_clear()


@pytest.fixture
def overheard(environment: pytest.MonkeyPatch) -> Overhear:
    """Listens to what the functions ask of their database."""
    sent: list[object] = []
    execute = db.Connection.execute

    def noted(conn: db.Connection, query: Any, *values: Any, **more: Any) -> db.Cursor:
        sent.append(query)
        return execute(conn, query, *values, **more)

    def overhear(ask: Callable[[], Answered]) -> tuple[Answered, list[object]]:
        callers.forget_all()
        sent.clear()
        return ask(), [*sent]

    environment.setattr(db.Connection, "execute", noted)
    return overhear


@pytest.fixture
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing is slow on purpose, and that is no purpose of most tests."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", lambda: quick)
    monkeypatch.setitem(logins._NOBODY, "password_hash", quick.hash("nobody's"))


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of this release's roles and migrations, to which a test adds."""
    (tmp_path / "migrations").mkdir()
    shipped: Traversable = schema._PACKAGE
    for file in [shipped / "roles.sql", *(shipped / "migrations").iterdir()]:
        folder = tmp_path if file.name == "roles.sql" else tmp_path / "migrations"
        (folder / file.name).write_text(file.read_text())
    monkeypatch.setattr(schema, "_PACKAGE", tmp_path)
    return tmp_path


@pytest.fixture
def wire(company: Company, database: Database, environment: pytest.MonkeyPatch) -> Iterator[Wire]:
    """Between the functions and their database: counts round trips, and can be cut."""
    url = urlsplit(database.url_of("app"))
    assert url.hostname is not None
    assert url.port is not None
    wire = Wire(url.hostname, url.port)
    through = url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{wire.port}")
    environment.setenv("DATABASE_URL", through.geturl())
    forget_process_state()
    yield wire
    forget_process_state()
    wire.cut()
