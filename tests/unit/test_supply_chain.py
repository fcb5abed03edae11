"""What others wrote, and we ship or run: locked with hashes, from any index, under licences that allow it."""

import re
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest

from infra.release import ROOT
from tests.locks import LAYER, LOCKS, canonical, pins

# As packages call them, in an expression or in words. None asks for more than that its text goes along.
PERMISSIVE = {
    "0BSD",
    "Apache Software License",
    "Apache-2.0",
    "BSD",
    "BSD License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CNRI-Python",
    "Freely Distributable",
    "ISC License ISCL",
    "MIT",
    "MIT License",
    "MIT No Attribution License MIT-0",
    "MIT-0",
    "MIT-CMU",
    "PSF-2.0",
    "Python Software Foundation License",
    "ZPL-2.1",
    "Zlib",
}
# Changes of their files must be given to whoever gets them: we change nothing, and give it to nobody.
MOZILLA = {"MPL-2.0", "Mozilla Public License 2.0 MPL 2.0"}
EXCEPTIONS = {
    "psycopg": "LGPL: in the layer unchanged, as files of its own that anybody can replace",
    "psycopg-binary": "LGPL: the same",
    "psycopg-pool": "LGPL: the same",
    "axe-playwright-python": "MIT, told in its LICENSE alone",
    "cookiecutter": "BSD, told in its LICENSE alone",
    "text-unidecode": "offers the Artistic License beside the GPL",
}


def installed(lock: str) -> dict[str, Distribution]:
    """What is installed of a lock: here, or in the environment of its own that `make test` makes."""
    apart = ROOT / ".venv" / Path(lock).stem
    path = [str(folder) for folder in apart.glob("lib/python*/site-packages")] or sys.path
    return {canonical(found.name): found for found in distributions(path=path)}


def licence(distribution: Distribution) -> str:
    """Its licence expression; else all that its classifiers say; else the first line of what it writes."""
    told = distribution.metadata
    classifiers = [
        words.rpartition(" :: ")[2]
        for words in told.get_all("Classifier") or []
        if words.startswith("License ::") and not words.endswith("OSI Approved")
    ]
    return (
        told["License-Expression"] or " AND ".join(classifiers) or (told["License"] or "").partition("\n")[0]
    )


def is_allowed(expression: str, allowed: set[str]) -> bool:
    """Of alternatives one is enough; what is joined must all be allowed."""
    parts = re.sub(r"[()]", "", expression).split(" AND ")
    return all(any(choice in allowed for choice in part.split(" OR ")) for part in parts)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_its_hashes_and_comes_from_whatever_index(lock: str) -> None:
    for pin in pins(lock):
        assert re.fullmatch(r"==[\w.!+]+", str(pin.requirement.specifier)), pin
        assert pin.requirement.url is None, pin
        assert pin.hashes, pin
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in pin.hashes), pin


def test_the_layer_is_what_the_tests_run_with() -> None:
    assert {pin.content for pin in pins(LAYER)} <= {pin.content for pin in pins("requirements.lock")}


@pytest.mark.parametrize("lock", LOCKS)
def test_licences_allow_what_we_do(lock: str) -> None:
    allowed = PERMISSIVE if lock == LAYER else PERMISSIVE | MOZILLA
    here = installed(lock)
    refused = {
        pin.name: licence(here[pin.name])
        for pin in pins(lock)
        if pin.is_for_here and pin.name not in EXCEPTIONS and not is_allowed(licence(here[pin.name]), allowed)
    }
    assert not refused


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("Apache-2.0 AND (MIT OR GPL-3.0-only)", True),
        ("MPL-2.0", False),
        ("", False),
    ],
)
def test_a_licence_is_weighed_by_all_that_it_says(expression: str, verdict: bool) -> None:
    assert is_allowed(expression, PERMISSIVE) is verdict


def test_no_exception_is_left_over() -> None:
    assert EXCEPTIONS.keys() <= {pin.name for lock in LOCKS for pin in pins(lock)}
