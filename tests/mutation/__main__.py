"""Changes one thing at a time where the promises are kept, and wants the tests to notice: `make mutate`.

    python -m tests.mutation [tenancy idempotency limit numbering] [--workers 6] [--only TEXT]

A mutant that no test kills is a gap in the tests, unless SURVIVORS.md says why it is none: those that it
explains are not tried. Exit code 1 tells of others that live, or of explanations of nothing.
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
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from infra.release import ROOT
from tests.conftest import fastest
from tests.mutation import statements
from tests.mutation.mutant import Mutant
from tests.mutation.promises import PROMISES, Place
from tests.mutation.tree import Tree

EXPLAINED = ROOT / "tests/mutation/SURVIVORS.md"
_MUTMUT = ROOT / ".venv/mutation/bin/python"

# Of a worker.
_tree: Tree


def mutants(place: Place) -> list[Mutant]:
    """Every mutant of a place, each once: two changes may come to the same."""
    make = _of_python if place.path.endswith(".py") else statements.mutants
    return list({mutant.text: mutant for mutant in make(place.path, place.names.split())}.values())


def _of_python(path: str, names: Sequence[str]) -> Iterator[Mutant]:
    done = subprocess.run(
        [_MUTMUT, ROOT / "tests/mutation/python.py", path, *names],
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
        text=True,
    )
    original = Path(ROOT, path).read_text()
    for where, text in json.loads(done.stdout):
        yield Mutant(path, where, original, text)


def survivors(pool: Executor, chosen: Sequence[tuple[Place, Mutant]]) -> list[Mutant]:
    """Those that the tests of their place let live."""
    places = list(dict.fromkeys(place for place, _ in chosen))
    patience = {}
    for place, (failed, seconds) in zip(places, pool.map(_unchanged, places), strict=True):
        if failed:
            sys.exit(f"{failed} fails without any change")
        patience[place] = 30 + 3 * seconds
    work = [pool.submit(_killer, place.tests, patience[place], mutant) for place, mutant in chosen]
    living = []
    for number, judged in enumerate(as_completed(work), 1):
        mutant, killer = judged.result()
        print(f"{number}/{len(work)}", mutant, f"killed by {killer}" if killer else "LIVES", flush=True)
        if not killer:
            living.append(mutant)
    return living


def _plant(folder: str) -> None:
    global _tree
    _tree = Tree(Path(mkdtemp(dir=folder)))


def _unchanged(place: Place) -> tuple[str, int]:
    """The first of its tests that fails as things are, and how many seconds all take."""
    began = time.monotonic()
    return _tree.failure(place.tests, 900), round(time.monotonic() - began)


def _killer(tests: Sequence[str], patience: int, mutant: Mutant) -> tuple[Mutant, str]:
    return mutant, _tree.killer_of(mutant, tests, patience)


def unexplained(found: Sequence[Mutant]) -> list[Mutant]:
    """Those that are not explained. Of some that look the same, all or none are."""
    known, alike = explained(), Counter(map(str, found))
    return [mutant for mutant in found if alike[str(mutant)] > known[str(mutant)]]


def explained() -> Counter[str]:
    """The mutants that SURVIVORS.md lists; one that looks the same in two places twice."""
    return Counter(re.findall(r"^- (.*)$", EXPLAINED.read_text(), re.MULTILINE))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*PROMISES, []], metavar="NAME", help=", ".join(PROMISES))
    parser.add_argument("--workers", type=int, default=3 * (os.cpu_count() or 1), help="how many at once")
    parser.add_argument("--only", default="", metavar="TEXT", help="mutants in whose line this stands")
    asked = parser.parse_args()
    with (
        TemporaryDirectory(prefix="winroom-mutants-", dir=fastest()) as folder,
        ProcessPoolExecutor(asked.workers, initializer=_plant, initargs=(folder,)) as pool,
    ):
        places = [place for name in asked.names or PROMISES for place in PROMISES[name]]
        found = list(pool.map(mutants, places))
        living = survivors(
            pool,
            [
                (place, mutant)
                for place, made in zip(places, found, strict=True)
                for mutant in unexplained(made)
                if asked.only in str(mutant)
            ],
        )
    gone = Counter[str]() if asked.names else explained() - Counter(str(m) for made in found for m in made)
    print(f"{len(living)} live that are not explained", *living, sep="\n")
    print(f"{gone.total()} are explained that are no mutants any more", *gone.elements(), sep="\n")
    sys.exit(bool(living or gone))


if __name__ == "__main__":
    main()
