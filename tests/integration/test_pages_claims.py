"""The pages of claims and of what was set aside, through the real handler."""

import pytest

from tests.doors import Sqs
from tests.factories import Company, sale
from tests.floor import ALIKE, claim, enqueue, excluded
from tests.visits import Visitor, went_to

NASTY = "<script>alert(1)</script>"


def claimed(company: Company, queues: Sqs, **changes: object) -> None:
    (item,) = enqueue(company, queues, sale(**changes))
    company.database.seller(company, "anna")
    assert claim(company, item).status == 200


def test_what_a_seller_stands_for_is_listed_and_summed(company: Company, queues: Sqs) -> None:
    claimed(company, queues, customer_name=NASTY, sell_price="100.00")
    claimed(company, queues, sell_price="50.50", currency="EUR")
    answer = Visitor.of(company, "watcher").get("/claims?seller=anna&state=approved")
    assert "What anna stands for" in answer.raw
    assert "2 claims on this page" in answer.raw
    assert "\u20ac50.50 + $100.00" in answer.raw
    assert NASTY not in answer.raw
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.raw


def test_days_are_those_of_the_company_to_their_end(company: Company, queues: Sqs) -> None:
    company.set(time_zone="Pacific/Kiritimati")
    claimed(company, queues, customer_name="Ada")
    company.database.execute("update wr.claims set claimed_at = '2026-03-01T09:59:00Z'")
    visitor = Visitor.of(company, "watcher")
    assert "Ada" in visitor.shown("/claims?from=2026-03-01&to=2026-03-01")
    assert "Ada" not in visitor.shown("/claims?from=2026-03-02")
    assert "Ada" not in visitor.shown("/claims?to=2026-02-28")
    assert "Ada" in visitor.shown("/claims?from=2026-03-01T09:59:00Z&to=2026-03-01T10:00:00Z")


def test_moments_of_a_link_are_shown_as_the_days_that_they_are(company: Company) -> None:
    company.set(time_zone="Pacific/Kiritimati")
    visitor = Visitor.of(company, "watcher")
    page = visitor.shown("/claims?from=2026-02-28T10:00:00Z&to=2026-03-31T10:00:00Z")
    assert 'type="date" value="2026-03-01"' in page
    assert 'type="date" value="2026-03-31"' in page
    page = visitor.shown("/claims?from=2026-02-28T10:00:01Z&to=9999-12-31T23:59:59Z")
    assert 'type="text" value="2026-02-28T10:00:01Z"' in page
    assert 'type="text" value="9999-12-31T23:59:59Z"' in page


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2026-02-30", "yesterday"])
def test_days_that_are_none_are_refused_calmly(company: Company, day: str) -> None:
    assert Visitor.of(company, "watcher").get(f"/claims?to={day}").status == 400


def test_margins_are_for_those_who_may_see_them(company: Company, queues: Sqs) -> None:
    claimed(company, queues, cost_price="40.00")
    assert "Margin $60.00" in Visitor.of(company, "manager").shown("/claims")
    assert "$60.00" not in Visitor.of(company, "watcher").shown("/claims")


def test_a_watcher_sees_a_sale_without_what_is_written_of_it(company: Company, queues: Sqs) -> None:
    claimed(company, queues, customer_name="Ada", notes="Called twice")
    (row,) = company.rows("select queue_id from wr.queue")
    page = Visitor.of(company, "watcher").shown(f"/queue/{row['queue_id']}")
    assert "Ada" in page
    assert "Called twice" not in page
    assert "Called twice" in Visitor.of(company, "manager").shown(f"/queue/{row['queue_id']}")


def test_a_claim_is_approved_once(company: Company, queues: Sqs) -> None:
    company.set(claim_approval=True)
    claimed(company, queues, customer_name="Ada")
    manager = Visitor.of(company, "manager")
    (row,) = company.rows("select claim_id from wr.claims")
    assert "Ada" in manager.shown("/approvals")
    address = f"/claims/{row['claim_id']}/approve"
    assert went_to(manager.post(address)) == "/approvals?notice=approved"
    assert "Nothing waits for you" in manager.shown("/approvals")
    assert company.rows("select state from wr.claims") == [{"state": "approved"}]
    again = manager.post(address)
    assert (again.status, "This claim is approved" in again.raw) == (409, True)


def test_a_rejection_needs_its_reason(company: Company, queues: Sqs) -> None:
    company.set(claim_approval=True)
    claimed(company, queues)
    manager = Visitor.of(company, "manager")
    (row,) = company.rows("select claim_id from wr.claims")
    address = f"/claims/{row['claim_id']}/reject"
    refused = manager.post(address, reason=" ")
    assert refused.status == 400
    assert f'id="reason-{row["claim_id"]}-problem">Reason is required' in refused.raw
    assert went_to(manager.post(address, reason="Not theirs")) == "/approvals?notice=rejected"
    assert company.rows("select state, reason from wr.claims") == [
        {"state": "rejected", "reason": "Not theirs"}
    ]


def test_where_approval_is_off_the_page_says_so(company: Company) -> None:
    assert "Approval is switched off" in Visitor.of(company, "manager").shown("/approvals")
    company.set(claim_approval=True)
    assert "Nothing waits for you" in Visitor.of(company, "manager").shown("/approvals")


def test_a_suspected_duplicate_is_judged_on_its_list(company: Company, queues: Sqs) -> None:
    enqueue(company, queues, *(sale(sale_id=f"S/{n}", **ALIKE) for n in range(3)))
    manager = Visitor.of(company, "manager")
    page = manager.shown("/excluded")
    assert page.count("Looks like") == 2
    assert went_to(manager.get("/sale/S%2F0")).startswith("/queue/")
    assert 'href="/sale/S%2F0"' in page
    first, second = excluded(company)
    sent = manager.post(f"/queue/{first['id']}/restore", back="/excluded")
    assert went_to(sent) == "/excluded?notice=restored"
    sent = manager.post(f"/queue/{second['id']}/exclude", reason="The same", back="/excluded")
    assert went_to(sent) == "/excluded?notice=excluded"
    assert "Nothing to judge" in manager.shown("/excluded")
    assert "Reason: The same" in manager.shown("/excluded?awaits_review=false")


def test_forms_send_nobody_to_other_sites(company: Company, queues: Sqs) -> None:
    (item,) = enqueue(company, queues, sale())
    manager = Visitor.of(company, "manager")
    sent = manager.post(f"/queue/{item['id']}/exclude", reason="A test", back="//evil.example")
    assert went_to(sent) == f"/queue/{item['id']}?notice=excluded"


def test_a_sale_that_is_not_in_the_queue_leads_nowhere(company: Company) -> None:
    assert Visitor.of(company, "watcher").get("/sale/no-such-sale").status == 404


@pytest.mark.parametrize("path", ["/approvals", "/excluded"])
def test_managing_is_for_managers(company: Company, path: str) -> None:
    assert Visitor.of(company, "seller").get(path).status == 403
