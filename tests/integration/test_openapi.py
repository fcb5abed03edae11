"""The description of the API: complete, fresh, true to what validates, and kept from breaking others."""

import copy
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID, uuid4

import jsonschema_rs
import pytest
from openapi_spec_validator import validate
from pydantic import Field
from typing_extensions import TypedDict

from functions.api import docs
from functions.api.app import handler
from infra import contract, openapi
from tests import conformity, doors
from tests.factories import sale
from winroom import rate_limit
from winroom.answers import Page, Reply
from winroom.callers import Role
from winroom.errors import Invalid, RateLimited
from winroom.routes import Route
from winroom.sales import SaleEvent
from winroom.validation import BlankIsAbsent, Input, Money, MoneyText, Text100, check
from winroom.web import Call

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Json:
    return openapi.document()


def operations(document: Json) -> list[tuple[str, str, Json]]:
    return [(m.upper(), path, o) for path, methods in document["paths"].items() for m, o in methods.items()]


class TestDocument:
    def test_it_is_a_valid_openapi_document_of_plain_ascii(self, document: Json) -> None:
        validate(document)
        assert openapi.written(document).isascii()

    def test_what_is_shipped_is_fresh(self, document: Json) -> None:
        shipped = openapi.SHIPPED.read_text(encoding="ascii")
        assert shipped == openapi.written(document), "the routes have changed: run `make openapi`"

    def test_every_route_is_in_it_under_a_name_of_its_own_and_explained(self, document: Json) -> None:
        described = operations(document)
        assert {(m, path) for m, path, _ in described} == {(r.method, r.path) for r in openapi.ROUTES}
        assert len({o["operationId"] for _, _, o in described}) == len(openapi.ROUTES)
        assert [o["operationId"] for _, _, o in described if not o["summary"]] == []

    def test_examples_of_bodies_are_what_their_schemas_allow(self, document: Json) -> None:
        for _, path, operation in operations(document):
            for content in operation.get("requestBody", {"content": {}})["content"].values():
                schema = {**content["schema"], "components": document["components"]}
                assert jsonschema_rs.is_valid(schema, content["example"]), (path, content["example"])

    def test_two_shapes_of_one_name_are_refused(self) -> None:
        other = TypedDict("Thing", {"b": int})  # type: ignore[name-match]  # noqa: UP013

        class Both(TypedDict):
            a: Thing
            b: other

        def endpoint(call: Call) -> Reply[Both]:
            """Says something."""
            return Reply({})

        endpoint.__annotations__["return"] = Reply[Both]
        with pytest.raises(ValueError, match="share a name"):
            openapi.document([Route("GET", "/twice", endpoint, None)])


class Wanted(Input):
    color: Annotated[Literal["red", "blue"] | None, BlankIsAbsent] = None
    size: Annotated[int, Field(ge=1, le=9, description="In feet.")]


class NewThing(Input):
    name: Text100
    price: Annotated[Money, Field(gt=0)]
    cost: Annotated[Money, Field(ge=0)] | None = None
    kind: Literal["big", "small"] = "big"
    tags: Annotated[list[Text100], Field(min_length=1)]


class Part(TypedDict):
    number: int


class Thing(TypedDict):
    id: UUID
    price: MoneyText
    kind: Literal["big", "small"]
    parts: list[Part]
    note: NotRequired[str | None]


def create(call: Call, body: NewThing) -> Reply[Thing]:
    """Makes a thing; nobody knows why."""
    return Reply({})


def show(call: Call, thing_id: UUID, word: str, query: Wanted) -> Reply[Thing]:
    """Shows a thing."""
    return Reply({})


def load(call: Call, body: str) -> Reply[dict[str, int]]:
    """Loads things."""
    return Reply({})


def look(call: Call) -> Page:
    """Looks like a thing."""
    return Page("<p>")


THINGS = [
    Route("POST", "/things", create, Role.MANAGER, status=201, can_conflict=True),
    Route("GET", "/things/{thing_id}/{word}", show, Role.DISPLAY),
    Route("POST", "/load", load, None, media_type="text/csv", raises=(RateLimited,), also=(202,)),
    Route("POST", "/mine", create, Role.WATCHER, is_personal=True),
    Route("GET", "/look", look, None),
]


@pytest.fixture
def things() -> Json:
    """The description of a small API, to look at and to spoil."""
    routes = [r for r in THINGS if r.path != "/mine"]
    return copy.deepcopy(openapi.document(routes))


