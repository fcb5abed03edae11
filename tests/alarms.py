"""The alarms of infra/stacks/monitoring.yaml, as CloudWatch has them: what each watches, when it fires."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from samcli.yamlhelper import yaml_parse

from infra.release import ROOT
from tests.logs import Metric

# What was seen of a metric in each minute, the newest last: some values, or none.
Minutes = Sequence[Sequence[float]]
Value = float | None

TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "infra/stacks/monitoring.yaml").read_text())
PARENT: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())


def resolved(value: Any, parameters: Mapping[str, str]) -> Any:
    """A part of the template with its references followed; what is no parameter stays as its name."""
    if isinstance(value, list):
        return [resolved(one, parameters) for one in value]
    if not isinstance(value, dict):
        return value
    match [*value.items()]:
        case [("Ref", name)]:
            return parameters.get(name, name)
        case [("Fn::GetAtt", [name, attribute])]:
            return f"{name}.{attribute}"
        case [("Fn::FindInMap", [name, first, second])]:
            return TEMPLATE["Mappings"][name][first][second]
        case [("Fn::Sub", str(text))]:
            return re.sub(r"\$\{([\w:.]+)\}", lambda found: parameters.get(found[1], found[1]), text)
    return {name: resolved(one, parameters) for name, one in value.items()}


def defaults() -> dict[str, str]:
    """Each parameter's default, else its own name."""
    return {name: str(one.get("Default", name)) for name, one in TEMPLATE["Parameters"].items()}


@dataclass(frozen=True)
class Alarm:
    """One alarm of the template, resolved."""

    name: str
    properties: dict[str, Any]

    @property
    def watched(self) -> dict[str, tuple[Metric, str, int]]:
        """The metrics by the names that its formula has for them, each with its statistic and period."""
        if "Metrics" not in self.properties:
            statistic = self.properties.get("Statistic") or self.properties["ExtendedStatistic"]
            return {"it": (_metric(self.properties), statistic, self.properties["Period"])}
        stats = {one["Id"]: one["MetricStat"] for one in self.properties["Metrics"] if "MetricStat" in one}
        return {name: (_metric(stat["Metric"]), stat["Stat"], stat["Period"]) for name, stat in stats.items()}

    @property
    def topics(self) -> set[str]:
        return {*self.properties["AlarmActions"], *self.properties["OKActions"]}

    def fires(self, seen: Mapping[str, Minutes]) -> bool:
        """Whether it does at the end of these minutes, when it did not before; metrics by their names."""
        (minutes,) = {period // 60 for _, _, period in self.watched.values()}
        return all(
            self._breaches(seen, age * minutes, minutes)
            for age in range(self.properties["EvaluationPeriods"])
        )

    def _breaches(self, seen: Mapping[str, Minutes], age: int, minutes: int) -> bool:
        values = {
            name: _aggregated(seen.get(metric.name, ()), age, minutes, statistic)
            for name, (metric, statistic, _) in self.watched.items()
        }
        value = self._formula(values)
        if value is None:
            return bool(self.properties["TreatMissingData"] == "breaching")
        threshold = float(self.properties["Threshold"])
        match self.properties["ComparisonOperator"]:
            case "GreaterThanThreshold":
                return value > threshold
            case "LessThanThreshold":
                return value < threshold
        raise NotImplementedError(self.properties["ComparisonOperator"])

    def _formula(self, values: Mapping[str, Value]) -> Value:
        expressions = [one for one in self.properties.get("Metrics", ()) if "Expression" in one]
        if not expressions:
            return values["it"]

        def metrics(part: str = "") -> list[Value]:
            return [value for name, value in values.items() if part in name]

        known: dict[str, Any] = {**_FUNCTIONS, **values, "METRICS": metrics}
        # Written so that the result comes first, and what it is made of after it.
        for one in reversed(expressions):
            known[one["Id"]] = _calculated(one["Expression"], known)
        (told,) = (one["Id"] for one in expressions if one.get("ReturnData", True))
        result: Value = known[told]
        return result


def alarms(**parameters: str) -> dict[str, Alarm]:
    """All alarms, by their names in the template."""
    return {
        name: Alarm(name, resolved(resource["Properties"], defaults() | parameters))
        for name, resource in TEMPLATE["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


def dashboard(**parameters: str) -> str:
    body = TEMPLATE["Resources"]["Overview"]["Properties"]["DashboardBody"]
    return str(resolved(body, defaults() | parameters))


def _metric(told: Mapping[str, Any]) -> Metric:
    dimensions = tuple((one["Name"], one["Value"]) for one in told["Dimensions"])
    return Metric(told["Namespace"], told["MetricName"], dimensions)


def _aggregated(seen: Minutes, age: int, minutes: int, statistic: str) -> Value:
    """A statistic of so many minutes, the last of them `age` minutes ago; None where nothing was seen."""
    ends = len(seen) - age
    values = [value for minute in seen[max(0, ends - minutes) : max(0, ends)] for value in minute]
    if not values:
        return None
    if statistic.startswith("p"):
        return sorted(values)[math.ceil(len(values) * float(statistic[1:]) / 100) - 1]
    return sum(values) if statistic == "Sum" else max(values)


def _fill(values: Any, value: float) -> Any:
    if isinstance(values, list):
        return [value if one is None else one for one in values]
    return value if values is None else values


_FUNCTIONS: dict[str, Callable[..., Any]] = {"FILL": _fill, "SUM": sum}


def _calculated(expression: str, known: Mapping[str, Any]) -> Value:
    """CloudWatch's metric math, as far as our alarms use it; None where something in it is missing."""
    try:
        value: float = eval(expression, {"__builtins__": {}}, dict(known))  # noqa: S307 (of our template)
    except TypeError:
        return None
    return value
