"""Who may import whom, and that imports are quiet: the architecture, held by reading the code.

Every rule is shown modules that break it, so that we know that it would speak up.
"""

import ast
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYER = "layers/winroom/winroom/"

# The ways into a tenant's rows. Nouns receive a connection; these are for whoever opens the door.
SESSIONS = {
    "tenant_session",
    "tenant_batch",
    "tenant_statement",
    "open_session",
    "jobs_session",
}
# Everything may stand on these, so they stand on next to nothing.
FOUNDATION = {
    "errors.py": set[str](),
    "copy.py": set[str](),
    "ids.py": set[str](),
    "settings.py": {"errors"},
    "queries.py": {"settings", "errors"},
    "db.py": {"settings", "errors"},
}
MEANINGLESS = {"utils", "util", "common", "helpers", "helper", "models", "services", "manager"}


@dataclass(frozen=True)
class Module:
    """A source file by its path below the root."""

    path: str
    source: str

    @property
    def noun(self) -> str:
        """The name of a module of our layer, or nothing."""
        return self.path.removeprefix(LAYER) if self.path.startswith(LAYER) else ""

    @property
    def function(self) -> str:
        """The folder of a function's module, or nothing."""
        return self.path.split("/")[1] if self.path.startswith("functions/") else ""

    @property
    def runs_in_lambda(self) -> bool:
        return bool(self.noun or self.function)

    @property
    def package(self) -> str:
        folder = self.path.removeprefix("layers/winroom/").rpartition("/")[0]
        return folder.replace("/", ".")

    @property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.source)))

    @property
    def imports(self) -> set[str]:
        """Full names, wherever in the file and for whatever reason they are imported."""
        found = set()
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                above = self.package.split(".")[: 1 - node.level or None] if node.level else []
                origin = ".".join([*above, *([node.module] if node.module else [])])
                found |= {f"{origin}.{alias.name}" for alias in node.names}
        return found

    @property
    def attributes(self) -> set[str]:
        return {node.attr for node in self.nodes if isinstance(node, ast.Attribute)}

    def imports_from(self, *packages: str) -> bool:
        return any(f"{name}.".startswith(f"{package}.") for name in self.imports for package in packages)


def imports_another_function(module: Module) -> bool:
    return any(
        name.split(".")[1:2] != [module.function]
        for name in module.imports
        if module.function and name.split(".")[0] == "functions"
    )


def layer_imports_functions(module: Module) -> bool:
    return bool(module.noun) and module.imports_from("functions")


def imports_what_looks_in_from_outside(module: Module) -> bool:
    if module.path.startswith("infra/"):
        return module.imports_from("tests")
    return module.runs_in_lambda and module.imports_from("infra", "tests")


def noun_knows_the_web(module: Module) -> bool:
    web = ("request", "answers", "cors", "routes", "web")
    is_web = module.noun.removesuffix(".py") in ("", *web)
    return not is_web and module.imports_from(*(f"winroom.{name}" for name in web))


def opens_a_connection(module: Module) -> bool:
    if not module.runs_in_lambda or module.noun in ("db.py", "schema.py"):
        return False
    opens = module.imports_from("psycopg.connect", "psycopg_pool")
    return opens or bool(module.attributes & {"connect", "AsyncConnection", "ConnectionPool"})


def noun_opens_a_session(module: Module) -> bool:
    # People's way in begins before anybody is known, for the API and for pages alike.
    if module.noun in ("", "db.py", "web.py", "entrance.py"):
        return False
    imported = {name.rpartition(".")[2] for name in module.imports}
    return bool((imported | module.attributes) & SESSIONS)


def foundation_stands_on_more(module: Module) -> bool:
    if module.noun not in FOUNDATION:
        return False
    ours = {name.split(".")[1] for name in module.imports if name.startswith("winroom.")}
    return not ours <= FOUNDATION[module.noun]


