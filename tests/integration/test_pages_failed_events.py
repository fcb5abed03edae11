"""The pages of failed events, through the real handler and back through the processor."""

from typing import Any
from uuid import uuid4

import pytest

from functions.processor.app import handler as processor
from tests import doors
from tests.doors import Sqs
from tests.factories import Company, sale
from tests.floor import enqueue
from tests.visits import Visitor, went_to
from winroom import db, sales

PATH = "/failed-events"


def failed(company: Company, queues: Sqs, *events: dict[str, Any]) -> list[str]:
    """Sends sales that fail; the addresses of their pages, oldest first."""
    enqueue(company, queues, *events)
    rows = company.rows("select dead_letter_id from wr.sales_events_dlq where is_open order by 1")
    return [f"{PATH}/{row['dead_letter_id']}" for row in rows]


def contradiction(company: Company, queues: Sqs, **changes: Any) -> str:
    known = sale(sale_id="S-1", customer_name="Ada")
    return failed(company, queues, known, {**known, **changes})[-1]


def letter(company: Company) -> dict[str, Any]:
    return dict(company.rows("select * from wr.sales_events_dlq order by dead_letter_id desc limit 1")[0])


def test_the_list_counts_by_reason_and_finds(company: Company, queues: Sqs) -> None:
    admin = Visitor.of(company, "admin")
    assert "Nothing has failed" in admin.shown(PATH)
    failed(company, queues, sale(product_sku="NOPE", customer_name="<b>Ada</b>"), sale(product_sku="NO"))
    answer = admin.get(PATH)
    assert '<span class="figure">2</span> Unknown products' in answer.raw
    assert "&lt;b&gt;Ada&lt;/b&gt;" in answer.raw
    assert "<b>Ada</b>" not in answer.raw
    assert "Customer" not in admin.shown(f"{PATH}?q=<b>&reason=unknown_product").split('class="rows"')[1]
    assert "Nothing found" in admin.shown(f"{PATH}?reason=lost")


def test_it_is_corrected_and_replayed_in_one_step(company: Company, queues: Sqs) -> None:
    (address,) = failed(company, queues, sale(product_sku="NOPE", notes="Two\nlines"))
    admin = Visitor.of(company, "admin")
    assert 'value="NOPE"' in admin.shown(address)
    before = letter(company)["payload"]
    sent = admin.post(f"{address}/replay", **(before | {"product_sku": "", "notes": "Two\r\nlines"}))
    assert went_to(sent) == f"{PATH}?notice=replayed"
    doors.sqs(processor, queues.take("sales-events"))
    assert company.count("queue") == 1
    assert {n: v for n, v in before.items() if n != "product_sku"} == letter(company)["payload"]
    assert "Replayed" in admin.shown(address)


def test_saving_what_is_the_same_edits_nothing(company: Company, queues: Sqs) -> None:
    (address,) = failed(company, queues, sale(product_sku="NOPE"))
    user_id, token = company.person("admin")
    admin = Visitor(token)
    assert went_to(admin.post(address, **letter(company)["payload"])) == f"{address}?notice=saved"
    assert letter(company)["edited_by"] is None
    admin.post(address, category="Plans")
    assert letter(company)["edited_by"] == f"user:{user_id}"
    assert "edited by Admin" in admin.shown(address)


def test_what_is_wrong_is_told_beside_its_field(company: Company, queues: Sqs) -> None:
    (address,) = failed(company, queues, sale(product_sku="NOPE"))
    refused = Visitor.of(company, "admin").post(address, sell_price="much", category="Plans")
    assert refused.status == 400
    assert 'id="sell_price-problem">Price must be a number' in refused.raw
    assert 'value="much"' in refused.raw
    assert 'value="Plans"' in refused.raw