class TestOfARoute:
    def test_ids_and_query_are_parameters_of_their_types(self, things: Json) -> None:
        parameters = things["paths"]["/things/{thing_id}/{word}"]["get"]["parameters"]
        blank = {"type": "string", "pattern": r"^\s*$"}
        color = {"type": "string", "enum": ["red", "blue"]}
        size = {"type": "integer", "minimum": 1, "maximum": 9}
        assert parameters == [
            {
                "name": "thing_id",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "format": "uuid"},
            },
            {"name": "word", "in": "path", "required": True, "schema": {"type": "string"}},
            {
                "name": "color",
                "in": "query",
                "required": False,
                "description": "",
                "schema": {"anyOf": [color, blank]},
            },
            {"name": "size", "in": "query", "required": True, "description": "In feet.", "schema": size},
            {"$ref": "#/components/parameters/X-Request-ID"},
            {"$ref": "#/components/parameters/X-API-Version"},
        ]

    def test_the_docstring_is_its_text_and_the_least_role_is_told(self, things: Json) -> None:
        made = things["paths"]["/things"]["post"]
        assert made["operationId"] == "test_openapi_create"
        assert made["summary"] == "Makes a thing"
        assert made["description"] == (
            "Makes a thing; nobody knows why.\n\n"
            "For a person who is at least manager, or an API key of scope `full`."
        )
        assert made["x-least-role"] == "manager"
        assert made["security"] == [{"key": []}, {"session": []}, {"cookie": []}]
        assert things["paths"]["/load"]["post"]["security"] == []
        mine = openapi.document([THINGS[3]])["paths"]["/mine"]["post"]
        assert mine["security"] == [{"session": []}, {"cookie": []}]
        assert "key" not in mine["description"]

    def test_it_may_refuse_as_its_kind_says(self, things: Json) -> None:
        answers = {path: list(o["responses"]) for _, path, o in operations(things)}
        both = ["400", "500", "503"]
        secured = sorted([*both, "401", "403", "429"])
        assert answers["/things"] == sorted([*secured, "201", "409", "413", "415"])
        assert answers["/things/{thing_id}/{word}"] == sorted([*secured, "200", "404"])
        assert answers["/load"] == sorted([*both, "200", "202", "413", "415", "429"])
        assert answers["/look"] == sorted([*both, "200"])

    def test_limits_are_told_where_they_count(self, things: Json) -> None:
        secured = things["paths"]["/things"]["post"]["responses"]["201"]["headers"]
        open_to_all = things["paths"]["/load"]["post"]["responses"]["200"]["headers"]
        assert {"X-RateLimit-Limit", "RateLimit", "X-Request-ID"} <= secured.keys()
        assert "X-RateLimit-Limit" not in open_to_all
        too_many = things["components"]["responses"]["TooManyRequests"]["headers"]
        assert {"Retry-After", "X-RateLimit-Reset"} <= too_many.keys()

    def test_a_text_and_a_page_are_told_by_their_media_types(self, things: Json) -> None:
        loaded = things["paths"]["/load"]["post"]["requestBody"]["content"]
        assert list(loaded) == ["text/csv"]
        looked = things["paths"]["/look"]["get"]["responses"]["200"]["content"]
        assert looked == {"text/html": {"schema": {"type": "string"}}}


# Bodies of a sale: what changes, and whether it is valid.
BAD_COSTS: list[Any] = [-0.01, "-1", True, [], "12345678901"]
SALES: list[tuple[Json, bool]] = [
    ({}, True),
    ({"sell_price": None, "amount": 5}, True),
    ({"sell_price": None, "amount": "5.50"}, True),
    ({"sell_price": 5, "amount": "nonsense"}, True),
    ({"sell_price": None}, False),
    ({"sell_price": None, "amount": "nonsense"}, False),
    *(
        ({"sell_price": good}, True)
        for good in (1, 0.01, 9999999999.99, "0.01", "007.50", "+1", "1.500", " 1 ")
    ),
    *(
        ({"sell_price": bad}, False)
        for bad in (0, -1, 1e10, 0.001, "0", "0.00", "-1", "1.001", "1e3", "", "x")
    ),
    *(({"cost_price": good}, True) for good in (0, "0", "0.00", 1.25)),
    *(({"cost_price": bad}, False) for bad in BAD_COSTS),
    *(({"sale_id": good}, True) for good in ("x", " x ", "x" * 255, "\u00e9\U0001f600")),
    *(({"sale_id": bad}, False) for bad in ("", " ", "\n\t", "x" * 256, "a\0b", "\0", 7)),
    *(({"notes": good}, True) for good in ("", "  ", "two\nlines", "x" * 2000)),
    *(({"notes": bad}, False) for bad in ("x" * 2001, "\0", 7)),
    *(({"product_id": good}, True) for good in ("", "01890a5d-ac96-774b-bcce-b302099a8057")),
    *(({"product_id": bad}, False) for bad in ("x", 7)),
    *(({"currency": bad}, False) for bad in ("", "usd", "XXX")),
    *(({"occurred_at": good}, True) for good in ("2026-01-31T15:30:00Z", "2026-01-31T15:30:00.5+03:00")),
    *(({"occurred_at": bad}, False) for bad in ("", "yesterday", "2026-01-31", 1767225600)),
    ({"unknown": "field"}, True),
]


