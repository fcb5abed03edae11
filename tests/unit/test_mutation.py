"""What `make mutate` changes is there to be changed, and changes what it says."""

import ast
from pathlib import Path

import pytest

from infra.release import ROOT
from tests.mutation import statements
from tests.mutation.promises import PROMISES, Place

PLACES = [place for places in PROMISES.values() for place in places]


@pytest.mark.parametrize(
    "place", PLACES, ids=lambda place: f"{Path(place.path).name} {place.names.split()[0]}"
)
def test_every_place_and_its_tests_are_there(place: Place) -> None:
    assert len(place.tests) == len(place.test_names.split())
    names = place.names.split()
    if place.path.endswith(".sql"):
        assert {mutant.where for mutant in statements.mutants(place.path, names)} == set(names)
    else:
        tree = ast.parse(Path(ROOT, place.path).read_text())
        defined = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        assert set(names) <= defined


def test_sql_is_changed_in_one_place_and_comments_are_not() -> None:
    path = "layers/winroom/winroom/sql/room.sql"
    made = {str(mutant) for mutant in statements.mutants(path, ["mark_posted"])}
    assert all(change.startswith(f"{path} mark_posted: `") for change in made)
    where = "where tenant_id = (select wr.current_tenant())"
    assert {change.partition("-> ")[2] for change in made} == {
        f"`{where.replace('=', '<>')} and posted_seq < %(seq)s;`",
        f"`{where} and posted_seq <= %(seq)s;`",
        f"`{where} or posted_seq < %(seq)s;`",
        f"`{where} ;`",
        "`where posted_seq < %(seq)s;`",
    }