def test_a_contradiction_is_shown_side_by_side_and_accepted(company: Company, queues: Sqs) -> None:
    address = contradiction(company, queues, customer_name="Ada Lovelace", sell_price="120.00")
    admin = Visitor.of(company, "admin")
    page = admin.shown(address)
    assert "<del>Ada</del>" in page
    assert "<ins>Ada Lovelace</ins>" in page
    assert went_to(admin.post(f"{address}/replay")) == f"{PATH}?notice=accepted"
    (item,) = company.rows("select customer_name, sell_price from wr.queue")
    assert (item["customer_name"], str(item["sell_price"])) == ("Ada Lovelace", "120.00")
    assert letter(company)["edited_by"] is None
    assert "Accepted as a correction" in admin.shown(address)
    again = admin.post(f"{address}/replay")
    assert (again.status, "already accepted" in again.raw) == (409, True)


def test_products_of_a_contradiction_have_their_names(company: Company, queues: Sqs) -> None:
    (row,) = company.database.execute(
        "insert into wr.products (tenant_id, name) values (%s, 'Growth plan') returning product_id",
        company.tenant_id,
    )
    unknown = uuid4()
    known = sale(sale_id="S-1", product_id=str(row["product_id"]))
    address = failed(company, queues, known, {**known, "product_id": str(unknown)})[-1]
    page = Visitor.of(company, "admin").shown(address)
    assert "<del>Growth plan</del>" in page
    assert f"<ins>{unknown}</ins>" in page


def test_it_is_discarded_for_a_reason(company: Company, queues: Sqs) -> None:
    address = contradiction(company, queues, sell_price="1.00")
    admin = Visitor.of(company, "admin")
    refused = admin.post(f"{address}/discard", reason="")
    assert (refused.status, 'id="reason-discard-problem"' in refused.raw) == (400, True)
    assert went_to(admin.post(f"{address}/discard", reason="A test")) == f"{PATH}?notice=discarded"
    assert "A test" in admin.shown(address)
    assert "A test" in admin.shown(f"{PATH}?resolved=true")


def test_a_lost_one_is_filled_in(company: Company, queues: Sqs) -> None:
    with db.tenant_session(company.tenant_id) as conn:
        sales.record_lost(conn, uuid4(), '{"event_id": "<i>what came</i>"}')
    (address,) = failed(company, queues)
    admin = Visitor.of(company, "admin")
    answer = admin.get(address)
    assert "&lt;i&gt;what came&lt;/i&gt;" in answer.raw
    refused = admin.post(f"{address}/replay", customer_name="Ada")
    assert (refused.status, 'id="sale_id-problem"' in refused.raw) == (400, True)
    assert went_to(admin.post(f"{address}/replay", **sale())) == f"{PATH}?notice=replayed"


def test_all_of_a_reason_are_shown_first_and_then_replayed(company: Company, queues: Sqs) -> None:
    failed(company, queues, sale(product_sku="GROWTH"), sale(product_sku="GROWTH"), sale(product_sku="NOPE"))
    company.database.execute(
        "insert into wr.products (tenant_id, name, sku) values (%s, 'Growth', 'GROWTH')", company.tenant_id
    )
    admin = Visitor.of(company, "admin")
    page = admin.shown(f"{PATH}/replay?reason=unknown_product")
    assert "Replay 2 events" in page
    assert "The product NOPE is unknown" in page
    assert company.count("queue") == 0
    sent = admin.post(f"{PATH}/replay", reason="unknown_product")
    assert went_to(sent) == f"{PATH}?reason=unknown_product&notice=replayed_many"
    doors.sqs(processor, queues.take("sales-events"))
    assert company.count("queue") == 2
    assert "None of these" in admin.shown(f"{PATH}/replay?reason=unknown_product")
    assert "nothing to replay" in admin.shown(f"{PATH}/replay?reason=lost")


@pytest.mark.parametrize("path", [PATH, f"{PATH}/replay", f"{PATH}/no-id", "/audit"])
def test_they_are_for_admins(company: Company, path: str) -> None:
    assert Visitor.of(company, "manager").get(path).status == 403
