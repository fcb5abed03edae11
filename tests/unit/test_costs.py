"""What infra/COSTS.md calculates is right, and counts what the templates really have."""

import re
from decimal import Decimal

import pytest

from infra.release import ROOT
from tests import template
from tests.benchmarks import cost
from winroom.telemetry import METRICS

TEXT = (ROOT / "infra" / "COSTS.md").read_text(encoding="utf-8")
Rows = dict[str, list[str]]


def table(chapter: str) -> Rows:
    """The rows of a chapter's first table that ends in USD, by what they are for."""
    text = TEXT.partition(f"\n## {chapter}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| (.*) \|$", text.partition("| USD |")[2].partition("\n\n")[0], re.MULTILINE)
    rows = [[cell.strip(" *") for cell in line.split("|")] for line in lines]
    return {row[0]: row[1:] for row in rows if set(row[0]) != {"-"}}


CHAPTERS = ["Per million sales", "Per month, whatever is sold", "The database", "The edge"]
SUMS = {chapter: Decimal(table(chapter)["sum"][-1]) for chapter in CHAPTERS}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_line_is_its_number_times_its_price_and_the_sum_is_theirs(chapter: str) -> None:
    lines = table(chapter)
    total = Decimal(lines.pop("sum")[-1])
    assert lines
    for what, (_, number, price, usd) in lines.items():
        assert abs(Decimal(number) * Decimal(price) - Decimal(usd)) <= Decimal("0.005"), what
    assert sum(Decimal(line[-1]) for line in lines.values()) == total


def test_the_gigabyte_seconds_are_those_of_the_functions() -> None:
    rows = re.findall(r"^\| (\w[^|*]+) \| ([\d.]+) \| ([\d.]+) \| (\d) \| ([\d.]+) \|$", TEXT, re.MULTILINE)
    assert [row[0].split(",")[0] for row in rows] == ["ingestion", "processor", "fan-out", "API", "API"]
    for name, memory, duration, times, product in rows:
        assert Decimal(memory) * Decimal(duration) * Decimal(times) == Decimal(product), name
    total = sum(Decimal(row[-1]) for row in rows)
    # A million times so many thousandths of a GB-second.
    assert total / 1000 == Decimal(table("Per million sales")["Lambda, arm64, GB-seconds"][1])


def test_what_is_billed_by_the_piece_is_counted_in_the_templates() -> None:
    monthly = table("Per month, whatever is sold")
    own = template.read(ROOT / "template.yaml")["Resources"].values()
    secrets = [r for r in own if r["Type"] == "AWS::SecretsManager::Secret" and "Condition" not in r]
    assert int(monthly["Secrets"][1]) == len(secrets)
    assert int(monthly["CloudWatch, metrics"][1]) == len(METRICS)
    watched = template.read(template.STACKS / "monitoring.yaml")["Resources"].values()
    alarms = [r["Properties"] for r in watched if r["Type"] == "AWS::CloudWatch::Alarm"]
    billed = [sum("MetricStat" in metric for metric in alarm.get("Metrics", [])) or 1 for alarm in alarms]
    assert int(monthly["CloudWatch, alarms"][1]) == sum(billed)
    (firewall,) = [
        r
        for r in template.read(template.STACKS / "edge.yaml")["Resources"].values()
        if r["Type"] == "AWS::WAFv2::WebACL"
    ]
    assert int(table("The edge")["WAF, rules"][1]) == len(firewall["Properties"]["Rules"])


def test_what_is_measured_is_calculated_with_the_same_prices() -> None:
    selling, standing = table("Per million sales"), table("Per month, whatever is sold")
    used = {
        "HTTP API, requests": cost.HTTP_REQUEST,
        "Lambda, invocations": cost.INVOCATION,
        "Lambda, arm64, GB-seconds": cost.GB_SECOND,
        "SQS, fair queue": cost.QUEUE_REQUEST,
        "SQS, FIFO": cost.QUEUE_REQUEST,
        "WebSocket, messages": cost.SOCKET_MESSAGE,
        "CloudWatch, logs": cost.LOG_KB,
        "X-Ray, traces": cost.TRACE,
    }
    assert {what: row[2] for what, row in selling.items() if what != "sum"} == {
        what: f"{price * 1e6:.4f}".rstrip("0").ljust(4, "0") for what, price in used.items()
    }
    minutes = standing["WebSocket, connection minutes"]
    assert float(minutes[2]) == pytest.approx(cost.SOCKET_MINUTE * 1e6)
    assert pytest.approx(cost.STANDING) == float(standing["sum"][-1]) - float(minutes[3])


def test_three_customers_add_up_to_what_is_said() -> None:
    rows = re.findall(r"^\| ([\d,]+) \| (\d+) of (\d+) \| (.+) \|$", TEXT, re.MULTILINE)
    told = [(int(sales.replace(",", "")), int(companies), int(of)) for sales, companies, of, _ in rows]
    assert told == [(c.sales, c.companies, c.viewers) for c in cost.CUSTOMERS]
    for customer, (*_, amounts) in zip(cost.CUSTOMERS, rows, strict=True):
        messages, rest, standing, usd = (Decimal(amount) for amount in amounts.split(" | "))
        assert messages + rest + standing == usd
        assert float(standing) == pytest.approx(cost.STANDING + customer.watching(), abs=0.006)


def test_the_last_word_is_the_sum_of_the_chapters() -> None:
    selling, standing, database, edge = SUMS.values()
    own, all_of_it = (int(sum_) for sum_ in re.findall(r"about (\d+)(?: USD\*\*|\.$)", TEXT, re.MULTILINE))
    assert abs(selling + standing - own) < 5
    assert abs(selling + standing + database + edge - all_of_it) < 5
