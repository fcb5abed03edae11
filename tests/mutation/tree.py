"""A copy of all that tests need, in which one file at a time is another."""

import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile

import hypothesis
import pytest

import tests.conftest
import tests.doors
from infra.release import ROOT
from tests.mutation.mutant import Mutant

_COPIED = ("functions", "infra", "layers", "tests", "template.yaml", "pyproject.toml")
_OURS = {"functions", "infra", "tests", "winroom"}
# Some mutants wait for ever: none of the tests takes half as long.
_IMPATIENCE = ("-o", "faulthandler_timeout=30", "-o", "faulthandler_exit_on_timeout=true")
_FIRST_FAILURE = re.compile(r"^(?:FAILED|ERROR) (tests/.+?)(?: - .*)?$", re.MULTILINE)


class _KillersFirst:
    """A plugin of pytest: what killed the last mutant probably kills the next one, too."""

    def __init__(self) -> None:
        # The last one last.
        self._killers: list[str] = []

    def killed(self, test: str) -> None:
        self._killers = [*(t for t in self._killers if t != test), test]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        rank = {test: number for number, test in enumerate(self._killers)}
        items.sort(key=lambda item: -rank.get(item.nodeid, -1))


class Tree:
    """Runs tests in children of this process, which inherit what others wrote: loading that takes longer than
    most tests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._order = _KillersFirst()
        self._seconds = count()
        # Starting and migrating one costs more than most tests; it ends with this process.
        self._life = ExitStack()
        self._server = self._life.enter_context(tests.conftest.migrated(folder / "server"))
        for name in _COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, folder / name)

    def killer_of(self, mutant: Mutant, tests: Sequence[str], seconds: int) -> str:
        """The test that notices the mutant, or nothing."""
        with self._changed(mutant):
            killer = self.failure(tests, seconds, migrates="/migrations/" in mutant.path)
        self._order.killed(killer)
        return killer

    def failure(self, tests: Sequence[str], seconds: int, migrates: bool = True) -> str:
        """The first test that fails, which is the last that runs; nothing if all pass in time. They have a
        server of their own where the database is to be made anew."""
        with TemporaryFile("w+") as told:
            child = os.fork()
            if not child:
                code = 1
                try:
                    signal.alarm(seconds)
                    os.dup2(told.fileno(), 1)
                    os.dup2(told.fileno(), 2)
                    if not migrates:
                        os.environ["WINROOM_SERVER"] = self._server
                    code = self._run(tests)
                finally:
                    os._exit(code)  # pytest may raise, and there must not be two of us
            _, status = os.waitpid(child, 0)
            told.seek(0)
            failed = _FIRST_FAILURE.search(told.read())
        if os.WIFSIGNALED(status):
            return "the clock"
        return failed[1] if failed else "pytest" if status else ""

    @contextmanager
    def _changed(self, mutant: Mutant) -> Iterator[None]:
        self._write(mutant.path, mutant.text)
        try:
            yield
        finally:
            self._write(mutant.path, mutant.original)

    def _write(self, path: str, text: str) -> None:
        (self._folder / path).write_text(text)
        # By its second Python tells a module from its cached bytecode, and some runs take less.
        os.utime(self._folder / path, (next(self._seconds),) * 2)

    def _run(self, tests: Sequence[str]) -> int:
        os.chdir(self._folder)
        sys.path[:0] = [str(self._folder), str(self._folder / "layers/winroom")]
        for name in [name for name in sys.modules if name.partition(".")[0] in _OURS]:
            del sys.modules[name]
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they take longer to load, too
        hypothesis.settings.load_profile("ci")  # has patience, and the same dice for everybody
        options = ("-x", "-q", "-p", "no:cacheprovider", *_IMPATIENCE)
        code = pytest.main([*options, *tests], plugins=[self._order])
        sys.stdout.flush()
        return int(code)
