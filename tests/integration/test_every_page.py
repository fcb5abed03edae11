"""A walk over all pages: none lets in whom it must not, shows what is another company's, or breaks. A new
page is walked from its first day."""

import re
from functools import partial
from html.parser import HTMLParser
from uuid import uuid4

import pytest

from functions.dashboard.app import ROUTES
from tests.doors import Answer, Sqs
from tests.factories import Company
from tests.integration.conftest import Overhear
from tests.office import MAKERS, Office
from tests.visits import Visitor
from winroom.callers import Role
from winroom.routes import Route

SECURED = [route for route in ROUTES if route.is_personal]
PAGES = [route for route in SECURED if route.method == "GET"]
WITH_IDS = [route for route in SECURED if "{" in route.path]
# Of what a page with such a path is about, what its own words for an id are.
KNOWN = MAKERS.keys() | {"sale_id"}

pytestmark = pytest.mark.usefixtures("queues", "quick_passwords", "unlimited")


@pytest.fixture
def ours(company: Company, queues: Sqs) -> Office:
    return Office(company, queues)


@pytest.fixture
def theirs(rival: Company, queues: Sqs) -> Office:
    return Office(rival, queues)


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def send(visitor: Visitor, route: Route, path: str, **more: str) -> Answer:
    return visitor.get(path) if route.method == "GET" else visitor.post(path, **more)


def with_ids(route: Route, ids: dict[str, str]) -> str:
    return route.path.format(**ids)


def things(office: Office) -> dict[str, str]:
    return {**office.things, "sale_id": str(office.ask("GET", "/api/queue")["queue"][0]["sale_id"])}


class Html(HTMLParser):
    """What is wrong with a page that a browser would not complain of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.inline: list[str] = []
        self.fields: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "label":
            self.labelled.add(str(given.get("for")))
        if tag in ("input", "select", "textarea") and given.get("type") != "hidden":
            self.fields.append(given)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and not given.get("src")):
            self.inline.append(tag)

    @property
    def problems(self) -> list[str]:
        doubled = sorted({one for one in self.ids if self.ids.count(one) > 1})
        nameless = [f for f in self.fields if f.get("id") not in self.labelled and "aria-label" not in f]
        hidden = [f for f in nameless if "hidden" in f]
        return [
            *(f"id {one} is there twice" for one in doubled),
            *(f"{one} is inline" for one in self.inline),
            *(f"no label for {f}" for f in nameless if f not in hidden),
        ]


def test_the_walk_knows_what_every_id_names() -> None:
    assert {name for route in SECURED for name in re.findall(r"{(\w+)}", route.path)} - KNOWN == set()


def test_every_page_is_drawn_in_an_empty_company(subtests: pytest.Subtests, company: Company) -> None:
    admin = Visitor.of(company)
    for route in PAGES:
        if "{" not in route.path:
            with subtests.test(named(route)):
                answer = admin.get(route.path)
                assert answer.status == 200, answer.raw
                assert Html(answer.raw).problems == []


def test_every_page_is_drawn_in_a_company_that_has_everything(
    subtests: pytest.Subtests, ours: Office
) -> None:
    ids, admin = things(ours), Visitor(ours.admin)
    for route in PAGES:
        with subtests.test(named(route)):
            answer = admin.get(with_ids(route, ids))
            assert answer.status in (200, route.status), answer.raw
            assert Html(answer.raw).problems == []


def test_every_page_is_drawn_for_the_least_role_that_may_see_it(
    subtests: pytest.Subtests, ours: Office
) -> None:
    ids = things(ours)
    for route in PAGES:
        with subtests.test(named(route)):
            assert route.role is not None
            visitor = Visitor.of(ours.company, route.role.name.lower())
            answer = visitor.get(with_ids(route, ids))
            assert answer.status in (200, route.status), answer.raw


def test_who_may_less_is_refused_and_sees_nothing_of_it(subtests: pytest.Subtests, ours: Office) -> None:
    ids = things(ours)
    for route in SECURED:
        assert route.role is not None
        if route.role <= Role.WATCHER:
            continue
        with subtests.test(named(route)):
            below = Role(route.role - 1).name.lower()
            answer = send(Visitor.of(ours.company, below), route, with_ids(route, ids))
            assert answer.status == 403
            assert "<form" not in answer.raw


def test_who_is_not_logged_in_is_asked_to(subtests: pytest.Subtests, ours: Office) -> None:
    ids = things(ours)
    for route in SECURED:
        with subtests.test(named(route)):
            answer = send(Visitor("nobody"), route, with_ids(route, ids))
            assert answer.status == 303
            assert answer.headers["location"].startswith("/login")


def test_another_companys_ids_are_as_unknown_as_any(
    subtests: pytest.Subtests, ours: Office, theirs: Office, overheard: Overhear
) -> None:
    foreign, unknown = things(theirs), dict.fromkeys(KNOWN, str(uuid4()))
    filled = {
        "reason": "x",
        "for": "x",
        "name": "x",
        "display_name": "x",
        "claim_type": "upsell",
        "role": "seller",
    }
    for route in WITH_IDS:
        with subtests.test(named(route)):
            admin = Visitor(ours.admin)
            asks = [partial(send, admin, route, with_ids(route, ids), **filled) for ids in (foreign, unknown)]
            (answer, sent), (another, also_sent) = map(overheard, asks)
            assert (answer.status, answer.raw) == (404, another.raw)
            assert sent == also_sent


def test_a_form_of_another_site_does_nothing(subtests: pytest.Subtests, ours: Office) -> None:
    ids = things(ours)
    before = ours.company.count("api_audit_log")
    for route in SECURED:
        if route.method == "POST":
            with subtests.test(named(route)):
                answer = Visitor(ours.admin).post(with_ids(route, ids), site="cross-site")
                assert answer.status == 403
                assert "<form" not in answer.raw
    assert ours.company.count("api_audit_log") > before
