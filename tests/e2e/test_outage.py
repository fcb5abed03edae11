"""The database stops under the running stack: refused soon, told when to come back, nothing half-done."""

import time
from collections.abc import Callable

import httpx

from tests.e2e.conftest import Company, Start, wait_until
from tests.factories import sale


def test_a_stopped_database_is_a_503_within_three_seconds_and_recovers(
    company: Company, stopped: Callable[[], Start]
) -> None:
    body = sale()
    company.sell(sale())
    wait_until(lambda: company.rows("select from wr.queue") != [])  # its fan-out may meet the outage
    start = stopped()
    for _ in range(3):
        began = time.perf_counter()
        refused = company.post(body)
        seconds = time.perf_counter() - began
        print(f"refused with {refused.status_code} after {seconds:.2f} s")
        assert refused.status_code == 503, refused.text
        assert seconds < 3
        assert refused.headers["Retry-After"] == "2"
    wait_until(lambda: _health(company) == (503, "unhealthy"), timeout=8)  # it is remembered for 5 s
    start()
    time.sleep(2)  # what Retry-After said
    with company.room() as room:
        company.sell(body)
        room.wait_for(body["sale_id"])
    assert company.rows("select count(*) as n from wr.queue") == [{"n": 2}]


def _health(company: Company) -> tuple[int, str]:
    answer = httpx.get(f"{company.stack.http_url}/api/health", timeout=10)
    return answer.status_code, answer.json()["services"]["database"]
