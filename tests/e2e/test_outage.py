"""The database stops under the running stack: reading is refused soon, and sales come in all the same."""

import time

import httpx

from tests.e2e.conftest import Company, Stop, wait_until
from tests.factories import sale


def test_a_stopped_database_refuses_readers_within_three_seconds_keeps_sales_and_recovers(
    company: Company, stopped: Stop
) -> None:
    kept, later = sale(), sale()
    company.sell(sale())
    wait_until(lambda: company.rows("select from wr.queue") != [])  # its fan-out may meet the outage
    start = stopped()
    for _ in range(3):
        began = time.perf_counter()
        accepted = company.post(kept)
        assert time.perf_counter() - began < 3
        assert accepted.status_code == 202, accepted.text
        assert accepted.json()["status"] == "pending"
    began = time.perf_counter()
    refused = company.call("GET", "/api/queue")
    assert time.perf_counter() - began < 3
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    wait_until(lambda: _health(company) == (503, "unhealthy"), timeout=8)  # it is remembered for 5 s
    start()
    time.sleep(2)  # what Retry-After said
    with company.room() as room:
        company.sell(later)
        room.wait_for(later["sale_id"])
    wait_until(lambda: company.rows("select count(*) as n from wr.queue") == [{"n": 3}], timeout=60)
    sold = company.rows("select sale_id from wr.queue")
    assert kept["sale_id"] in [row["sale_id"] for row in sold]


def _health(company: Company) -> tuple[int, str]:
    answer = httpx.get(f"{company.stack.http_url}/api/health", timeout=10)
    return answer.status_code, answer.json()["services"]["database"]
