"""What the deployed functions say reaches the operator: their metrics move the deployed alarms, these and the
daily summary reach whoever subscribed, and a sale is followed through all functions by one id."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.local import emulator
from infra.local.stack import Stack
from tests import logs
from tests.e2e.conftest import Company, wait_until
from tests.factories import sale
from tests.logs import Metric
from winroom.telemetry import NAMESPACE


class Operator:
    """Somebody with an account of AWS, who has subscribed to everything."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        clients: Any = emulator.session()
        self._clients = {
            service: clients.client(service, endpoint_url=stack.aws_endpoint_url)
            for service in ("cloudformation", "cloudwatch", "lambda", "logs", "sns", "sqs")
        }
        self._mail = self._clients["sqs"].create_queue(QueueName=f"operator-{time.time_ns()}")["QueueUrl"]
        address = self._clients["sqs"].get_queue_attributes(QueueUrl=self._mail, AttributeNames=["QueueArn"])
        for topic in self._clients["sns"].list_topics()["Topics"]:
            self._clients["sns"].subscribe(
                TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=address["Attributes"]["QueueArn"]
            )

    def mails(self) -> Iterator[dict[str, Any]]:
        """What arrives within a second of the one before."""
        while found := self._clients["sqs"].receive_message(QueueUrl=self._mail, WaitTimeSeconds=1):
            if "Messages" not in found:
                return
            for message in found["Messages"]:
                self._clients["sqs"].delete_message(
                    QueueUrl=self._mail, ReceiptHandle=message["ReceiptHandle"]
                )
                yield json.loads(message["Body"])

    def run(self, job: str) -> None:
        stacks = self._clients["cloudformation"]
        found = stacks.describe_stack_resource(
            StackName=self._stack.stack_name, LogicalResourceId="MaintenanceFunction"
        )
        name = found["StackResourceDetail"]["PhysicalResourceId"]
        answer = self._clients["lambda"].invoke(
            FunctionName=f"{name}:live", Payload=json.dumps({"job": job}).encode()
        )
        assert "FunctionError" not in answer, answer["Payload"].read()

    def lines(self, word: str) -> list[logs.Line]:
        """All that any function has logged with this word in it."""
        pages = self._clients["logs"].get_paginator("filter_log_events")
        found = pages.paginate(logGroupName=self._stack.outputs["LogGroup"], filterPattern=f'"{word}"')
        return [json.loads(event["message"]) for page in found for event in page["events"]]

    def put(self, values: Mapping[Metric, Sequence[float]]) -> None:
        """What CloudWatch does with lines, and the emulator does not; a value a minute, the last ones now."""
        now = datetime.now(UTC)
        data = [
            {
                "MetricName": metric.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
                "Timestamp": now - timedelta(minutes=age),
                "Value": value,
            }
            for metric in values
            for age, value in enumerate(reversed(values[metric]))
        ]
        self._clients["cloudwatch"].put_metric_data(Namespace=NAMESPACE, MetricData=data)

    def calm(self, alarm: str) -> None:
        """Whatever an earlier test has put."""
        self._clients["cloudwatch"].set_alarm_state(
            AlarmName=f"{self._stack.stack_name}-{alarm}", StateValue="OK", StateReason="a test begins"
        )

    def alarms(self) -> dict[str, str]:
        """The state of each alarm of the stack, by its name without the stack's."""
        prefix = f"{self._stack.stack_name}-"
        found = self._clients["cloudwatch"].describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]
        return {alarm["AlarmName"].removeprefix(prefix): alarm["StateValue"] for alarm in found}


@pytest.fixture(scope="module")
def operator(stack: Stack) -> Operator:
    return Operator(stack)


def test_a_sale_is_followed_through_all_functions_by_one_id(company: Company, operator: Operator) -> None:
    request_id = f"request-{time.time_ns()}"
    headers = {"X-Request-ID": request_id}
    answer = company.call("POST", "/api/events", json=sale(), headers=headers)
    event_id = answer.json()["eventId"]
    ways = {"ingestion", "processor", "fanout"}
    wait_until(lambda: ways <= {line["service"] for line in operator.lines(request_id)})
    (item,) = company.call("GET", "/api/queue").json()["queue"]
    claim = {"seller_id": "anna", "claim_type": "first_touch"}
    assert company.call("POST", f"/api/queue/{item['id']}/claim", json=claim).status_code == 200
    wait_until(lambda: {line["service"] for line in operator.lines(event_id)} >= {*ways, "api"})
    assert all(line["xray_trace_id"].startswith("1-") for line in operator.lines(event_id))


def test_an_alarm_hears_what_the_functions_say_and_tells_whom_it_should(
    company: Company, operator: Operator
) -> None:
    company.sell(sale())
    operator.run("sweep")
    wait_until(lambda: bool(operator.lines("SocketBeats")) and bool(operator.lines("BroadcastLatency")))
    out = "\n".join(json.dumps(line) for line in operator.lines("CloudWatchMetrics"))
    emitted = logs.metrics(out)
    assert {metric.namespace for metric in emitted} == {NAMESPACE}
    operator.calm("pending-critical")
    (pending,) = (metric for metric in emitted if metric.name == "PendingEvents")
    operator.put({metric: values[-1:] for metric, values in emitted.items()} | {pending: [101] * 6})
    # Those that hear of it at once; the others want more data, or something to go wrong.
    assert {name for name, state in operator.alarms().items() if state != "INSUFFICIENT_DATA"} >= {
        *("failed-warning", "dead-letters-warning", "dead-letters-critical", "pending-critical"),
    }
    assert operator.alarms()["pending-critical"] == "ALARM"
    subjects = [mail["Subject"] for mail in operator.mails() if mail["TopicArn"].endswith("-critical")]
    assert any("pending-critical" in subject for subject in subjects)


def test_the_daily_summary_is_one_message(operator: Operator) -> None:
    list(operator.mails())
    operator.run("summary")
    (mail,) = (mail for mail in operator.mails() if mail["TopicArn"].endswith("-info"))
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    assert mail["Subject"].startswith(f"Win Room on {yesterday}: ")
    assert "Sales received" in mail["Message"]
