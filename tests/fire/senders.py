"""Other systems that send sales as the README's programs do: until each is durable, and some once more."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tests import doors
from tests.factories import Company, sale
from tests.fire.cloud import Cloud
from tests.fire.sandboxes import NoAnswer
from winroom import copy

Sale = dict[str, Any]

# Real seconds of one of theirs: a minute passes in a second.
_SECOND = 1 / 60


def sales(number: int, dice: Random) -> list[Sale]:
    """Most are good; some look like another one, some contradict one, some name a product that is unknown."""
    made: list[Sale] = []
    for _ in range(number):
        match dice.choices(["good", "alike", "contradicts", "unknown"], [88, 5, 3, 4])[0]:
            case "alike" if made:
                made.append({**dice.choice(made), "sale_id": sale()["sale_id"]})
            case "contradicts" if made:
                made.append({**dice.choice(made), "sell_price": f"{dice.randrange(10**6, 10**9)}.00"})
            case "unknown":
                made.append(sale(product_sku="nowhere"))
            case _:
                made.append(sale())
    return made


@dataclass
class Sender:
    cloud: Cloud
    dice: Random

    def send(self, company: Company, sales: Sequence[Sale]) -> None:
        """Returns when each was answered 202, or 409 where it contradicts another."""
        for part in self._parts(sales):
            self._until_settled(company, part)
            self.cloud.fire.note("sales accepted", len(part))
            if self.dice.random() < 0.05:
                self.cloud.fire.note("sales sent again", len(part))
                self._until_settled(company, part)

    def _parts(self, sales: Sequence[Sale]) -> Iterator[Sequence[Sale]]:
        while sales:
            size = self.dice.choice([1, 1, 1, 1, 5, 20])
            yield sales[:size]
            sales = sales[size:]

    def _until_settled(self, company: Company, sales: Sequence[Sale]) -> None:
        while not self._is_settled(company, sales):
            self.cloud.fire.note("requests repeated")

    def _is_settled(self, company: Company, sales: Sequence[Sale]) -> bool:
        path, body = ("/api/events/batch", {"events": sales}) if sales[1:] else ("/api/events", sales[0])
        try:
            answer = doors.http(self.cloud.functions["ingestion"], "POST", path, body, key=company.ingest_key)
        except NoAnswer:
            time.sleep(_SECOND)
            return False
        if answer.status in (429, 503):
            self.cloud.fire.note(f"answered {answer.status}")
            time.sleep(int(answer.headers["retry-after"]) * _SECOND)
            return False
        results = answer.json.get("results", [{**answer.json, "status": answer.status}])
        assert {result["status"] for result in results} <= {202, 409}, answer.raw
        kept = [result for result in results if result.get("message") == copy.EVENT_KEPT]
        self.cloud.fire.note("sales kept while the database was away", len(kept))
        return True