class TestTruth:
    @pytest.mark.parametrize(("changes", "is_valid"), SALES, ids=lambda given: str(given)[:40])
    def test_the_schema_of_a_sale_says_what_its_validation_does(
        self, document: Json, changes: Json, is_valid: bool
    ) -> None:
        body = sale(**changes)
        schema = {"$ref": "#/components/schemas/SaleEvent", "components": document["components"]}
        assert jsonschema_rs.is_valid(schema, body, validate_formats=True) is is_valid
        assert is_taken(body) is is_valid

    def test_null_is_as_good_as_nothing_where_a_field_is_optional(self, document: Json) -> None:
        body = {**sale(), "notes": None, "product_id": None, "cost_price": None}
        schema = {"$ref": "#/components/schemas/SaleEvent", "components": document["components"]}
        assert jsonschema_rs.is_valid(schema, body)
        assert is_taken(body)


def is_taken(body: Json) -> bool:
    try:
        check(SaleEvent, body)
    except Invalid:
        return False
    return True


class TestConformity:
    """The tests' own eye on every answer sees what it should."""

    @pytest.fixture(autouse=True)
    def described(self, monkeypatch: pytest.MonkeyPatch) -> None:
        small = conformity.Description(openapi.document([r for r in THINGS if r.path != "/mine"]))
        monkeypatch.setattr(conformity, "_published", lambda: small)

    def answered(self, *, drop: str = "", status: int = 200, **changes: Any) -> None:
        """Checks an answer to `GET /things/...`."""
        part = {"number": 1}
        thing = {"id": str(uuid4()), "price": "1.00", "kind": "big", "parts": [part], **changes}
        thing.pop(drop, None)
        headers = dict.fromkeys(("x-request-id", "x-api-version", *map(str.lower, rate_limit.HEADERS)), "1")
        headers.pop(drop, None)
        headers["content-type"] = "application/json"
        conformity.check("GET", f"/things/{uuid4()}/x", status, headers, json.dumps(thing))

    def test_an_answer_as_described_passes(self) -> None:
        self.answered()
        self.answered(note=None)

    @pytest.mark.parametrize(
        ("spoiled", "complaint"),
        [
            ({"status": 418}, "answered 418, its route describes only 200, 400"),
            ({"drop": "kind"}, '"kind" is a required property'),
            ({"drop": "x-request-id"}, "without the headers x-request-id"),
            ({"drop": "ratelimit"}, "without the headers ratelimit"),
            ({"price": "1"}, "['price']"),
            ({"kind": "huge"}, "['kind']"),
            ({"id": "7"}, "['id']"),
            ({"added": 1}, "the body"),
            ({"parts": [{"number": 1, "secret": 2}]}, "['parts'][0]"),
        ],
    )
    def test_an_answer_that_differs_is_told_where(self, spoiled: Json, complaint: str) -> None:
        with pytest.raises(conformity.NotAsDescribed, match=re.escape(complaint)) as told:
            self.answered(**spoiled)
        assert "test_openapi_show" in str(told.value)

    def test_another_media_type_is_told(self) -> None:
        headers = {"x-request-id": "1", "x-api-version": "1", "content-type": "text/plain"}
        with pytest.raises(conformity.NotAsDescribed, match="described is text/html"):
            conformity.check("GET", "/look", 200, headers, "")

    def test_what_no_route_has_is_not_judged(self) -> None:
        conformity.check("GET", "/nowhere", 418, {}, "")
        conformity.check("OPTIONS", "/look", 418, {}, "")


def spoiled(things: Json, place: str, change: Callable[[Any], object]) -> list[str]:
    """What the contract says when the part of the document at `place` is changed."""
    changed = copy.deepcopy(things)
    part: Any = changed
    for step in place.split(" "):
        part = part[int(step) if isinstance(part, list) else step]
    change(part)
    return contract.breaks(things, changed)


BODY = "components schemas NewThing"
REPLY = "components schemas Thing"
SHOW = "paths /things/{thing_id}/{word} get"


