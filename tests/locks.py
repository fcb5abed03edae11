"""The locks: what others wrote, and we ship or run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import Requirement

from infra.release import ROOT

LAYER = "layers/dependencies/requirements.txt"
LOCKS = ["requirements.lock", LAYER, *sorted(f"infra/{file.name}" for file in ROOT.glob("infra/*.txt"))]


@dataclass(frozen=True)
class Pin:
    """One entry of a lock."""

    requirement: Requirement
    hashes: frozenset[str]

    @property
    def name(self) -> str:
        return canonical(self.requirement.name)

    @property
    def content(self) -> tuple[str, str, frozenset[str]]:
        return self.name, str(self.requirement.specifier), self.hashes

    @property
    def is_for_here(self) -> bool:
        return self.requirement.marker is None or self.requirement.marker.evaluate()


def pins(lock: str) -> Iterator[Pin]:
    for entry in (ROOT / lock).read_text().replace("\\\n", "").splitlines():
        wanted, *hashes = entry.split("--hash=sha256:")
        yield Pin(Requirement(wanted), frozenset(h.strip() for h in hashes))


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
