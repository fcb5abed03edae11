"""Two hundred people of a company who all want the same: sellers who claim and give back, managers who judge,
admins who mend what failed. Who gets no answer presses once more."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

from tests.doors import Answer
from tests.factories import Company
from tests.fire.cloud import Cloud
from tests.fire.sandboxes import NoAnswer
from tests.floor import approve, call, claim, crowd, exclude, reject, release, restore

Act = Callable[..., Answer]


@dataclass(frozen=True)
class Screen:
    """What people have before them: perhaps it is so no longer."""

    items: list[UUID]
    excluded: list[UUID]
    claims: list[UUID]
    failed_events: list[UUID]

    @classmethod
    def of(cls, company: Company) -> "Screen":
        def ids(statement: str) -> list[UUID]:
            return [row["id"] for row in company.rows(f"{statement} order by 1 desc limit 40")]

        return cls(
            ids("select queue_id as id from wr.queue where status <> 'excluded'"),
            ids("select queue_id as id from wr.queue where status = 'excluded'"),
            ids("select claim_id as id from wr.claims where state in ('pending', 'approved')"),
            ids("select dead_letter_id as id from wr.sales_events_dlq where is_open"),
        )


@dataclass(frozen=True)
class Pair:
    """Two people who do the same at the same moment. One alone would not: the limit lets each of a person's
    requests wait for the one before."""

    cloud: Cloud
    company: Company
    tokens: tuple[str, str]
    acts: dict[str, int]
    dice: Random

    def deeds(self, screen: Screen) -> list[Callable[[], None]]:
        """What each of them does with the same one of what they see, if there is any."""
        (name,) = self.dice.choices(list(self.acts), list(self.acts.values()))
        act, shown = _ACTS[name]
        if not (seen := getattr(screen, shown)):
            return []
        thing = {"id": self.dice.choice(seen)}
        return [partial(self._do, name, act, thing, token) for token in self.tokens]

    def _do(self, name: str, act: Act, thing: dict[str, Any], token: str) -> None:
        """Until there is an answer. Whether it can be done, that tells."""
        while (answer := self._pressed(act, thing, token)) is None or answer.status == 503:
            self.cloud.fire.note("pressed once more")
        assert answer.status in (200, 403, 409), answer.raw
        self.cloud.fire.note(f"{name}: {answer.status}")
        self.cloud.fire.note("acts")

    def _pressed(self, act: Act, thing: dict[str, Any], token: str) -> Answer | None:
        try:
            return act(self.company, thing, key=token, door=self.cloud.functions["api"])
        except NoAnswer:
            return None


def replay(company: Company, failed: Any, **more: Any) -> Answer:
    return call(company, "POST", f"/api/failed-events/{failed['id']}/replay", **more)


def _claim_own(company: Company, item: Any, **more: Any) -> Answer:
    return claim(company, item, None, **more)


# What there is to be done, and to which part of the screen.
_ACTS: dict[str, tuple[Act, str]] = {
    "claim": (_claim_own, "items"),
    "release": (release, "items"),
    "exclude": (exclude, "items"),
    "restore": (restore, "excluded"),
    "approve": (approve, "claims"),
    "reject": (reject, "claims"),
    "replay": (replay, "failed_events"),
}
_SELLERS = {"claim": 4, "release": 1}
_MANAGERS = {"release": 2, "exclude": 3, "restore": 3, "approve": 3, "reject": 3}
_ADMINS = {"replay": 4, "approve": 1, "release": 1}


def staff(cloud: Cloud, company: Company) -> list[Pair]:
    """A hundred and twenty sellers, sixty managers, twenty admins."""
    return [
        *_pairs(cloud, company, crowd(company, 120), _SELLERS),
        *_pairs(cloud, company, [company.person("manager")[1] for _ in range(60)], _MANAGERS),
        *_pairs(cloud, company, [company.person("admin")[1] for _ in range(20)], _ADMINS),
    ]


def _pairs(cloud: Cloud, company: Company, tokens: list[str], acts: dict[str, int]) -> list[Pair]:
    pairs = zip(tokens[::2], tokens[1::2], strict=True)
    return [
        Pair(cloud, company, pair, acts, cloud.fire.dice(f"{list(acts)} {n}")) for n, pair in enumerate(pairs)
    ]
