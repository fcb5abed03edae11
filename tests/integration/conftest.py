"""What integration tests share: the `winroom` command, an admin's desk, and a release to change."""

from collections.abc import Callable
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
from click.testing import CliRunner, Result

from infra.operator.command import main
from tests.desk import Desk
from tests.doors import Sqs
from tests.factories import Company, Database
from winroom import callers, db, schema

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
def desk(company: Company, queues: Sqs) -> Desk:
    return Desk(company, queues)


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
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of this release's roles and migrations, to which a test adds."""
    (tmp_path / "migrations").mkdir()
    shipped: Traversable = schema._PACKAGE
    for file in [shipped / "roles.sql", *(shipped / "migrations").iterdir()]:
        folder = tmp_path if file.name == "roles.sql" else tmp_path / "migrations"
        (folder / file.name).write_text(file.read_text())
    monkeypatch.setattr(schema, "_PACKAGE", tmp_path)
    return tmp_path