class TestContract:
    def test_nothing_that_others_rely_on_was_broken(self, document: Json) -> None:
        baseline = json.loads(openapi.BASELINE.read_text(encoding="ascii"))
        broken = contract.breaks(baseline, document)
        assert broken == [], "renew tests/contract/v1.json only if programs of others must break"

    @pytest.mark.parametrize(
        ("place", "change", "complaint"),
        [
            ("paths", lambda p: p.pop("/things"), "POST /things: is gone"),
            ("paths /things", lambda p: p.update(put=p.pop("post")), "POST /things: is gone"),
            ("paths /things post", lambda o: o.update(operationId="x"), "was called test_openapi_create"),
            ("paths /look get", lambda o: o.update({"x-least-role": "ingest"}), "more than the role anyone"),
            (f"{SHOW} security", lambda s: s.pop(0), "no longer takes a key"),
            (f"{SHOW} parameters", lambda p: p.pop(2), "query parameter color is gone"),
            (
                f"{SHOW} parameters 2",
                lambda p: p.update(required=True),
                "query parameter color is required now",
            ),
            (
                f"{SHOW} parameters",
                lambda p: p.append({"name": "new", "in": "query", "required": True, "schema": {}}),
                "query parameter new is required now",
            ),
            (f"{SHOW} parameters 2 schema anyOf 0 enum", lambda e: e.pop(), "color changes its values"),
            (f"{SHOW} parameters 3 schema", lambda s: s.update(maximum=8), "size changes its maximum"),
            (f"{SHOW} parameters 3 schema", lambda s: s.update(minimum=2), "size changes its minimum"),
            (f"{SHOW} parameters 0 schema", lambda s: s.update(type="integer"), "thing_id changes its type"),
            (f"{SHOW} responses", lambda r: r.pop("404"), "answers 404 no more"),
            (f"{SHOW} responses 200 headers", lambda h: h.pop("RateLimit"), "200 comes without RateLimit"),
            (f"{SHOW} responses 200 content", lambda c: c.clear(), "200: application/json is gone"),
            (
                "paths /look get",
                lambda o: o.update(requestBody={"required": True, "content": {}}),
                "needs a body now",
            ),
            ("paths /load post requestBody content", lambda c: c.clear(), "body: text/csv is gone"),
            (f"{BODY} required", lambda r: r.append("kind"), "body.kind is required now"),
            (f"{BODY} properties", lambda p: p.pop("kind"), "body.kind is gone"),
            (f"{BODY} properties name", lambda s: s.update(maxLength=9), "body.name changes its maxLength"),
            (f"{BODY} properties name", lambda s: s.update(pattern="^a"), "body.name changes its pattern"),
            (f"{BODY} properties name", lambda s: s.update(type="integer"), "body.name changes its type"),
            (f"{BODY} properties kind enum", lambda e: e.pop(), "body.kind changes its values"),
            (f"{BODY} properties kind", lambda s: s.update(default="small"), "body.kind changes its default"),
            (f"{BODY} properties price anyOf", lambda o: o.pop(), "body.price"),
            (f"{BODY} properties cost anyOf", lambda o: o.pop(), "body.cost"),
            (
                f"{BODY} properties tags items",
                lambda s: s.update(minLength=2),
                "body.tags[] changes its minLength",
            ),
            (f"{REPLY} properties", lambda p: p.pop("kind"), "201.kind is gone"),
            (f"{REPLY} required", lambda r: r.remove("kind"), "201.kind may be missing"),
            (f"{REPLY} properties kind enum", lambda e: e.append("huge"), "201.kind changes its values"),
            (f"{REPLY} properties kind", lambda s: s.pop("enum"), "201.kind changes its values"),
            (f"{REPLY} properties id", lambda s: s.pop("format"), "201.id changes its format"),
            (
                f"{REPLY} properties",
                lambda p: p.update(id={"anyOf": [p["id"], {"type": "null"}]}),
                "201.id changes its type",
            ),
            (
                "components schemas Part properties number",
                lambda s: s.update(type="number"),
                "201.parts[].number",
            ),
            ("components schemas Error properties", lambda p: p.pop("code"), "400.code is gone"),
            (
                "paths /load post responses 200 content application/json schema additionalProperties",
                lambda s: s.update(type="string"),
                "200[] changes its type",
            ),
        ],
    )
    def test_a_break_is_found(
        self, things: Json, place: str, change: Callable[[Any], object], complaint: str
    ) -> None:
        assert complaint in "\n".join(spoiled(things, place, change))

    @pytest.mark.parametrize(
        ("place", "change"),
        [
            ("info", lambda i: i.update(title="x")),
            ("paths", lambda p: p.update({"/new": p["/look"]})),
            ("paths /things post", lambda o: o.update(description="x")),
            ("paths /things post", lambda o: o.update({"x-least-role": "seller"})),
            ("paths /things post security", lambda s: s.append({"new": []})),
            ("paths /things post security", lambda s: s.clear()),
            (f"{SHOW} parameters", lambda p: p.append({"name": "new", "in": "query", "schema": {}})),
            (f"{SHOW} parameters 3", lambda p: p.update(required=False)),
            (f"{SHOW} parameters 3 schema", lambda s: s.update(maximum=99)),
            (f"{SHOW} responses", lambda r: r.update({"418": r["200"]})),
            (f"{BODY} properties", lambda p: p.update(new={"type": "string"})),
            (f"{BODY} required", lambda r: r.remove("name")),
            (f"{BODY} properties kind enum", lambda e: e.append("huge")),
            (f"{BODY} properties name", lambda s: s.update(maxLength=101)),
            (f"{BODY} properties name", lambda s: s.pop("pattern")),
            (f"{BODY} properties", lambda p: p.update(name={"anyOf": [p["name"], {"type": "null"}]})),
            (f"{REPLY} properties", lambda p: p.update(new={"type": "string"})),
            (f"{REPLY} required", lambda r: r.append("note")),
            (f"{REPLY} properties kind enum", lambda e: e.pop()),
            (f"{REPLY} properties note anyOf", lambda o: o.pop()),
        ],
    )
    def test_an_addition_is_none(self, things: Json, place: str, change: Callable[[Any], object]) -> None:
        assert spoiled(things, place, change) == []

    def test_renewing_the_baseline_refuses_a_break_unless_told_otherwise(
        self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        old = openapi.document()
        old["paths"]["/gone"] = old["paths"]["/health"]
        for name in ("SHIPPED", "BASELINE"):
            file = tmp_path / name
            file.write_text(openapi.written(old))
            monkeypatch.setattr(openapi, name, file)
        monkeypatch.setattr(openapi, "_ROOT", tmp_path)
        monkeypatch.setattr("sys.argv", ["openapi"])
        with pytest.raises(SystemExit, match="GET /gone: is gone"):
            openapi.main()
        for kept in (openapi.SHIPPED, openapi.BASELINE):
            assert "/gone" in kept.read_text()
        monkeypatch.setattr("sys.argv", ["openapi", "--break"])
        openapi.main()
        for renewed in (openapi.SHIPPED, openapi.BASELINE):
            assert "/gone" not in renewed.read_text()
        assert capsys.readouterr().out.split() == ["SHIPPED", "BASELINE"]


class Reader(HTMLParser):
    """What a page says of itself."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        assert not [name for name in given if name.startswith("on") or name == "style"]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if "href" in given else []


def shipped() -> Json:
    found: Json = json.loads(openapi.SHIPPED.read_text(encoding="ascii"))
    return found


class TestServed:
    def test_programs_get_the_document(self) -> None:
        answer = doors.http(handler, "GET", "/api/openapi.json")
        assert (answer.status, answer.json) == (200, shipped())
        assert answer.headers["cache-control"] == "public, max-age=300"

    def test_people_get_a_page_that_names_every_route(self) -> None:
        answer = doors.http(handler, "GET", "/api/docs")
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        for _, path, operation in operations(shipped()):
            assert f'id="{operation["operationId"]}"' in answer.raw
            assert f"<span>{path}</span>" in answer.raw
        assert "curl -X POST" in answer.raw

    def test_the_page_is_well_made_and_loads_nothing(self) -> None:
        answer = doors.http(handler, "GET", "/api/docs")
        page = Reader()
        page.feed(answer.raw)
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert not page.tags & {"script", "img", "link", "iframe", "form"}
        assert {"main", "nav", "header", "h1"} <= page.tags
        assert page.headings.count(1) == 1
        assert all(
            after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False)
        )
        assert len(page.ids) == len(set(page.ids))
        inside = {link.removeprefix("#") for link in page.links if link.startswith("#")}
        assert inside <= set(page.ids)
        assert [link for link in page.links if not link.startswith("#")] == ["/api/openapi.json"]

    def test_what_is_told_in_prose_cannot_become_markup(self, monkeypatch: pytest.MonkeyPatch) -> None:
        hostile = openapi.document()
        hostile["paths"]["/health"]["get"]["description"] = "`<b>` <script>alert(1)</script>\n\nFor anyone."
        monkeypatch.setattr(docs, "_document", lambda: hostile)
        page = docs._page.__wrapped__()
        assert "<script" not in page.html
        assert "<code>&lt;b&gt;</code> &lt;script&gt;" in page.html
