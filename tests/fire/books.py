"""The end of an experiment: what must be true of a company, whatever has happened to it."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from psycopg import IsolationLevel

from tests.factories import Company
from winroom import ledger


def balance(company: Company) -> None:
    """What `winroom verify` looks for is nowhere, and the room's numbers have no gap."""
    with company.database.operator() as conn:
        conn.isolation_level = IsolationLevel.REPEATABLE_READ
        ledger.enter(conn, company.slug)
        assert [fault.sentences for fault in ledger.faults(conn)] == []
    numbers = [row["seq"] for row in company.rows("select seq from wr.events order by seq")]
    assert numbers == list(range(1, len(numbers) + 1))


def hold_once(company: Company, sales: Iterable[dict[str, Any]]) -> None:
    """Each of the sales, and no other, is one item or one failed event with its reason. They are told by what
    their sender calls them, and their price."""
    items = company.rows("select sale_id, sell_price::text, status, excluded_reason from wr.queue")
    failed = company.rows(
        "select sale_id, payload ->> 'sell_price' as sell_price, failure, error_message from wr.sales_events"
        " where status = 'failed'"
    )
    assert _counted([*items, *failed]) == dict.fromkeys(_counted(sales), 1)
    assert max(Counter(item["sale_id"] for item in items).values()) == 1
    assert all(event["failure"] and event["error_message"] for event in failed)
    assert all(item["excluded_reason"] for item in items if item["status"] == "excluded")


def told_once(company: Company) -> None:
    """Each item came into the room once."""
    told = company.rows("select sale_id from wr.events where type in ('queue.created', 'queue.excluded')")
    items = company.rows("select sale_id from wr.queue")
    assert sorted(row["sale_id"] for row in told) == sorted(row["sale_id"] for row in items)


def _counted(sales: Iterable[dict[str, Any]]) -> Counter[tuple[str, str]]:
    return Counter((sale["sale_id"], sale["sell_price"]) for sale in sales)
