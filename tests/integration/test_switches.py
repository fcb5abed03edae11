"""Switches of a bad day, through the doors that they close: in effect within a minute, for nobody else, and
with nothing lost when they are off again."""

import json
import time
from collections.abc import Callable
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from functions.api import app as api
from functions.api import health
from functions.broadcaster import fanout
from functions.dashboard import app as dashboard
from functions.dashboard import words
from functions.ingestion import app as ingestion
from functions.maintenance.app import handler as maintenance
from functions.processor.app import handler as processor
from infra.operator import screen
from infra.operator.command import main
from tests import doors
from tests.crm import get, post, post_batch
from tests.doors import Answer, Sqs
from tests.factories import Company, Database, sale
from tests.floor import call, display
from tests.gateway import Gateway, joined
from tests.rooms import calm, listening, person, publish
from tests.visits import Visitor
from winroom import copy, db, switches
from winroom.messages import RoomChanged
from winroom.routes import Route
from winroom.settings import settings

Turn = Callable[..., None]
Wait = Callable[[], None]

CSV = b"sale_id,occurred_at,customer_name,sell_price,seller_external_id\nI-1,2026-01-01T00:00:00Z,A,1,a\n"
MANUAL = {"external_event_id": "manual-1", "customer_name": "Ada", "sell_price": "10.00", "currency": "USD"}


@pytest.fixture
def turn(database: Database) -> Turn:
    """Throws a switch, or takes it back, as the operator does."""

    def turned(name: switches.ForAll | switches.ForOne, one: object = None, *, on: bool = True) -> None:
        with database.operator() as conn:
            assert switches.turn(conn, name, one, on=on, by="test", reason=None)  # type: ignore[arg-type]

    return turned


@pytest.fixture
def a_minute_later(monkeypatch: pytest.MonkeyPatch) -> Wait:
    """Passes a minute, for what processes remember."""

    def passed() -> None:
        now = time.time() + 61
        monkeypatch.setattr(time, "time", lambda: now)

    return passed


@pytest.fixture
def lose_the_database(environment: pytest.MonkeyPatch) -> Callable[[], None]:
    """The database goes away; what the process remembers it keeps."""

    def lost() -> None:
        db.close()
        environment.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nowhere")
        settings.cache_clear()

    return lost


def assert_paused(answer: Answer, says: str) -> None:
    assert (answer.status, answer.headers["retry-after"]) == (503, "300"), answer.raw
    assert (answer.json["code"], answer.json["error"]) == ("paused", says)


def api_key_id(company: Company, scope: str = "ingest") -> object:
    return company.rows("select api_key_id from wr.api_keys where scope = %s", scope)[0]["api_key_id"]


def enter(company: Company, **more: str) -> Answer:
    body = {**MANUAL, "occurred_at": "2026-01-02T03:04:05Z", "seller_external_id": "anna", **more}
    return call(company, "POST", "/api/sales", body)


def bring(company: Company) -> Answer:
    return call(company, "POST", "/api/imports", CSV, headers={"Content-Type": "text/csv"})


class TestIngestion:
    INTAKES: tuple[Callable[[Company], Answer], ...] = (
        lambda company: post(company, sale(sale_id="S-1", occurred_at="2026-01-02T03:04:05Z")),
        lambda company: post_batch(company, sale(sale_id="S-1"), sale(sale_id="S-2")),
        enter,
        bring,
    )

    @pytest.mark.parametrize("take", INTAKES, ids=("event", "batch", "manual", "import"))
    def test_nothing_comes_in_by_any_way_and_all_else_goes_on(
        self, company: Company, queues: Sqs, turn: Turn, take: Callable[[Company], Answer]
    ) -> None:
        turn("pause_ingestion")
        assert_paused(take(company), copy.INGESTION_PAUSED)
        assert (
            company.count("sales_events") == company.count("imports") == company.count("api_audit_log") == 0
        )
        assert queues.sent == []
        assert get(company, "/api/events").status == 200
        assert call(company, "GET", "/api/queue").status == 200

    def test_what_was_refused_is_accepted_when_it_is_sent_again_and_counts_once(
        self, company: Company, queues: Sqs, turn: Turn, a_minute_later: Wait
    ) -> None:
        body = sale()
        turn("pause_ingestion")
        assert_paused(post(company, body), copy.INGESTION_PAUSED)
        turn("pause_ingestion", on=False)
        # For a minute a process may still refuse.
        assert_paused(post(company, body), copy.INGESTION_PAUSED)
        a_minute_later()
        assert [post(company, body).json["duplicate"] for _ in range(2)] == [False, True]
        doors.sqs(processor, queues.take("sales-events"))
        assert company.count("queue") == 1

    def test_a_process_that_knows_its_callers_learns_of_it_within_a_minute(
        self, company: Company, queues: Sqs, turn: Turn, a_minute_later: Wait
    ) -> None:
        assert post(company, sale()).status == 202
        turn("pause_ingestion")
        a_minute_later()
        assert_paused(post(company, sale()), copy.INGESTION_PAUSED)

    def test_it_holds_while_the_database_is_away(
        self, company: Company, queues: Sqs, turn: Turn, lose_the_database: Wait
    ) -> None:
        turn("pause_ingestion")
        assert_paused(post(company, sale()), copy.INGESTION_PAUSED)
        lose_the_database()
        began = time.perf_counter()
        assert_paused(post(company, sale()), copy.INGESTION_PAUSED)
        # From memory: whoever pauses may do so because the database is in trouble.
        assert time.perf_counter() - began < 0.5

    def test_forms_say_so_before_they_are_filled_in_and_keep_what_was(
        self, company: Company, queues: Sqs, turn: Turn
    ) -> None:
        boss = Visitor.of(company)
        assert words.SALES_PAUSED not in boss.shown("/sales/new") + boss.shown("/imports")
        turn("pause_ingestion")
        boss = Visitor.of(company)
        assert words.SALES_PAUSED in boss.shown("/sales/new")
        assert words.SALES_PAUSED in boss.shown("/imports")
        page = boss.refused(503, "/sales/new", customer_name="Grace Hopper", sell_price="12.00")
        assert copy.INGESTION_PAUSED in page
        assert 'value="Grace Hopper"' in page
        assert boss.upload("/imports", CSV.decode()).status == 503
        assert company.count("sales_events") == company.count("imports") == 0


