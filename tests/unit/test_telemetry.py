"""What an invocation leaves in the logs."""

import json
from typing import Any

import pytest

from tests import doors
from winroom import telemetry


@telemetry.door
def divide(event: dict[str, int], context: object) -> float:
    telemetry.logger().append_keys(tenant_id="acme")
    return 1 / event["by"]


@telemetry.door
def idle(event: dict[str, int], context: object) -> None:
    """Does nothing."""


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_an_invocation_leaves_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    context = doors.context()
    assert divide({"by": 2}, context) == 0.5
    (line,) = lines(capsys)
    assert (line["level"], line["message"], line["tenant_id"]) == ("INFO", "handled", "acme")
    assert line["function_request_id"] == context.aws_request_id
    assert line["duration_ms"] >= 0


def test_a_failure_is_logged_once_with_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        divide({"by": 0}, doors.context())
    (line,) = lines(capsys)
    assert (line["level"], line["message"]) == ("ERROR", "failed")
    assert "ZeroDivisionError" in line["exception"]


def test_nothing_that_is_logged_can_end_its_line_or_turn_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = "\n\r\x1b[31m\x9b31m\u2028\x85\u202e"
    telemetry.logger().info(text, sale_id=text + "\ud800")  # no report of a test could hold this half
    out = capsys.readouterr().out
    assert out.isascii()
    (line,) = map(json.loads, out.splitlines())
    assert (line["message"], line["sale_id"]) == (text, text + "\ud800")


def test_no_invocation_inherits_anothers_keys(capsys: pytest.CaptureFixture[str]) -> None:
    divide({"by": 1}, doors.context())
    idle({}, None)
    first, second = lines(capsys)
    assert "tenant_id" in first
    assert "tenant_id" not in second
    assert "function_request_id" not in second


def test_a_door_keeps_its_name() -> None:
    assert (idle.__name__, idle.__doc__) == ("idle", "Does nothing.")
