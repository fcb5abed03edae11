"""Messages that are none of ours, or ours but bent, on every queue: they cost the honest ones of their batch
nothing, and no function dies of them."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, example, given
from hypothesis import settings as how
from hypothesis import strategies as st

from functions.broadcaster.fanout import handler as fanout
from functions.dead_letters.app import handler as dead_letters
from functions.processor.app import handler as processor
from tests import crm, doors
from tests.doors import Sqs
from tests.factories import Company, sale
from tests.gateway import Gateway, joined
from winroom import messages
from winroom.messages import ImportReady, RoomChanged, SaleEventReceived

NOW = datetime.now(UTC)
OURS = [
    SaleEventReceived(uuid4(), uuid4(), NOW).body(),
    ImportReady(uuid4(), uuid4(), 0).body(),
    RoomChanged(uuid4(), 1).body(),
    messages.HEARTBEAT,
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.uuids().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
# One of ours with some of its values bent.
BENT = st.sampled_from(OURS).flatmap(
    lambda body: st.fixed_dictionaries({}, optional=dict.fromkeys(json.loads(body), JSON)).map(
        lambda bent: json.dumps(json.loads(body) | bent)
    )
)
STRANGE = st.text() | JSON.map(json.dumps) | BENT


def bent(number: int, **values: Any) -> str:
    return json.dumps(json.loads(OURS[number]) | values)


@given(st.lists(STRANGE, max_size=9))
@example([bent(0, received_at="2026-01-01"), bent(0, trace={"a": []}), bent(0, version=True)])
@example([bent(1, next_row=-1), bent(1, next_row=10**30), bent(1, next_row="7")])
@example([bent(2, seq=-1), bent(2, seq=10**30), bent(2, event_ids=7), bent(2, event_ids=[[]] * 99)])
@how(
    max_examples=how().max_examples // 10,  # each works a sale
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_honest_messages_are_worked_beside_whatever_else_is_in_their_queue(
    company: Company, queues: Sqs, gateway: Gateway, strange: list[str]
) -> None:
    listener, before = joined(gateway, company), company.count("queue")
    crm.post(company, sale())
    (honest,) = queues.take("sales-events")
    # The same without the offset of its time: nobody could say how long it has waited.
    timeless = json.dumps(json.loads(honest) | {"received_at": "2026-01-01T00:00:00"})
    for handler in (dead_letters, processor):
        # What nobody can read comes back: it may be a later release's.
        assert not {0, len(strange) + 1} & {*doors.sqs(handler, [timeless, *strange, honest])}
    assert company.count("queue") == before + 1
    wake_up = queues.take("room.fifo")[0]
    assert doors.sqs(fanout, [*strange, wake_up]) == []
    assert "queue.created" in {message["type"] for message in listener.told()}
