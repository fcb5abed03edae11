"""Changes one thing at a time where the promises are kept, and wants the tests to notice: `make mutate`.

    python -m tests.mutation [tenancy idempotency limit numbering] [--workers 2] [--only TEXT]

A mutant that no test kills is a gap in the tests, unless SURVIVORS.md says why it is none. Exit code 1 tells
of one that it does not explain.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from infra.release import ROOT
from tests.mutation import statements
from tests.mutation.mutant import Mutant
from tests.mutation.promises import PROMISES, Promise
from tests.mutation.tree import Tree

EXPLAINED = ROOT / "tests/mutation/SURVIVORS.md"
_MUTMUT = ROOT / ".venv/mutation/bin/python"

# Of a worker.
_tree: Tree


def mutants(promise: Promise) -> list[Mutant]:
    """Every mutant of a promise, each once: two changes may come to the same."""
    return list({mutant.text: mutant for mutant in (*_of_sql(promise), *_of_python(promise))}.values())


def _of_sql(promise: Promise) -> Iterator[Mutant]:
    for path, beginnings in promise.sql.items():
        yield from statements.mutants(path, beginnings)


def _of_python(promise: Promise) -> Iterator[Mutant]:
    done = subprocess.run(  # noqa: S603
        [_MUTMUT, ROOT / "tests/mutation/python.py"],
        input=json.dumps({path: names.split() for path, names in promise.python.items()}),
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
        text=True,
    )
    originals = {path: Path(ROOT, path).read_text() for path in promise.python}
    for found in json.loads(done.stdout):
        yield Mutant(found["path"], found["where"], originals[found["path"]], found["text"])


def survivors(name: str, workers: int, only: str) -> list[Mutant]:
    """The mutants of a promise that its tests let live."""
    tests = PROMISES[name].tests
    chosen = [mutant for mutant in mutants(PROMISES[name]) if only in str(mutant)]
    living = []
    with (
        TemporaryDirectory(prefix="winroom-mutants-") as folder,
        ProcessPoolExecutor(workers, initializer=_plant, initargs=(folder,)) as pool,
    ):
        began = time.monotonic()
        if failed := pool.submit(_unchanged, tests).result():
            sys.exit(f"{name}: {failed} fails without any change")
        patience = 30 + 3 * round(time.monotonic() - began)
        killers = pool.map(partial(_killer, tests, patience), chosen)
        for mutant, killer in zip(chosen, killers, strict=True):
            print(mutant, f"killed by {killer}" if killer else "LIVES", flush=True)
            if not killer:
                living.append(mutant)
    print(f"{name}: {len(chosen)} mutants, {len(living)} of them live", flush=True)
    return living


def _plant(folder: str) -> None:
    global _tree
    _tree = Tree(Path(mkdtemp(dir=folder)))


def _unchanged(tests: Sequence[str]) -> str:
    return _tree.failure(tests, 900)


def _killer(tests: Sequence[str], patience: int, mutant: Mutant) -> str:
    return _tree.killer_of(mutant, tests, patience)


def explained() -> Counter[str]:
    """The mutants that SURVIVORS.md lists; one that looks the same in two places twice."""
    return Counter(re.findall(r"^- (.*)$", EXPLAINED.read_text(), re.MULTILINE))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*PROMISES, []], metavar="NAME", help=", ".join(PROMISES))
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="how many at once")
    parser.add_argument("--only", default="", metavar="TEXT", help="mutants in whose line this stands")
    asked = parser.parse_args()
    living = [m for name in asked.names or PROMISES for m in survivors(name, asked.workers, asked.only)]
    unexplained = Counter(map(str, living)) - explained()
    print(f"{len(living)} live, {len(living) - unexplained.total()} of them explained")
    print("".join(f"NOT EXPLAINED {mutant}\n" for mutant in unexplained.elements()), end="")
    sys.exit(bool(unexplained))


if __name__ == "__main__":
    main()