def reads_the_environment(module: Module) -> bool:
    if not module.runs_in_lambda or module.noun == "settings.py":
        return False
    reads = module.imports_from("os.environ", "os.getenv")
    return reads or bool(module.attributes & {"environ", "environb", "getenv"})


def function_speaks_sql(module: Module) -> bool:
    if not module.function:
        return False
    return module.imports_from("winroom.queries") or bool(
        module.attributes & {"execute", "executemany", "copy_expert"}
    )


def has_a_meaningless_name(module: Module) -> bool:
    return bool(set(module.path.removesuffix(".py").split("/")) & MEANINGLESS)


def makes_functions_a_package(module: Module) -> bool:
    return module.path == "functions/__init__.py"


RULES: dict[Callable[[Module], bool], list[Module]] = {
    imports_another_function: [
        Module("functions/api/app.py", "from functions.ingestion import app"),
        Module("functions/api/app.py", "from functions import ingestion"),
        Module("functions/api/app.py", "import functions.ingestion.app"),
        Module("functions/api/app.py", "def f():\n    import functions.ingestion.app"),
        Module("functions/api/app.py", "from ..ingestion import app"),
    ],
    layer_imports_functions: [Module(LAYER + "sales.py", "from functions.api import app")],
    imports_what_looks_in_from_outside: [
        Module(LAYER + "sales.py", "from infra.local import ports"),
        Module(LAYER + "sales.py", "import tests.factories"),
        Module("functions/api/app.py", "from infra import release"),
        Module("functions/api/app.py", "from tests import factories"),
        Module("infra/operator/command.py", "from tests.factories import sale"),
    ],
    noun_knows_the_web: [
        Module(LAYER + "sales.py", "from winroom.request import Request"),
        Module(LAYER + "sales.py", "if TYPE_CHECKING:\n    import winroom.routes"),
        Module(LAYER + "sales.py", "from winroom.answers import Reply"),
        Module(LAYER + "sales.py", "from winroom import web"),
        Module(LAYER + "sales.py", "from .web import Call"),
        Module(LAYER + "sales.py", "from . import web"),
    ],
    opens_a_connection: [
        Module(LAYER + "sales.py", "from psycopg import connect"),
        Module(LAYER + "sales.py", "import psycopg\ndef f(): psycopg.connect('')"),
        Module(LAYER + "sales.py", "def f(): Connection.connect('')"),
        Module(LAYER + "sales.py", "import psycopg_pool"),
        Module("functions/api/app.py", "from psycopg_pool import ConnectionPool"),
    ],
    noun_opens_a_session: [
        Module(LAYER + "sales.py", "from winroom.db import tenant_session"),
        Module(LAYER + "sales.py", "from winroom import db\ndef f(): db.jobs_session()"),
    ],
    foundation_stands_on_more: [
        Module(LAYER + "db.py", "from winroom import sales"),
        Module(LAYER + "queries.py", "from winroom.db import Connection"),
        Module(LAYER + "settings.py", "import winroom.telemetry"),
        Module(LAYER + "errors.py", "from winroom.settings import settings"),
    ],
    reads_the_environment: [
        Module(LAYER + "sales.py", "import os\nx = os.environ['A']"),
        Module(LAYER + "sales.py", "import os as o\nx = o.getenv('A')"),
        Module("functions/api/app.py", "from os import environ"),
    ],
    function_speaks_sql: [
        Module("functions/api/app.py", "def f(conn): conn.execute('select 1')"),
        Module("functions/api/app.py", "from winroom import queries"),
    ],
    has_a_meaningless_name: [
        Module(LAYER + "utils.py", ""),
        Module("functions/common/app.py", ""),
        Module("tests/helpers.py", ""),
    ],
    makes_functions_a_package: [Module("functions/__init__.py", "")],
}


