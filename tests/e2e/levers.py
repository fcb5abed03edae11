"""What can be turned in the account where the stack runs, to see what happens; turned back at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from infra.local import emulator
from infra.local.deployment import Deployment

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

# What a queue is made with; the rest of its attributes is counted by SQS.
_MADE_WITH: tuple["QueueAttributeNameType", ...] = (
    "VisibilityTimeout",
    "MessageRetentionPeriod",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "FifoQueue",
    "DeduplicationScope",
    "FifoThroughputLimit",
)


@dataclass(frozen=True)
class Levers:
    """Queues and mappings by their names in the template."""

    deployed: Deployment

    def sweep(self) -> None:
        """The minute is over."""
        self.deployed.invoke("MaintenanceFunction", b'{"job": "sweep"}')

    @contextmanager
    def paused(self, mapping: str) -> Iterator[None]:
        """Messages wait meanwhile."""
        self._lambda.update_event_source_mapping(UUID=self._id(mapping), Enabled=False)
        try:
            yield
        finally:
            self._lambda.update_event_source_mapping(UUID=self._id(mapping), Enabled=True)

    def fails(self, mapping: str) -> bool:
        """Whether its last batch came back."""
        told = self._lambda.get_event_source_mapping(UUID=self._id(mapping))["LastProcessingResult"]
        return "partial failures" in told

    @contextmanager
    def visible_after(self, queue: str, seconds: int) -> Iterator[None]:
        """What its reader does not settle comes back so soon: nobody waits three minutes for a crash."""
        url = self._id(queue)
        usual = self._made_with(url)["VisibilityTimeout"]
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})
        try:
            yield
        finally:
            self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": usual})

    @contextmanager
    def refusing(self, queue: str) -> Iterator[None]:
        """SQS refuses every message: the queue is not there."""
        url = self._id(queue)
        made_with = self._made_with(url)
        self._sqs.delete_queue(QueueUrl=url)
        try:
            yield
        finally:
            self._sqs.create_queue(QueueName=url.rpartition("/")[2], Attributes=made_with)

    def receive_in_vain(self, queue: str) -> None:
        """Takes what waits, never settles it, as a reader does that dies each time, until nothing comes."""
        while self._sqs.receive_message(
            QueueUrl=self._id(queue), MaxNumberOfMessages=10, VisibilityTimeout=0
        ).get("Messages"):
            pass

    def send(self, queue: str, body: str) -> None:
        self._sqs.send_message(QueueUrl=self._id(queue), MessageBody=body)

    def _made_with(self, url: str) -> dict["QueueAttributeNameType", str]:
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return {name: found[name] for name in _MADE_WITH if name in found}

    def _id(self, name: str) -> str:
        return self.deployed.resources[name]

    @cached_property
    def _lambda(self) -> "LambdaClient":
        return emulator.session().client("lambda", endpoint_url=self.deployed.aws)

    @cached_property
    def _sqs(self) -> "SQSClient":
        return emulator.session().client("sqs", endpoint_url=self.deployed.aws)
