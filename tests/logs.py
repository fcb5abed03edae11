"""What functions wrote to their standard output, and the metrics that CloudWatch reads out of it."""

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

Line = dict[str, Any]


@dataclass(frozen=True)
class Metric:
    """A metric as an alarm names it; its unit and values are what was emitted."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


def lines(out: str) -> list[Line]:
    return [json.loads(line) for line in out.splitlines()]


def metrics(out: str) -> dict[Metric, list[float]]:
    """The values of each metric, by the rules of the embedded metric format."""
    found: dict[Metric, list[float]] = defaultdict(list)
    for line in lines(out):
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            assert line["_aws"]["Timestamp"] > 1_700_000_000_000
            for names in directive["Dimensions"]:
                assert all(isinstance(line[name], str) and line[name] for name in names)
                dimensions = tuple((name, line[name]) for name in names)
                for kind in directive["Metrics"]:
                    values = line[kind["Name"]]
                    values = values if isinstance(values, list) else [values]
                    assert 1 <= len(values) <= 100
                    found[Metric(directive["Namespace"], kind["Name"], dimensions)] += values
    return found


def measured(out: str) -> dict[str, list[float]]:
    """The same by name alone."""
    return {metric.name: values for metric, values in metrics(out).items()}


def units(out: str) -> dict[str, str]:
    return {
        kind["Name"]: kind["Unit"]
        for line in lines(out)
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", ())
        for kind in directive["Metrics"]
    }