@pytest.mark.parametrize("offends", RULES, ids=lambda rule: rule.__name__)
def test_no_module(offends: Callable[[Module], bool]) -> None:
    assert [module.path for module in modules() if offends(module)] == []


@pytest.mark.parametrize(
    ("offends", "offender"),
    [(rule, offender) for rule, offenders in RULES.items() for offender in offenders],
)
def test_an_offender_is_found(offends: Callable[[Module], bool], offender: Module) -> None:
    assert offends(offender)


def test_the_rules_are_about_modules_that_are_there() -> None:
    there = {module.path for module in modules()}
    assert there >= {LAYER + name for name in ("db.py", "schema.py", "web.py", *FOUNDATION)}
    assert {module.function for module in modules()} >= {"ingestion", "processor", "api"}


@cache
def modules() -> list[Module]:
    return [
        Module(file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8"))
        for folder in ("functions", "layers/winroom", "infra", "tests")
        for file in sorted((ROOT / folder).rglob("*.py"))
    ]


# Imports every module named, and prints what our own code did meanwhile and should not have done.
_PROBE = """
import importlib, os, stat, sys, threading

root, *names = sys.argv[1:]
sys.path[:0] = [root, root + "/layers/winroom"]
places = (root + "/functions/", root + "/layers/winroom/")


def blame(what):
    # What a library does while it is itself imported is its own affair: importlib stands between.
    frame = sys._getframe(2)
    while frame and not frame.f_code.co_filename.startswith("<frozen importlib"):
        if frame.f_code.co_filename.startswith(places):
            print(f"{frame.f_code.co_filename}:{frame.f_lineno} {what}")
            return
        frame = frame.f_back


class Watched(type(os.environ)):
    def __getitem__(self, key):
        if key != "PYDANTIC_DISABLE_PLUGINS":  # asked for each model, by pydantic and for itself
            blame("reads the environment")
        return super().__getitem__(key)

    def __iter__(self):
        blame("reads the environment")
        return super().__iter__()


os.environ.__class__ = Watched
sys.addaudithook(lambda event, _: event == "socket.connect" and print("something connects"))
for name in names:
    importlib.import_module(name)
for number in range(3, 256):
    try:
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            print("a socket is open")
    except OSError:
        pass
if threading.active_count() > 1:
    print("a thread runs")
"""


def test_importing_reads_no_environment_and_opens_nothing() -> None:
    names = [
        module.path.removeprefix("layers/winroom/").removesuffix(".py").replace("/", ".")
        for module in modules()
        if module.runs_in_lambda
    ]
    assert len(names) > 20
    assert noise_of_importing(ROOT, names) == ""


@pytest.mark.parametrize(
    ("source", "noise"),
    [
        ("import os; os.environ.get('HOME')", "reads the environment"),
        ("import os; os.getenv('HOME')", "reads the environment"),
        ("import os; 'HOME' in os.environ", "reads the environment"),
        ("import os; dict(os.environ)", "reads the environment"),
        ("from os import environ as e; e.copy()", "reads the environment"),
        ("import os; X = [os.environ.get(k) for k in 'ab']", "reads the environment"),
        ("from shutil import get_terminal_size as f; f()", "reads the environment"),
        ("import socket; s = socket.socket()", "a socket is open"),
        ("import socket; socket.socket().connect_ex(('127.0.0.1', 9))", "something connects"),
        ("import threading as t; t.Thread(target=t.Event().wait, daemon=True).start()", "a thread"),
    ],
)
def test_a_noisy_import_is_heard(tmp_path: Path, source: str, noise: str) -> None:
    (tmp_path / "functions" / "loud").mkdir(parents=True)
    (tmp_path / "functions" / "loud" / "app.py").write_text(source)
    assert noise in noise_of_importing(tmp_path, ["functions.loud.app"])


def noise_of_importing(root: Path, names: list[str]) -> str:
    """Imports in a process of its own, with an empty environment."""
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", _PROBE, str(root), *names],
        env={},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
