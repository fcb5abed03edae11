"""Every alarm watches what the functions really emit, or a metric that AWS has of a resource of ours, and
fires when it should."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from functions.broadcaster import fanout
from functions.dead_letters.app import handler as dead_letters
from functions.maintenance.app import handler as maintenance
from functions.processor.app import handler as processor
from tests import clock, crm, doors, logs
from tests.alarms import PARENT, TEMPLATE, Alarm, alarms, dashboard, resolved
from tests.doors import Sqs
from tests.factories import Company, sale
from tests.gateway import Gateway, joined
from tests.logs import Metric
from winroom import callers, db, messages, telemetry
from winroom.settings import settings

ALARMS = alarms()

# What AWS has of a resource: the dimension, the type of resource that it names, and metrics of both.
AWS: dict[str, tuple[str, str, set[str]]] = {
    "AWS/SQS": (
        "QueueName",
        "AWS::SQS::Queue",
        {
            "ApproximateNumberOfMessagesVisible",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateAgeOfOldestMessage",
        },
    ),
    "AWS/Lambda": (
        "FunctionName",
        "AWS::Serverless::Function",
        {"Throttles", "Errors", "Duration", "ConcurrentExecutions"},
    ),
    "AWS/ApiGateway": (
        "ApiId",
        "AWS::ApiGatewayV2::Api",
        {"5xx", "Count", "ConnectCount", "MessageCount", "IntegrationError"},
    ),
}


def each(*values: float) -> list[list[float]]:
    """A value a minute."""
    return [[value] for value in values]


def times(number: int, *values: float) -> list[list[float]]:
    """The same values in each of so many minutes."""
    return [list(values)] * number


SLOW = [100.0] * 18
SILENT: list[list[float]] = [[], [], []]

# For each alarm what makes it fire, and what just does not.
CASES: Mapping[str, tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]] = {
    "PendingCritical": (
        [{"PendingEvents": times(5, 101)}],
        [{"PendingEvents": times(5, 100)}, {"PendingEvents": each(101, 101, 100, 101, 101)}, {}],
    ),
    "PendingWarning": (
        [{"PendingEvents": times(10, 51)}],
        [{"PendingEvents": times(10, 50)}, {"PendingEvents": each(50, *[51] * 9)}],
    ),
    "BacklogWarning": (
        [{"ApproximateNumberOfMessagesVisible": times(5, 1001)}],
        [{"ApproximateNumberOfMessagesVisible": times(5, 1000)}, {}],
    ),
    "UndecidedWarning": (
        [{"ApproximateNumberOfMessagesNotVisible": times(5, 1)}],
        [{"ApproximateNumberOfMessagesNotVisible": times(4, 1)}, {}],
    ),
    "FailedWarning": ([{"FailedEvents": each(0, 11)}], [{"FailedEvents": each(11, 10)}]),
    "DeadLettersWarning": ([{"OpenDeadLetters": each(1)}], [{"OpenDeadLetters": each(0)}]),
    "DeadLettersCritical": ([{"OpenDeadLetters": each(51)}], [{"OpenDeadLetters": each(50)}]),
    "ErrorsCritical": (
        [
            {"Count": times(2, 100), "ServerErrors": times(2, *[1] * 11)},
            # Doors that die or are not let run say nothing; three of them are looked at.
            {"Count": times(2, 100), "Errors": times(2, 4)},
            {"Count": times(2, 100), "Throttles": times(2, 4)},
            {
                "Count": times(2, 100),
                "ServerErrors": times(2, 5),
                "Errors": times(2, 1),
                "Throttles": times(2, 1),
            },
        ],
        [
            {"Count": times(2, 100), "ServerErrors": times(2, *[1] * 10)},
            {"Count": times(2, 100), "ServerErrors": [[], [1] * 100]},
            # All that the gateway answers is a pause.
            {"Count": times(2, 100), "5xx": times(2, 100), "Errors": times(2, 0), "Throttles": times(2, 0)},
            {},
        ],
    ),
    "ErrorsWarning": (
        [{"Count": times(5, 100), "ServerErrors": times(5, *[1] * 6)}],
        [
            {"Count": times(5, 100), "ServerErrors": times(5, *[1] * 5)},
            {"Count": times(5, 100), "ServerErrors": times(4, *[1] * 6)},
        ],
    ),
    "LatencyWarning": (
        [{"RequestLatency": times(5, *SLOW, 501, 501)}],
        [{"RequestLatency": times(5, *SLOW, 500, 9000)}, {}],
    ),
    "LagWarning": (
        [{"ProcessingLag": times(5, 5.1)}],
        [{"ProcessingLag": times(5, 5.0)}, {"ProcessingLag": times(4, 60)}, {}],
    ),
    "ProcessorSilent": (
        [{}, {"ProcessorBeats": [[1], *SILENT]}],
        [{"ProcessorBeats": [[1], [], []]}, {"ProcessorBeats": [[], [], [1]]}],
    ),
    "SocketSilent": (
        [{}, {"SocketBeats": [[1], *SILENT]}],
        [{"SocketBeats": [[1], [], []]}, {"SocketBeats": [[], [], [1]]}],
    ),
    "DatabaseConnectionsCritical": (
        [{"DatabaseConnections": times(2, 80.1)}],
        [{"DatabaseConnections": times(2, 80)}, {"DatabaseConnections": each(90, 10)}],
    ),
    "SlowQueriesWarning": ([{"SlowQueries": each(1)}], [{}, {"SlowQueries": [[3], []]}]),
    "DatabaseSizeWarning": (
        [{"DatabaseSize": times(5, 80.1 * 2**30)}],
        [{"DatabaseSize": times(5, 80 * 2**30)}, {}],
    ),
    "SocketsWarning": ([{"Connections": times(5, 8001)}], [{"Connections": times(5, 8000)}, {}]),
    "SocketErrorsWarning": (
        [{"SocketErrors": each(4, 0, 4, 0, 3)}],
        [{"SocketErrors": each(9, 4, 0, 4, 0, 2)}, {}],
    ),
    "ThrottlesCritical": ([{"Throttles": each(1)}], [{"Throttles": each(0)}, {}]),
}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_fires_when_it_should_and_not_before(name: str) -> None:
    firing, calm = CASES[name]
    assert [seen for seen in firing if not ALARMS[name].fires(seen)] == []
    assert [seen for seen in calm if ALARMS[name].fires(seen)] == []


def test_a_canary_goes_back_for_failures_and_not_for_a_pause() -> None:
    alarm = canary()
    pause, failures = CASES["ErrorsCritical"][1][2], {"Count": times(2, 100), "ServerErrors": times(2, 10)}
    assert (alarm.fires(pause), alarm.fires(failures)) == (False, True)
    # It asks what the operator's alarm asks, of the same resources.
    asked = {name: metric for name, (metric, _, _) in alarm.watched.items()}
    named = {name: (metric.namespace, metric.name) for name, metric in asked.items()}
    theirs = ALARMS["ErrorsCritical"].watched.items()
    assert named == {name: (metric.namespace, metric.name) for name, (metric, _, _) in theirs}
    for name, (metric, _, _) in theirs:
        ((_, parameter),) = metric.dimensions
        assert asked[name].dimensions[0][1] == given(parameter)


def canary() -> Alarm:
    """The alarm that takes back a release."""
    return Alarm("HttpFailuresAlarm", resolved(PARENT["Resources"]["HttpFailuresAlarm"]["Properties"], {}))


def test_a_limit_of_ones_own_moves_its_alarm() -> None:
    small = alarms(SocketLimit="100", DatabaseGibibytes="1")
    assert small["SocketsWarning"].fires({"Connections": times(5, 81)})
    assert small["DatabaseSizeWarning"].fires({"DatabaseSize": times(5, 0.81 * 2**30)})


@pytest.mark.parametrize("alarm", ALARMS.values(), ids=lambda alarm: alarm.name)
def test_an_alarm_tells_the_topic_of_its_kind_when_it_begins_and_when_it_ends(alarm: Alarm) -> None:
    kind = "Warning" if alarm.name.endswith("Warning") else "Critical"
    assert alarm.topics == {f"{kind}Topic"}
    assert alarm.properties["AlarmDescription"]


def test_numbers_stand_in_one_place() -> None:
    thresholds = [TEMPLATE["Resources"][name]["Properties"]["Threshold"] for name in ALARMS]
    # A heartbeat is one or none.
    assert [one for one in thresholds if one != 1 and "Fn::FindInMap" not in one] == []


@pytest.mark.parametrize("alarm", ALARMS.values(), ids=lambda alarm: alarm.name)
def test_what_aws_measures_is_asked_of_a_resource_of_ours(alarm: Alarm) -> None:
    for metric, _, _ in alarm.watched.values():
        if metric.namespace != telemetry.NAMESPACE:
            known_dimension, kind, names = AWS[metric.namespace]
            ((dimension, parameter),) = metric.dimensions
            assert (dimension, metric.name in names) == (known_dimension, True)
            assert PARENT["Resources"][given(parameter)]["Type"] == kind


def given(parameter: str) -> str:
    """The resource of the stack whose name it gives to a parameter of the nested one."""
    value = PARENT["Resources"]["Monitor"]["Properties"]["Parameters"][parameter]
    name: str = value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0]
    return name


def test_the_stack_gives_the_nested_one_all_that_it_asks_for() -> None:
    assert set(PARENT["Resources"]["Monitor"]["Properties"]["Parameters"]) == set(TEMPLATE["Parameters"])
    assert given("Stack") == "AWS::StackName"
    assert PARENT["Globals"]["Function"]["Environment"]["Variables"]["STACK"] == {"Ref": "AWS::StackName"}


def test_the_alarms_watch_what_the_functions_emit(
    company: Company,
    gateway: Gateway,
    queues: Sqs,
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment.setenv("STACK", "winroom-production")
    settings.cache_clear()
    drive(company, gateway, queues, environment)
    out = capsys.readouterr().out
    emitted = set(logs.metrics(out))
    # All that is declared is emitted, in its unit, and nothing else.
    assert logs.units(out) == dict(telemetry.METRICS)
    assert len(emitted) == len(telemetry.METRICS)
    watched = {
        metric
        for alarm in alarms(Stack="winroom-production").values()
        for metric, _, _ in alarm.watched.values()
        if metric.namespace not in AWS
    }
    assert watched - emitted == set()
    # What no alarm watches is on the dashboard.
    assert shown(dashboard(Stack="winroom-production")) == emitted


def drive(company: Company, gateway: Gateway, queues: Sqs, patch: pytest.MonkeyPatch) -> None:
    """Whatever can be measured happens, through the real handlers."""
    client = joined(gateway, company)
    assert crm.post(company, sale()).status == 202
    assert crm.post(company, sale(product_sku="nowhere")).status == 202
    doors.sqs(processor, [*queues.take("sales-events"), messages.HEARTBEAT])
    doors.sqs(fanout.handler, [*queues.take("room.fifo"), messages.HEARTBEAT])
    gateway.broken.add(client.id)
    assert crm.post(company, sale()).status == 202
    doors.sqs(processor, queues.take("sales-events"))
    doors.sqs(fanout.handler, queues.take("room.fifo"))
    assert crm.post(company, sale()).status == 202
    for _ in range(4):
        doors.sqs(dead_letters, queues.bodies("sales-events"))
    with patch.context() as broken:
        broken.setattr(db, "SLOW", 0.0)
        broken.setattr("winroom.sales.page", lambda *_: 1 / 0)
        assert crm.get(company, "/api/events").status == 500
    company.set(ingestion_per_minute=1)
    callers.forget_all()
    clock.stay_in_a_minute()
    crm.post(company, sale())
    assert crm.post(company, sale()).status == 429
    maintenance({"job": "sweep"}, doors.context())


def shown(body: str) -> set[Metric]:
    """Our metrics that a dashboard shows."""
    found: set[Metric] = set()
    for widget in json.loads(body)["widgets"]:
        before: list[str] = []
        for row in widget["properties"].get("metrics", ()):
            told = [part for part in row if isinstance(part, str)]
            # "." is what stands above it, "..." is all up to there.
            if told[0] == "...":
                told = before[: len(before) - len(told) + 1] + told[1:]
            before = [
                above if part == "." else part for part, above in zip(told, before or told, strict=False)
            ]
            namespace, name, dimension, value = before
            if namespace == telemetry.NAMESPACE:
                found.add(Metric(namespace, name, ((dimension, value),)))
            else:
                assert name in AWS[namespace][2], name
                assert PARENT["Resources"][given(value)]
    return found


def test_every_alarm_is_on_the_dashboard() -> None:
    widgets = json.loads(dashboard())["widgets"]
    (listed,) = (widget["properties"]["alarms"] for widget in widgets if widget["type"] == "alarm")
    assert sorted(listed) == sorted(f"{name}.Arn" for name in ALARMS)


def test_the_dashboard_asks_the_logs_by_names_that_they_have(
    company: Company, queues: Sqs, capsys: pytest.CaptureFixture[str]
) -> None:
    crm.post(company, sale())
    (line,) = logs.lines(capsys.readouterr().out)
    asked = [
        widget["properties"]["query"]
        for widget in json.loads(dashboard())["widgets"]
        if widget["type"] == "log"
    ]
    assert all(query.startswith("SOURCE 'LogGroup'") for query in asked)
    by_route, by_company, follow, _ = asked
    assert {"method", "route", "duration_ms", "message"} <= line.keys()
    assert by_route.endswith("by method, route | sort requests desc | limit 100")
    assert "by tenant_id" in by_company
    assert json.loads(dashboard())["variables"][0]["pattern"] in follow
