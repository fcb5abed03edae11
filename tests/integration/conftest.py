"""What integration tests share: the `winroom` command, and a release to change."""

from collections.abc import Callable
from importlib.resources.abc import Traversable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.operator.command import main
from tests.factories import Database
from winroom import schema

Winroom = Callable[..., Result]


@pytest.fixture
def winroom(environment: pytest.MonkeyPatch, database: Database) -> Winroom:
    """The `winroom` command, as it is typed, for the test's database."""
    environment.setenv("OPERATOR_DATABASE_URL", database.url_of("operator"))
    environment.setenv("OWNER_DATABASE_URL", database.owner_url)
    for variable in ("WINROOM_STACK_NAME", "WINROOM_URL", "WINROOM_KEY"):
        environment.delenv(variable, raising=False)
    return lambda *arguments, **more: CliRunner(mix_stderr=False).invoke(main, arguments, **more)


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
