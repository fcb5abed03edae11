"""The pages of imports, through the real handler: a file is checked, carried on and imported."""

import pytest

from functions.dashboard import imports
from functions.processor.app import handler as processor
from tests import doors
from tests.doors import Answer, Sqs
from tests.factories import Company
from tests.visits import Visitor, hidden, went_to

HEADER = "sale_id,occurred_at,customer_name,sell_price,Region"
FILE = f'{HEADER}\nS-1,2026-01-02T03:04:05Z,"Ada\nLovelace",100,EU\nS-2,2026-01-02T03:04:05Z,<b>,much,EU\n'


def work(queues: Sqs) -> None:
    while bodies := queues.take("sales-events"):
        assert doors.sqs(processor, bodies) == []


def checked(visitor: Visitor, text: str = FILE) -> Answer:
    return visitor.upload("/imports", text, "<i>january.csv", default_seller="anna", dry_run="true")


def test_a_file_is_checked_and_nothing_is_stored(company: Company, queues: Sqs) -> None:
    answer = checked(Visitor.of(company, "manager"))
    assert answer.status == 200
    assert '<span class="figure">1</span> new<' in answer.raw
    assert '<span class="figure">1</span> not readable' in answer.raw
    assert "Price must be a number" in answer.raw
    assert "Region" in answer.raw
    assert "&lt;i&gt;january.csv" in answer.raw
    assert company.count("imports") == 0


def test_a_checked_file_is_imported_without_choosing_it_again(company: Company, queues: Sqs) -> None:
    visitor = Visitor.of(company, "manager")
    sent = visitor.upload("/imports", "", "", **hidden(checked(visitor)))
    address = went_to(sent).removesuffix("?notice=import_started")
    assert "data-poll" in visitor.shown(address)
    work(queues)
    page = visitor.shown(address)
    assert "data-poll" not in page
    assert "2 of 2 rows" in page
    assert "Price must be a number" in page
    assert company.rows("select customer_name, seller_id from wr.queue") == [
        {"customer_name": "Ada\nLovelace", "seller_id": "anna"}
    ]
    listed = visitor.get("/imports")
    assert "&lt;i&gt;january.csv" in listed.raw
    assert "1 new" in listed.raw


def test_a_large_file_is_chosen_again(company: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "_CARRIED", 10)
    visitor = Visitor.of(company, "manager")
    answer = checked(visitor)
    assert "too large to be kept here" in answer.raw
    assert hidden(answer) == {"default_seller": "anna"}
    sent = visitor.upload("/imports", FILE, "january.csv", **hidden(answer))
    assert "notice=import_started" in went_to(sent)


def test_without_a_file_the_form_says_so_and_keeps_the_rest(company: Company, queues: Sqs) -> None:
    refused = Visitor.of(company, "manager").upload("/imports", "", "", time_zone="Europe/Istanbul")
    assert refused.status == 400
    assert 'id="file-problem">CSV file is required' in refused.raw
    assert 'value="Europe/Istanbul"' in refused.raw


def test_what_is_wrong_with_the_file_or_its_options_is_told(company: Company, queues: Sqs) -> None:
    visitor = Visitor.of(company, "manager")
    refused = visitor.upload("/imports", FILE)
    assert refused.status == 400
    assert "name the seller of all rows" in refused.raw
    refused = visitor.upload("/imports", FILE, default_seller="anna", time_zone="Nowhere")
    assert 'id="time_zone-problem">Time zone must be the name of a time zone' in refused.raw
    refused = visitor.upload("/imports", "", "", carried="no base64")
    assert (refused.status, "could not be read" in refused.raw) == (400, True)


def test_a_file_beyond_the_limit_is_refused_on_the_page(company: Company, queues: Sqs) -> None:
    refused = Visitor.of(company, "manager").upload("/imports", "x" * 4_300_000)
    assert (refused.status, "larger than" in refused.raw, 'name="file"' in refused.raw) == (413, True, True)


def test_importing_is_for_managers(company: Company, queues: Sqs) -> None:
    seller = Visitor.of(company, "seller")
    assert seller.get("/imports").status == 403
    assert seller.upload("/imports", FILE).status == 403
