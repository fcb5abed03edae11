"""An admin's desk, where failed events of a company are corrected and tried again."""

from datetime import UTC, datetime
from typing import Any, LiteralString

from functions.api.app import handler
from functions.dead_letters.app import handler as dead_letters
from functions.processor.app import handler as processor
from tests import crm, doors
from tests.doors import Answer, Sqs
from tests.factories import Company
from winroom import db, ids, ledger
from winroom.messages import SaleEventReceived

PATH = "/api/failed-events"

ONE_TO_ONE: LiteralString = """
    select e.event_id, 'failed without a letter' as what from wr.sales_events e
    where status = 'failed' and coalesce((
        select d.resolution from wr.sales_events_dlq d where d.event_id = e.event_id
        order by dead_letter_id desc limit 1), 'open') <> 'discarded'
      and not exists (select from wr.sales_events_dlq d where d.event_id = e.event_id and d.is_open)
    union all
    select d.event_id, 'a letter without a failure' from wr.sales_events_dlq d
    left join wr.sales_events e on e.event_id = d.event_id
    where d.is_open and (d.failure_reason = 'lost') = (e.event_id is not null and e.status = 'failed')
"""


class Desk:
    """An admin, a CRM and the processor of one company."""

    def __init__(self, company: Company, queues: Sqs) -> None:
        self.company, self.queues = company, queues
        self.user_id, self.token = company.person("admin")
        self.name = f"user:{self.user_id}"

    def call(self, method: str, path: str = "", body: object = None, **more: Any) -> Answer:
        return doors.http(handler, method, PATH + path, body, **{"key": self.token, **more})

    def listed(self, query: str = "") -> list[dict[str, Any]]:
        answer = self.call("GET", f"?{query}")
        assert answer.status == 200, answer.raw
        found: list[dict[str, Any]] = answer.json["failed_events"]
        return found

    def only(self, query: str = "") -> dict[str, Any]:
        (one,) = self.listed(query)
        return one

    def show(self, one: dict[str, Any]) -> dict[str, Any]:
        answer = self.call("GET", f"/{one['id']}")
        assert answer.status == 200, answer.raw
        shown: dict[str, Any] = answer.json
        return shown

    def edit(self, one: dict[str, Any], **changes: Any) -> Answer:
        return self.call("PATCH", f"/{one['id']}", {"event": changes})

    def replay(self, one: dict[str, Any], **changes: Any) -> Answer:
        return self.call("POST", f"/{one['id']}/replay", {"event": changes} if changes else None)

    def discard(self, one: dict[str, Any], reason: str = "A test of theirs") -> Answer:
        return self.call("POST", f"/{one['id']}/discard", {"reason": reason})

    def replay_many(self, **selection: Any) -> dict[str, Any]:
        answer = self.call("POST", "/replay", selection)
        assert answer.status == 200, answer.raw
        replayed: dict[str, Any] = answer.json
        return replayed

    def send(self, *bodies: dict[str, Any]) -> list[Answer]:
        return [crm.post(self.company, body) for body in bodies]

    def process(self) -> None:
        assert doors.sqs(processor, self.queues.take("sales-events")) == []

    def sell(self, *bodies: dict[str, Any]) -> None:
        self.send(*bodies)
        self.process()

    def product(self, sku: str = "DESK", cost: object = None) -> str:
        body = {"name": f"Product {sku}", "sku": sku, "default_cost": cost}
        answer = doors.http(handler, "POST", "/api/products", body, key=self.company.full_key)
        assert answer.status == 201, answer.raw
        return str(answer.json["id"])

    def item(self, sale_id: str) -> dict[str, Any]:
        (row,) = self.company.rows("select * from wr.queue where sale_id = %s", sale_id)
        return dict(row)

    def event(self, event_id: object) -> dict[str, Any]:
        (row,) = self.company.rows("select * from wr.sales_events where event_id = %s", event_id)
        return dict(row)

    def lose(self) -> dict[str, Any]:
        """A message arrives whose event is nowhere."""
        message = SaleEventReceived(ids.new(), self.company.tenant_id, datetime.now(UTC))
        assert doors.sqs(dead_letters, [message.body()]) == []
        return self.only("reason=lost")

    def contradict(self, first: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Sends a sale, and then the same with other content."""
        self.sell(first)
        assert crm.post(self.company, {**first, **changes}).status == 409
        return self.only("reason=conflict")

    def check(self) -> None:
        """What must hold whatever happened."""
        with db.tenant_session(self.company.tenant_id) as conn:
            assert [*ledger.faults(conn)] == []
        twice = "select sale_id from wr.queue group by sale_id having count(*) > 1"
        assert self.company.rows(twice) == []
        # Open dead letters and failed events are one to one, but for what was lost or discarded.
        assert self.company.rows(ONE_TO_ONE) == []