class TestOneCompany:
    def test_no_route_is_open_to_it(self, company: Company, turn: Turn) -> None:
        turn("pause_tenant", company.tenant_id)
        token = company.person("admin")[1]
        visitor = Visitor(token)
        for route in [*ingestion.ROUTES, *api.ROUTES]:
            if route.role is not None:
                door = ingestion.handler if route in ingestion.ROUTES else api.handler
                answer = doors.http(door, route.method, somewhere(route), {}, key=token)
                assert_paused(answer, copy.COMPANY_PAUSED)
        for route in dashboard.ROUTES:
            if route.is_personal:
                path = somewhere(route)
                answer = visitor.get(path) if route.method == "GET" else visitor.post(path)
                assert (answer.status, answer.headers["retry-after"]) == (503, "300")
                assert f"<h1>{words.PAUSED}</h1>" in answer.raw
                assert copy.COMPANY_PAUSED in answer.raw
                assert company.slug.title() not in answer.raw

    def test_its_keys_its_screens_and_its_people_are_shut_out_and_another_company_is_not(
        self, company: Company, rival: Company, queues: Sqs, turn: Turn
    ) -> None:
        turn("pause_tenant", company.tenant_id)
        assert_paused(post(company, sale()), copy.COMPANY_PAUSED)
        assert_paused(call(company, "GET", "/api/queue"), copy.COMPANY_PAUSED)
        wall = display(company)
        assert_paused(call(company, "GET", "/api/leaderboard", key=wall), copy.COMPANY_PAUSED)
        assert_paused(call(company, "POST", "/api/realtime/ticket", key=wall), copy.COMPANY_PAUSED)
        screen = doors.http(dashboard.handler, "GET", f"/wall/{wall}")
        assert screen.status == 503
        # Nobody stands before it to reload it.
        assert 'http-equiv="refresh"' in screen.raw
        assert post(rival, sale()).status == 202
        assert call(rival, "GET", "/api/queue").status == 200
        assert Visitor.of(rival).get("/queue").status == 200

    @pytest.mark.usefixtures("quick_passwords")
    def test_only_who_knows_a_password_learns_of_it_at_the_login(
        self, company: Company, turn: Turn, a_minute_later: Wait
    ) -> None:
        person(company)
        login = {"tenant": company.slug, "email": "a@b.example", "password": "secret"}
        turn("pause_tenant", company.tenant_id)
        assert_paused(doors.http(api.handler, "POST", "/api/session", login), copy.COMPANY_PAUSED)
        wrong = {**login, "password": "another"}
        assert doors.http(api.handler, "POST", "/api/session", wrong).status == 401
        form = doors.http(
            dashboard.handler,
            "POST",
            "/login",
            urlencode(login).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert (form.status, form.cookies) == (503, [])
        assert copy.COMPANY_PAUSED in form.raw
        turn("pause_tenant", company.tenant_id, on=False)
        a_minute_later()
        assert doors.http(api.handler, "POST", "/api/session", login).status == 201

    def test_what_was_accepted_before_is_processed_and_what_was_refused_is_accepted_afterwards(
        self, company: Company, queues: Sqs, turn: Turn, a_minute_later: Wait
    ) -> None:
        body = sale()
        assert post(company, sale()).status == 202
        turn("pause_tenant", company.tenant_id)
        a_minute_later()
        assert_paused(post(company, body), copy.COMPANY_PAUSED)
        doors.sqs(processor, queues.take("sales-events"))
        assert company.count("queue") == 1
        turn("pause_tenant", company.tenant_id, on=False)
        a_minute_later()
        assert [post(company, body).json["duplicate"] for _ in range(2)] == [False, True]
        doors.sqs(processor, queues.take("sales-events"))
        assert company.count("queue") == 2

    def test_its_sockets_are_closed_with_the_next_sweep_and_nobody_elses(
        self, company: Company, rival: Company, gateway: Gateway, queues: Sqs, turn: Turn
    ) -> None:
        user_id = person(company)
        ours = [joined(gateway, company), joined(gateway, company, user_id=user_id, token_version=0)]
        theirs = joined(gateway, rival)
        sweep()
        assert gateway.closed == []
        turn("pause_tenant", company.tenant_id)
        sweep()
        assert set(gateway.closed) == {client.id for client in ours}
        assert listening(company) == {}
        assert listening(rival) == {theirs.id: True}

    def test_nothing_of_its_switches_outlives_it(
        self, company: Company, rival: Company, database: Database, turn: Turn
    ) -> None:
        for one in (company, rival):
            turn("pause_tenant", one.tenant_id)
            turn("pause_key", api_key_id(one))
        database.execute("delete from wr.tenants where tenant_id = %s", company.tenant_id)
        left = {row["name"] for row in database.execute("select name from wr.switches")}
        assert left == {f"pause_tenant:{rival.tenant_id}", f"pause_key:{api_key_id(rival)}"}


class TestOneKey:
    def test_it_is_refused_everywhere_and_the_companys_others_are_not(
        self, company: Company, queues: Sqs, turn: Turn
    ) -> None:
        turn("pause_key", api_key_id(company))
        assert_paused(post(company, sale()), copy.KEY_PAUSED)
        assert_paused(get(company, "/api/events"), copy.KEY_PAUSED)
        assert call(company, "GET", "/api/queue").status == 200
        assert enter(company).status == 202
        assert Visitor.of(company).get("/queue").status == 200

    def test_only_its_sockets_are_closed(
        self, company: Company, gateway: Gateway, queues: Sqs, turn: Turn
    ) -> None:
        its = joined(gateway, company)
        another = joined(gateway, company, user_id=person(company), token_version=0)
        turn("pause_key", api_key_id(company, "full"))
        sweep()
        assert gateway.closed == [its.id]
        assert listening(company) == {another.id: True}


class TestFanOut:
    def test_nobody_is_told_anything_until_it_goes_on_and_then_everything_once(
        self, company: Company, gateway: Gateway, queues: Sqs, turn: Turn, a_minute_later: Wait
    ) -> None:
        calm(company)
        client = joined(gateway, company)
        turn("pause_fan_out")
        publish(company, 2)
        a_minute_later()
        assert wake(company) == []
        assert client.told() == []
        # Whoever asks is answered, and learns that nobody tells.
        assert client.say({"action": "ping"}) == [{"v": 1, "type": "pong", "seq": 2, "paused": True}]
        missed, pong = client.say({"action": "resume", "after": 1})
        assert (missed["seq"], pong["paused"]) == (2, True)
        turn("pause_fan_out", on=False)
        a_minute_later()
        company.database.execute("update wr.events set created_at = now() - interval '11 seconds'")
        sweep()
        assert doors.sqs(fanout.handler, queues.take("room.fifo")) == []
        told = [m for frame in client.told() for m in frame.get("messages", [frame]) if "seq" in m]
        assert [message["seq"] for message in told] == [1, 2]
        assert client.say({"action": "ping"}) == [{"v": 1, "type": "pong", "seq": 2}]

    def test_it_holds_while_the_database_is_away(
        self, company: Company, gateway: Gateway, turn: Turn, a_minute_later: Wait, lose_the_database: Wait
    ) -> None:
        turn("pause_fan_out")
        assert wake(company) == []
        lose_the_database()
        a_minute_later()
        assert wake(company) == []

    def test_a_heartbeat_brings_the_news_of_it_at_once_and_health_tells_it(
        self, company: Company, gateway: Gateway, queues: Sqs, turn: Turn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = joined(gateway, company)
        company.database.execute("update wr.heartbeats set beat_at = now()")
        monkeypatch.setattr(health, "_last", None)
        assert doors.http(api.handler, "GET", "/api/health").json["paused"] == []
        wake(company)
        client.told()
        turn("pause_fan_out")
        sweep()
        publish(company)
        assert doors.sqs(fanout.handler, [*queues.take("room.fifo"), woken(company)]) == []
        assert client.told() == []
        monkeypatch.setattr(health, "_last", None)
        told = doors.http(api.handler, "GET", "/api/health")
        # All parts are well: somebody wants it like this.
        assert (told.status, told.json["status"]) == (200, "healthy")
        assert told.json["paused"] == ["pause_fan_out"]


class TestCommand:
    @pytest.fixture
    def winroom(self, environment: pytest.MonkeyPatch, database: Database) -> Callable[..., Result]:
        environment.setenv("OPERATOR_DATABASE_URL", database.url_of("operator"))
        environment.setattr(screen, "is_answered", lambda: True)
        return lambda *arguments, **more: CliRunner().invoke(main, ["switch", *arguments], **more)

    def test_it_asks_first_and_says_what_stops(
        self, winroom: Callable[..., Result], company: Company, queues: Sqs
    ) -> None:
        arguments = ("on", "pause_tenant", "--tenant", "acme", "--reason", "[b]loops[/b]", "--by", "ada")
        refused = winroom(*arguments, input="n\n")
        assert refused.exit_code == 1
        assert "The company acme is shut out" in refused.output
        assert post(company, sale()).status == 202
        done = winroom(*arguments, input="y\n")
        assert done.exit_code == 0
        assert "pause_tenant is on. It takes effect everywhere within a minute." in done.output
        (row,) = [row for row in json.loads(winroom("list", "--json").output) if row["is_on"]]
        assert row.pop("changed_at").endswith("Z")
        assert row == {
            "name": "pause_tenant",
            "tenant": "acme",
            "key": None,
            "is_on": True,
            "reason": "[b]loops[/b]",
            "changed_by": "ada",
        }
        shown = winroom("list").output
        assert "[b]loops[/b]" in shown
        assert "pause_ingestion" in shown

    def test_it_is_off_again_and_what_stands_like_that_already_is_said(
        self, winroom: Callable[..., Result], database: Database
    ) -> None:
        assert "was not on" in winroom("off", "pause_fan_out").output
        assert database.execute("select from wr.switches") == []
        assert json.loads(winroom("on", "pause_fan_out", "--yes", "--json").output) == {
            "name": "pause_fan_out",
            "for": None,
            "is_on": True,
            "is_changed": True,
        }
        again = winroom("on", "pause_fan_out", "--yes", "--by", "somebody else")
        assert (again.exit_code, "is on already" in again.output) == (0, True)
        (row,) = database.execute("select value, changed_by from wr.switches")
        assert row["changed_by"] != "somebody else"
        assert "pause_fan_out is off." in winroom("off", "pause_fan_out").output
        assert database.execute("select value from wr.switches") == [{"value": False}]

    def test_a_key_is_found_by_its_id_and_by_how_it_begins_and_is_never_repeated(
        self, winroom: Callable[..., Result], company: Company
    ) -> None:
        for given in (company.ingest_key, company.ingest_key[:16], str(api_key_id(company))):
            done = winroom("on", "pause_key", "--key", given, "--yes", "--json")
            assert json.loads(done.output)["for"] == 'The key "CRM" of acme'
        assert post(company, sale()).status == 503
        refused = winroom("on", "pause_key", "--key", "wr_live_" + "x" * 32, "--yes")
        assert (refused.exit_code, "no such key" in refused.output) == (1, True)
        assert "xxx" not in refused.output

    @pytest.mark.parametrize(
        ("arguments", "code", "says"),
        [
            (("on", "pause_everything"), 2, "'pause_ingestion', 'pause_sign_up', 'pause_fan_out'"),
            (("on", "pause_tenant", "--yes"), 2, "pause_tenant needs --tenant"),
            (("off", "pause_key"), 2, "pause_key needs --key"),
            (("on", "pause_ingestion", "--tenant", "acme", "--yes"), 2, "takes no --tenant"),
            (("on", "pause_tenant", "--tenant", "nobody", "--yes"), 1, "no company nobody"),
        ],
    )
    def test_what_is_not_typed_right_is_told(
        self,
        winroom: Callable[..., Result],
        company: Company,
        arguments: tuple[str, ...],
        code: int,
        says: str,
    ) -> None:
        refused = winroom(*arguments)
        assert refused.exit_code == code
        assert says in " ".join(refused.output.split())
        assert company.database.execute("select from wr.switches") == []


def somewhere(route: Route) -> str:
    """An address of the route, whatever its ids name."""
    return route.path.format(**{name: uuid4() for name in route.takes if f"{{{name}}}" in route.path})


def sweep() -> None:
    maintenance({"job": "sweep"}, doors.context())


def woken(company: Company) -> str:
    return RoomChanged(company.tenant_id, 1).body()


def wake(company: Company) -> list[int]:
    return doors.sqs(fanout.handler, [woken(company)])
