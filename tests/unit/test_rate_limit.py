"""What callers are told of their limits."""

from datetime import UTC, datetime, timedelta

import pytest

from winroom.rate_limit import Bucket, exhausted_headers


@pytest.mark.parametrize("ends_in", [-1.5, 0.0, 0.4])
def test_a_minute_that_is_all_but_over_ends_in_a_second(ends_in: float) -> None:
    told = exhausted_headers(Bucket("caller:anna", 600), datetime.now(UTC) + timedelta(seconds=ends_in))
    assert told["RateLimit"] == '"caller";r=0;t=1'
    assert told["RateLimit-Policy"] == '"caller";q=600;w=60'
