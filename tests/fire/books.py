"""The end of an experiment: what must be true of a company, whatever has happened to it."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from psycopg import IsolationLevel

from tests.factories import Company
from tests.floor import call
from winroom import ledger
from winroom.db import Connection

Sale = dict[str, Any]


def balance(slug: str, operator: Connection) -> None:
    """What `winroom verify` looks for is nowhere, and the numbers of the company's room have no gap."""
    operator.isolation_level = IsolationLevel.REPEATABLE_READ
    tenant_id = ledger.enter(operator, slug)
    assert [fault.sentences for fault in ledger.faults(operator)] == []
    log = operator.execute("select seq from wr.events where tenant_id = %s order by seq", [tenant_id])
    numbers = [row["seq"] for row in log]
    assert numbers == list(range(1, len(numbers) + 1))


def hold(company: Company, sales: Iterable[Sale]) -> None:
    """Each of the sales, and no other, is one item or failed."""
    items = [row["sale_id"] for row in company.rows("select sale_id from wr.queue")]
    failed = company.rows("select sale_id from wr.sales_events where status = 'failed'")
    assert len(items) == len(set(items))
    assert {*items, *(row["sale_id"] for row in failed)} == {sale["sale_id"] for sale in sales}


def hold_once(company: Company, sales: Iterable[Sale]) -> None:
    """Each of the sales is one item or one failed event with its reason, where nobody has corrected any. A
    sale is what its sender calls it, and its price: others of the same name contradict it."""
    sales = list(sales)
    hold(company, sales)
    items = company.rows("select sale_id, sell_price::text, status, excluded_reason from wr.queue")
    failed = company.rows(
        "select sale_id, payload ->> 'sell_price' as sell_price, failure, error_message from wr.sales_events"
        " where status = 'failed'"
    )
    found, sent = _counted([*items, *failed]), Counter(set(_counted(sales)))
    assert found == sent, f"lost: {sent - found}, twice or of nobody: {found - sent}"
    assert all(event["failure"] and event["error_message"] for event in failed)
    assert all(item["status"] == "pending" or item["excluded_reason"] for item in items)


def _counted(sales: Iterable[Sale]) -> Counter[tuple[str, str]]:
    return Counter((sale["sale_id"], sale["sell_price"]) for sale in sales)


def told_once(company: Company) -> None:
    """Each item came into the room once, where nobody has touched any."""
    assert _told(company, "queue.created", "queue.excluded") == _counts(
        company, "select sale_id from wr.queue"
    )


def claims_told_once(company: Company) -> None:
    """The room heard of each claim, and of its end, once."""
    assert _told(company, "queue.claimed") == _counts(company, "select sale_id from wr.claims")
    for state, message_type in (("released", "queue.released"), ("rejected", "claim.rejected")):
        ended = _counts(company, "select sale_id from wr.claims where state = %s", state)
        assert _told(company, message_type) == ended


def _told(company: Company, *message_types: str) -> Counter[str]:
    return _counts(company, "select sale_id from wr.events where type = any (%s)", list(message_types))


def _counts(company: Company, statement: str, *values: object) -> Counter[str]:
    return Counter(row["sale_id"] for row in company.rows(statement, *values))


def show_wins(company: Company) -> None:
    """The board that people see has what the approved claims add up to."""
    answer = call(company, "GET", "/api/leaderboard?period=all&limit=100")
    claimed = company.rows(
        "select claimed_by as seller_id, count(*) as wins, sum(sell_price)::text as revenue"
        " from wr.claims where state = 'approved' group by 1 order by sum(sell_price) desc"
    )
    assert answer.json["ranked"] == len(claimed)
    ours = {entry["seller_id"]: (entry["wins"], entry["revenue"]) for entry in answer.json["leaderboard"]}
    counted = {row["seller_id"]: (row["wins"], row["revenue"]) for row in claimed}
    assert {seller: counted[seller] for seller in ours} == ours
    assert len(ours) == min(100, len(counted))
