"""Retention, with a clock that moves: what is over goes in bounded batches and is still found; nothing that
somebody needs goes; and what was archived returns when it is needed once more."""

import json
import random
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
import pytest
from hypothesis import Phase, given
from hypothesis import settings as how
from hypothesis import strategies as st
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from functions.api.app import handler as api
from functions.broadcaster import fanout
from functions.dead_letters.app import handler as dead_letters
from functions.ingestion.app import handler as ingestion
from functions.maintenance import app as maintenance
from functions.processor.app import handler as processor
from tests import clock, crm, doors, floor, rooms
from tests.doors import Answer, Sqs
from tests.factories import Company, Database, sale
from tests.floor import ALIKE, call, claim, enqueue, exclude, release, restore
from tests.gateway import Client, Gateway, joined, ticket
from tests.visits import Visitor
from winroom import board, db, health, ids, retention, room, schema
from winroom.db import Connection
from winroom.messages import SaleEventReceived
from winroom.retention import KINDS, Kind

Rows = dict[Any, dict[str, Any]]
State = dict[str, Rows]

# The tables that retention touches, by what it calls their rows; and where it archives them.
TABLES: dict[Kind, str] = {
    "queue_items": "queue",
    "sales_events": "sales_events",
    "room_messages": "events",
    "audit_rows": "api_audit_log",
    "rate_counters": "rate_counters",
    "cached_values": "cache_kv",
    "heartbeats": "heartbeats",
}
ARCHIVES = {"queue": "queue_archive", "sales_events": "sales_events_archive"}


def retain() -> None:
    maintenance.handler({"job": "retention"}, doors.context())


def pass_days(company: Company, days: int) -> None:
    """So many days later, after the night's run."""
    clock.pass_days(company.database, days)
    retain()


def sell(company: Company, queues: Sqs, **changes: Any) -> dict[str, Any]:
    """A sale that waits in the queue."""
    return enqueue(company, queues, sale(**changes))[0]


def sell_and_claim(company: Company, queues: Sqs, number: int = 1, **changes: Any) -> list[dict[str, Any]]:
    """Sales that somebody claimed, the newest first."""
    items = enqueue(company, queues, *(sale(**changes) for _ in range(number)))
    assert {claim(company, item).status for item in items} == {200}
    return items


def places(company: Company) -> tuple[int, int, int, int]:
    """How many items there are in the queue and in its archive, and how many events."""
    tables = ("queue", "queue_archive", "sales_events", "sales_events_archive")
    items, archived, events, archived_events = (company.count(table) for table in tables)
    return items, archived, events, archived_events


def state_of(database: Database, tables: Collection[str] = ()) -> State:
    """Every row of these tables, or of all, by its key; when something was archived does not matter."""
    with database.operator() as conn:
        known = {table: key for table, key in keys(conn).items() if not tables or table in tables}
        with conn.pipeline():
            cursors = {table: conn.execute(all_of(table)) for table in known}
        return {
            table: {
                tuple(str(row[column]) for column in key): without_archived_at(row)
                for row in cursors[table].fetchall()
            }
            for table, key in known.items()
        }


def keys(conn: Connection) -> dict[str, list[str]]:
    """The columns of each table's primary key."""
    rows = conn.execute(
        "select relname, (select array_agg(attname::text order by attname) from pg_attribute"
        "  where attrelid = indrelid and attnum = any(indkey)) as key"
        " from pg_class join pg_index on indrelid = pg_class.oid and indisprimary"
        " where relnamespace = 'wr'::regnamespace and relname <> 'migrations'"
    )
    return {row["relname"]: row["key"] for row in rows}


def all_of(table: str) -> sql.Composed:
    return sql.SQL("select * from {}").format(sql.Identifier("wr", table))


def without_archived_at(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "archived_at"}


class TestWhatGoes:
    def test_a_claimed_sale_goes_after_30_days_and_its_event_after_90(
        self, company: Company, queues: Sqs
    ) -> None:
        body = sale()
        (item,) = enqueue(company, queues, body)
        claim(company, item)
        sell_and_claim(company, queues)
        event_id = crm.post(company, body).json["eventId"]
        assert crm.post(company, {**body, "sell_price": "1.00"}).status == 409
        # What contradicts it is kept, failed for ever: an event more.
        for days, expected in (
            (29, (2, 0, 3, 0)),
            (2, (0, 2, 3, 0)),
            (58, (0, 2, 3, 0)),
            (2, (0, 2, 1, 2)),
            (309, (0, 2, 1, 2)),
        ):
            pass_days(company, days)
            assert places(company) == expected
            # Whenever it comes again, it is the sale that it was, and none besides.
            again = crm.post(company, body).json
            assert again == {**again, "eventId": event_id, "duplicate": True, "status": "processed"}
            assert crm.post(company, {**body, "sell_price": "1.00"}).status == 409
            assert crm.get(company, f"/api/events/{event_id}").json["event"]["queue_id"] == item["id"]
        assert queues.take("sales-events") == []

    def test_what_waits_for_somebody_stays(self, company: Company, queues: Sqs) -> None:
        enqueue(company, queues, sale(sale_id="a", **ALIKE), sale(sale_id="suspected", **ALIKE))
        set_aside = sell(company, queues)
        exclude(company, set_aside)
        claim(company, sell(company, queues, sale_id="released"))
        floor.release(company, self.item(company, "released"))
        company.set(claim_approval=True)
        claim(company, sell(company, queues, sale_id="unapproved"))
        claimed = claim(company, sell(company, queues, sale_id="rejected")).json["claim"]
        floor.reject(company, claimed)
        before = state_of(company.database)["queue"]
        pass_days(company, 400)
        assert places(company)[:2] == (6, 0)
        assert state_of(company.database)["queue"].keys() == before.keys()

    def test_what_is_not_processed_stays(self, company: Company, queues: Sqs) -> None:
        body = sale(sale_id="a")
        enqueue(company, queues, body, sale(product_sku="GONE"))
        crm.post(company, {**body, "sell_price": 1})
        crm.post(company, sale())
        pass_days(company, 400)
        left = company.rows("select status, failure from wr.sales_events order by event_id")
        assert [(row["status"], row["failure"]) for row in left] == [
            ("failed", "unknown_product"),
            ("failed", "conflict"),
            ("pending", None),
        ]
        # A decision is not forgotten either.
        company.database.execute(
            "update wr.sales_events_dlq set resolved_at = now(), resolution = 'discarded'"
        )
        pass_days(company, 400)
        assert (company.count("sales_events"), company.count("sales_events_dlq")) == (3, 2)

    def test_an_item_stays_for_30_days_after_its_approval(self, company: Company, queues: Sqs) -> None:
        company.set(claim_approval=True)
        claimed = claim(company, sell(company, queues)).json["claim"]
        pass_days(company, 40)
        floor.approve(company, claimed)
        pass_days(company, 29)
        assert places(company)[:2] == (1, 0)
        pass_days(company, 2)
        assert places(company)[:2] == (0, 1)

    def test_an_event_that_was_processed_late_stays_for_90_days_from_then(
        self, company: Company, queues: Sqs
    ) -> None:
        enqueue(company, queues, sale(product_sku="DESK"))
        pass_days(company, 80)
        call(company, "POST", "/api/products", {"name": "Desk", "sku": "DESK"})
        admin = company.person("admin")[1]
        assert call(company, "POST", "/api/failed-events/replay", {}, key=admin).status == 200
        doors.sqs(processor, queues.take("sales-events"))
        pass_days(company, 89)
        assert places(company)[2:] == (1, 0)
        pass_days(company, 2)
        assert places(company)[2:] == (0, 1)

    def test_a_late_message_of_an_archived_event_is_no_lost_sale(self, company: Company, queues: Sqs) -> None:
        sell_and_claim(company, queues)
        (event,) = company.rows("select event_id from wr.sales_events")
        pass_days(company, 91)
        assert places(company) == (0, 1, 0, 1)
        for event_id, lost in ((event["event_id"], 0), (ids.new(), 1)):
            late = SaleEventReceived(event_id, company.tenant_id, datetime.now(UTC))
            assert doors.sqs(dead_letters, [late.body()]) == []
            assert company.count("sales_events_dlq") == lost

    def test_an_event_on_which_somebody_has_to_decide_stays(self, company: Company, queues: Sqs) -> None:
        sell(company, queues)
        company.database.execute(
            "insert into wr.sales_events_dlq (tenant_id, event_id, failure_reason, payload)"
            " select tenant_id, event_id, 'lost', '{}' from wr.sales_events"
        )
        pass_days(company, 91)
        assert places(company)[2:] == (1, 0)
        company.database.execute(
            "update wr.sales_events_dlq set resolved_at = now(), resolution = 'discarded'"
        )
        retain()
        assert places(company)[2:] == (0, 1)

    def test_the_log_of_requests_and_what_rooms_were_told_go_after_90_days(
        self, company: Company, queues: Sqs
    ) -> None:
        sell(company, queues)
        told, asked = company.count("events"), company.count("api_audit_log")
        assert told == 1
        assert asked > 0
        pass_days(company, 89)
        assert (company.count("events"), company.count("api_audit_log")) == (told, asked)
        pass_days(company, 2)
        assert (company.count("events"), company.count("api_audit_log")) == (0, 0)

    def test_counters_go_after_hours(self, company: Company, queues: Sqs) -> None:
        call(company, "GET", "/api/queue")
        for hours, left in ((1, 1), (3, 0)):
            company.database.execute(
                "update wr.rate_counters set minute = now() - make_interval(hours => %s)", hours
            )
            retain()
            assert company.count("rate_counters") == left
        assert call(company, "GET", "/api/queue").status == 200

    def test_what_was_computed_goes_when_it_is_too_old_to_be_used(self, company: Company) -> None:
        call(company, "GET", "/api/leaderboard")
        retain()
        assert company.count("cache_kv") == 1
        pass_days(company, 1)
        assert company.count("cache_kv") == 0
        assert call(company, "GET", "/api/leaderboard").status == 200

    def test_hearts_of_parts_that_are_no_more_go(self, company: Company) -> None:
        company.database.execute("insert into wr.heartbeats (component) values ('bygone')")
        clock.pass_days(company.database, 2)
        with db.open_session() as conn:
            health.beat(conn, "processor")
        retain()
        left = company.database.execute("select component from wr.heartbeats")
        assert [row["component"] for row in left] == ["processor"]
        with db.open_session() as conn:
            services = health.services(conn)
        assert (services["processor"], services["socket"]) == ("healthy", "unhealthy")

    def test_nothing_else_goes(self, company: Company, rival: Company, queues: Sqs) -> None:
        for each in (company, rival):
            sell_and_claim(each, queues, 3)
            sell(each, queues)
            enqueue(each, queues, sale(product_sku="GONE"))
            each.person("seller", "anna")
        clock.pass_days(company.database, 400)
        before = state_of(company.database)
        retain()
        after = state_of(company.database)
        touched = {*TABLES.values(), *ARCHIVES.values()}
        assert {t: rows for t, rows in after.items() if t not in touched} == {
            t: rows for t, rows in before.items() if t not in touched
        }
        for live, archive in ARCHIVES.items():
            assert before[live] | before[archive] == after[live] | after[archive]
            assert len(after[archive]) == {"queue": 6, "sales_events": 8}[live]

    @staticmethod
    def item(company: Company, sale_id: str) -> dict[str, Any]:
        (row,) = company.rows("select queue_id as id from wr.queue where sale_id = %s", sale_id)
        return dict(row)


class TestFoundAsBefore:
    QUESTIONS = (
        "/api/events/{event_id}",
        "/api/queue/{id}",
        "/api/queue?status=claimed",
        "/api/queue?status=claimed&seller=anna",
        "/api/queue?status=claimed&product={product_id}",
        "/api/queue?status=claimed&q=ada",
        "/api/queue?status=claimed&q=sale-x",
        "/api/claims",
        "/api/claims/{claim_id}",
        "/api/leaderboard?period=all",
    )

    def test_an_archived_sale_is_shown_as_it_was(self, company: Company, queues: Sqs) -> None:
        product = call(company, "POST", "/api/products", {"name": "Desk", "sku": "DESK"}).json
        told = {"customer_name": "Ada Lovelace", "notes": "Call back", "category": "Office", "cost_price": 40}
        body = sale(sale_id="sale-x", external_event_id="evt-x", product_sku="DESK", **told)
        event_id = crm.post(company, body).json["eventId"]
        (item,) = enqueue(company, queues)
        claimed = claim(company, item).json["claim"]
        clock.pass_days(company.database, 91)
        ids = {"event_id": event_id, "id": item["id"], "product_id": product["id"], "claim_id": claimed["id"]}

        def answers() -> dict[str, Any]:
            found = {q: self.ask(company, q.format(**ids)) for q in self.QUESTIONS}
            found["events"] = crm.get(company, "/api/events").json
            found["processed"] = crm.get(company, "/api/events?status=processed").json
            found["since"] = crm.get(company, "/api/events?since=2020-01-01T00:00:00Z").json
            found["failed"] = crm.get(company, "/api/events?status=failed").json
            return found

        before = answers()
        assert [len(before[q]["queue"]) for q in self.QUESTIONS[2:7]] == [1] * 5
        retain()
        assert places(company) == (0, 1, 0, 1)
        assert answers() == before

    def test_people_find_it_by_its_sale(self, company: Company, queues: Sqs) -> None:
        (item,) = sell_and_claim(company, queues, sale_id="sale-x", customer_name="Ada")
        pass_days(company, 91)
        visitor = Visitor.of(company, "manager")
        assert visitor.get("/sale/sale-x").headers["location"] == f"/queue/{item['id']}"
        page = visitor.shown(f"/queue/{item['id']}")
        assert "Ada" in page
        assert "not kept" in page
        assert "Ada" in visitor.shown("/claims?state=approved&seller=anna")

    def test_pages_go_on_into_the_archive(self, company: Company, queues: Sqs) -> None:
        for days in (20, 20, 80):
            sell_and_claim(company, queues, 3, occurred_at="2026-01-01T00:00:00Z")
            enqueue(company, queues, sale(product_sku="GONE"))
            clock.pass_days(company.database, days)
        everything = {
            path: self.walked(company, path, 100)
            for path in ("/api/events", "/api/events?status=processed", "/api/queue?status=claimed")
        }
        retain()
        assert places(company) == (0, 9, 6, 6)
        for path, whole in everything.items():
            assert len(whole) == len(set(whole)) >= 9
            assert self.walked(company, path, 2) == whole
            assert self.walked(company, path, 100) == whole

    def test_a_page_goes_on_after_an_item_that_was_archived_meanwhile(
        self, company: Company, queues: Sqs
    ) -> None:
        sell_and_claim(company, queues, 4)
        whole = self.walked(company, "/api/queue?status=claimed", 100)
        pass_days(company, 31)
        rest = call(company, "GET", f"/api/queue?status=claimed&cursor={whole[1]}").json["queue"]
        assert [item["id"] for item in rest] == whole[2:]

    def test_a_sale_that_looks_like_an_archived_one_is_suspected(self, company: Company, queues: Sqs) -> None:
        claim(company, sell(company, queues, sale_id="first", **ALIKE))
        pass_days(company, 400)
        enqueue(company, queues, sale(sale_id="second", **ALIKE))
        (suspected,) = floor.excluded(company)
        assert (suspected["sale_id"], suspected["suspected_duplicate_of"]) == ("second", "first")
        # One that is unlike is not, and one that is new has none in the archive that looks like it.
        assert sell(company, queues, sale_id="unlike")["sale_id"] == "unlike"
        now = datetime.now(UTC).isoformat()
        assert sell(company, queues, sale_id="third", **{**ALIKE, "occurred_at": now})["sale_id"] == "third"

    def test_a_contradiction_shows_what_it_contradicts(self, company: Company, queues: Sqs) -> None:
        body = sale(sell_price="100.00")
        enqueue(company, queues, body)
        pass_days(company, 91)
        crm.post(company, {**body, "sell_price": "120.00"})
        admin = company.person("admin")[1]
        (listed,) = call(company, "GET", "/api/failed-events", key=admin).json["failed_events"]
        shown = call(company, "GET", f"/api/failed-events/{listed['id']}", key=admin).json
        assert shown["differences"] == [{"field": "sell_price", "existing": "100.00", "proposed": "120.00"}]

    def test_its_claim_is_what_it_was_for_whoever_claims_it_again(
        self, company: Company, queues: Sqs
    ) -> None:
        item = sell(company, queues)
        claimed = claim(company, item).json["claim"]
        company.database.seller(company, "ben")
        clock.pass_days(company.database, 31)
        claimed = call(company, "GET", f"/api/claims/{claimed['id']}").json
        retain()
        assert claim(company, item).json["claim"] == claimed
        refused = claim(company, item, "ben")
        assert (refused.status, "already claimed by anna" in refused.json["error"]) == (409, True)
        assert floor.approve(company, claimed).status == 409
        assert places(company)[:2] == (0, 1)

    @staticmethod
    def ask(company: Company, path: str) -> Any:
        answer = call(company, "GET", path) if "events" not in path else crm.get(company, path)
        assert answer.status == 200, answer.raw
        return {n: v for n, v in answer.json.items() if n not in ("history", "generated_at", "cached")}

    @staticmethod
    def walked(company: Company, path: str, limit: int) -> list[str]:
        found: list[str] = []
        cursor = ""
        while True:
            sign = "&" if "?" in path else "?"
            page = doors.http(
                ingestion if "events" in path else api,
                "GET",
                f"{path}{sign}limit={limit}{cursor}",
                key=company.full_key,
            ).json
            rows = page.get("events", page.get("queue"))
            found += [row.get("event_id") or row["id"] for row in rows]
            if page["nextCursor"] is None:
                return found
            cursor = f"&cursor={page['nextCursor']}"


class TestTakenBack:
    def test_an_archived_sale_whose_claim_is_released_waits_again(
        self, company: Company, queues: Sqs
    ) -> None:
        (item,) = sell_and_claim(company, queues)
        pass_days(company, 400)
        answer = release(company, item)
        assert (answer.status, answer.json["item"]["status"]) == (200, "pending")
        assert places(company)[:2] == (1, 0)
        assert self.wins(company) == 0
        assert claim(company, item, "anna").status == 200
        assert self.wins(company) == 1
        pass_days(company, 29)
        assert places(company)[:2] == (1, 0)

    def test_of_two_who_release_it_at_once_one_does(self, company: Company, queues: Sqs) -> None:
        (item,) = sell_and_claim(company, queues)
        pass_days(company, 31)
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: release(company, item), range(4)))
        assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
        assert places(company)[:2] == (1, 0)

    @pytest.mark.parametrize(("act", "reason"), [(exclude, "release it first"), (restore, "not excluded")])
    def test_what_is_refused_leaves_it_where_it_is(
        self, company: Company, queues: Sqs, act: Callable[..., Answer], reason: str
    ) -> None:
        (item,) = sell_and_claim(company, queues)
        pass_days(company, 31)
        answer = act(company, item)
        assert (answer.status, reason in answer.json["error"]) == (409, True)
        assert places(company)[:2] == (0, 1)

    @pytest.mark.parametrize("days", [31, 400])
    def test_an_archived_sale_is_corrected_like_any_other(
        self, company: Company, queues: Sqs, days: int
    ) -> None:
        body = sale(sell_price="100.00")
        (item,) = enqueue(company, queues, body)
        claim(company, item)
        pass_days(company, days)
        assert crm.post(company, {**body, "sell_price": "120.00"}).status == 409
        admin = company.person("admin")[1]
        (one,) = call(company, "GET", "/api/failed-events", key=admin).json["failed_events"]
        assert call(company, "POST", f"/api/failed-events/{one['id']}/replay", key=admin).status == 200
        assert call(company, "GET", f"/api/queue/{item['id']}").json["item"]["sell_price"] == "120.00"
        (entry,) = call(company, "GET", "/api/leaderboard?period=all").json["leaderboard"]
        assert (entry["wins"], entry["revenue"]) == (1, "120.00")
        assert places(company) == (1, 0, 2, 0)
        retain()
        # The event was settled long ago, its item was touched today.
        assert places(company) == ((1, 0, 1, 1) if days > 90 else (1, 0, 2, 0))
        pass_days(company, 91)
        assert places(company) == (0, 1, 0, 2)
        assert crm.post(company, {**body, "sell_price": "120.00"}).json["duplicate"]
        (settled,) = call(company, "GET", "/api/failed-events?resolved=true", key=admin).json["failed_events"]
        shown = call(company, "GET", f"/api/failed-events/{settled['id']}", key=admin).json
        assert [d["field"] for d in shown["differences"]] == ["sell_price"]

    def test_another_companys_is_neither_found_nor_moved(
        self, company: Company, rival: Company, queues: Sqs
    ) -> None:
        (item,) = sell_and_claim(company, queues)
        pass_days(company, 91)
        for act in (claim, release, exclude, restore):
            assert act(rival, item).status == 404
        (event,) = company.rows("select event_id from wr.sales_events_archive")
        rival.rows("select wr.unarchive_event(%s), wr.unarchive_item(%s)", event["event_id"], item["id"])
        assert places(company) == (0, 1, 0, 1)
        assert places(rival) == (0, 0, 0, 0)

    def test_it_returns_as_it_was_in_every_column(self, company: Company, queues: Sqs) -> None:
        product = {"name": "Desk", "sku": "DESK", "default_cost": 40}
        call(company, "POST", "/api/products", product)
        first = sale(sale_id="first", **ALIKE)
        told = {"product_sku": "DESK", "category": "Office", "notes": "Call", "external_event_id": "evt"}
        enqueue(company, queues, first, sale(sale_id="second", **ALIKE, **told))
        (suspected,) = floor.excluded(company)
        restore(company, suspected)
        claim(company, suspected)
        company.database.execute(
            "update wr.sales_events set retry_count = 2, error_message = 'x', corrects = event_id"
            " where sale_id = 'second'"
        )
        clock.pass_days(company.database, 91)
        before = state_of(company.database)
        retain()
        assert places(company) == (1, 1, 0, 2)
        with db.tenant_session(company.tenant_id) as conn:
            conn.execute("select wr.unarchive_item(queue_id) from wr.queue_archive")
            conn.execute("select wr.unarchive_event(event_id) from wr.sales_events_archive")
        after = state_of(company.database)
        for live, archive in ARCHIVES.items():
            assert (after[live], after[archive]) == (before[live], {})
        # There was something in every column, or the test would have proved nothing of it.
        empty = {c for c, v in after["queue"][self.key(company, suspected["id"])].items() if v is None}
        assert empty == {"excluded_reason"}

    @pytest.mark.parametrize("live", ARCHIVES)
    def test_an_archive_has_every_column_of_the_live_rows(self, database: Database, live: str) -> None:
        def columns(table: str) -> set[tuple[str, ...]]:
            rows = database.execute(
                "select attname, format_type(atttypid, atttypmod) as type, attgenerated::text as made"
                " from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped",
                f"wr.{table}",
            )
            return {(row["attname"], row["type"], row["made"]) for row in rows}

        assert columns(ARCHIVES[live]) - columns(live) == {("archived_at", "timestamp with time zone", "")}
        assert columns(live) - columns(ARCHIVES[live]) == set()

    def test_the_way_back_of_the_schema_loses_nothing(self, company: Company, queues: Sqs) -> None:
        sell_and_claim(company, queues, 3)
        clock.pass_days(company.database, 91)
        before = state_of(company.database)
        retain()
        assert places(company) == (0, 3, 0, 3)
        db.close()
        owner = company.database.owner_url
        last = max(m for m in schema.known() if m < "0013")
        schema.roll_back(owner, to=last)
        schema.migrate(owner, {})
        after = state_of(company.database)
        assert (after["queue"], after["sales_events"]) == (before["queue"], before["sales_events"])

    @staticmethod
    def key(company: Company, queue_id: str) -> tuple[str, ...]:
        return (queue_id, str(company.tenant_id))

    @staticmethod
    def wins(company: Company) -> int:
        board_of_all = call(company, "GET", "/api/leaderboard?period=all").json["leaderboard"]
        return sum(entry["wins"] for entry in board_of_all)


class TestTheRoom:
    """Its numbers go on, and who missed what is gone reads everything again."""

    @pytest.fixture
    def told(self, company: Company) -> Company:
        """Of four messages the last two are young."""
        rooms.publish(company, 2)
        clock.pass_days(company.database, 60)
        rooms.publish(company, 2)
        with db.tenant_session(company.tenant_id) as conn:
            room.mark_posted(conn, 4)
        pass_days(company, 31)
        assert [row["seq"] for row in company.rows("select seq from wr.events order by seq")] == [3, 4]
        return company

    def test_a_client_resumes(self, told: Company, gateway: Gateway) -> None:
        expected = {0: "reset", 1: "reset", 2: "batch", 3: "queue.created", 4: "ready"}
        for after, frame in expected.items():
            client = self.connected(gateway, told)
            found = client.say({"action": "resume", "after": after})
            assert (after, [told["type"] for told in found]) == (after, [frame])

    def test_a_quiet_room_that_is_empty_is_complete(self, told: Company, gateway: Gateway) -> None:
        pass_days(told, 91)
        assert told.count("events") == 0
        client = self.connected(gateway, told)
        assert [frame["type"] for frame in client.say({"action": "resume", "after": 4})] == ["ready"]
        assert rooms.publish(told) == 5
        assert [frame["seq"] for frame in client.say({"action": "resume", "after": 4})] == [5]

    def test_a_fan_out_that_is_further_behind_resets(
        self, company: Company, gateway: Gateway, queues: Sqs
    ) -> None:
        client = joined(gateway, company)
        client.told()
        rooms.publish(company, 3)
        clock.pass_days(company.database, 89)
        rooms.publish(company)
        pass_days(company, 2)
        company.database.execute("update wr.connections set connected_at = now()")
        maintenance.handler({"job": "sweep"}, doors.context())
        assert doors.sqs(fanout.handler, queues.take("room.fifo")) == []
        assert ("reset", 4) in [(frame["type"], frame.get("seq")) for frame in client.told()]
        assert company.rows("select posted_seq from wr.rooms") == [{"posted_seq": 4}]

    @staticmethod
    def connected(gateway: Gateway, company: Company) -> Client:
        client = Client(gateway)
        assert client.connect({"ticket": ticket(company)}) == 200
        return client


class TestBatches:
    @pytest.fixture
    def due(self, company: Company, queues: Sqs, monkeypatch: pytest.MonkeyPatch) -> Company:
        """Twelve rows at least are due of every kind that can have so many, and five go at once."""
        monkeypatch.setattr(retention, "AT_ONCE", 5)
        sell_and_claim(company, queues, 12)
        company.database.execute(
            "insert into wr.cache_kv (tenant_id, key, value)"
            " select %s, n, '{}' from generate_series(1, 12) n",
            company.tenant_id,
        )
        company.database.execute(
            "insert into wr.rate_counters (tenant_id, bucket, minute, hits)"
            " select %s, n, now(), 1 from generate_series(1, 12) n",
            company.tenant_id,
        )
        company.database.execute(
            "insert into wr.heartbeats (component) select n from generate_series(1, 12) n"
        )
        clock.pass_days(company.database, 91)
        return company

    def test_a_batch_is_bounded_and_takes_the_oldest(self, due: Company) -> None:
        moments = {"queue_items": "updated_at", "sales_events": "processed_at", "room_messages": "created_at"}
        for kind, table in TABLES.items():
            before = state_of(due.database)[table]
            assert self.work(kind) == 5
            after = state_of(due.database)[table]
            assert len(before) - len(after) == 5
            if moment := moments.get(kind):
                gone = [row[moment] for key, row in before.items() if key not in after]
                assert max(gone) <= min(row[moment] for row in after.values())
            while (number := self.work(kind)) == 5:
                pass
            assert number < 5
            assert state_of(due.database)[table] == {}

    def test_a_batch_that_is_killed_has_done_nothing(self, due: Company) -> None:
        before = state_of(due.database)
        for kind in KINDS:
            with pytest.raises(KeyboardInterrupt), db.jobs_session() as conn:
                assert retention.work(conn, kind).number == 5
                raise KeyboardInterrupt
        assert state_of(due.database) == before

    def test_rows_that_somebody_holds_are_left_and_not_waited_for(self, due: Company) -> None:
        with self.held(due.database) as held:
            started = time.monotonic()
            retain()
            # A wait for one lock alone would have taken as long.
            assert time.monotonic() - started < 3
            left = state_of(due.database)
            assert {table: held[table] in left[table] for table in TABLES.values()} == dict.fromkeys(
                held, True
            )
            # The room's log is worked from its oldest number on, and a hole in it ends a run.
            assert {t for t in TABLES.values() if len(left[t]) > 1} <= {"events"}
        retain()
        retain()
        assert all(state_of(due.database)[table] == {} for table in TABLES.values())

    def test_two_runs_at_once_do_the_work_of_one(self, due: Company) -> None:
        before = state_of(due.database)
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: retain(), range(3)))
        retain()
        after = state_of(due.database)
        for live, archive in ARCHIVES.items():
            assert (after[live], after[archive]) == ({}, before[live])

    def test_a_claim_that_is_being_released_keeps_its_item(self, due: Company) -> None:
        (one,) = due.rows("select queue_id as id from wr.queue order by updated_at limit 1")
        with db.tenant_session(due.tenant_id) as conn:
            conn.execute("select from wr.queue where queue_id = %s for update", [one["id"]])
            retain()
            assert places(due)[:2] == (1, 11)
        assert release(due, one).status == 200
        retain()
        assert places(due)[:2] == (1, 11)

    def test_claims_that_nobody_approves_are_looked_at_once_a_run(
        self, due: Company, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        unapproved = self.make_older_and_unapproved(due, 7)
        archived: list[int] = []

        def work(conn: Connection, kind: Kind, after: retention.Place) -> retention.Batch:
            batch = retained(conn, kind, after)
            if kind == "queue_items":
                archived.append(batch.number)
            return batch

        retained = retention.work
        monkeypatch.setattr(retention, "work", work)
        retain()
        # Twelve items, five at once: of the first seven none goes.
        assert archived == [0, 3, 2]
        assert {row["id"] for row in due.rows("select queue_id as id from wr.queue")} == unapproved
        floor.approve(
            due, {"id": due.rows("select claim_id from wr.claims where state = 'pending'")[0]["claim_id"]}
        )
        assert places(due)[:2] == (7, 5)
        pass_days(due, 31)
        assert places(due)[:2] == (6, 6)

    def test_items_of_one_moment_are_told_apart(self, due: Company) -> None:
        clock.stop_at(due.database, "queue", "updated_at", datetime(2026, 1, 1, tzinfo=UTC))
        self.make_older_and_unapproved(due, 4)
        retain()
        assert places(due)[:2] == (4, 8)

    @staticmethod
    def make_older_and_unapproved(company: Company, number: int) -> set[Any]:
        """So many of the oldest items are of claims that wait for an approval."""
        rows = company.database.execute(
            "update wr.claims set state = 'pending' where tenant_id = %s and queue_id in ("
            " select queue_id from wr.queue where tenant_id = %s order by updated_at, queue_id limit %s)"
            " returning queue_id",
            company.tenant_id,
            company.tenant_id,
            number,
        )
        return {row["queue_id"] for row in rows}

    def test_when_time_is_up_the_rest_is_left_for_the_next_run(
        self, due: Company, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(maintenance, "_RETENTION_PATIENCE", 0.0)
        capsys.readouterr()
        retain()
        line = json.loads(capsys.readouterr().out)
        assert (line["retained"], line["left_over"]) == ({}, list(KINDS))
        monkeypatch.undo()
        retain()
        line = json.loads(capsys.readouterr().out)
        assert (line["left_over"], line["job"], line["message"]) == ([], "retention", "handled")
        counts = {"queue_items": 12, "sales_events": 12, "cached_values": 12, "heartbeats": 14}
        assert counts.items() <= line["retained"].items()

    def test_a_kind_that_fails_does_not_stop_the_others(
        self, due: Company, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(retention._SQL, "queue_items", "select 1 / 0 as number")
        capsys.readouterr()
        with pytest.raises(ExceptionGroup):
            retain()
        line = json.loads(capsys.readouterr().out)
        assert (line["level"], line["left_over"]) == ("ERROR", [])
        assert "while working queue_items" in line["exception"]
        assert set(line["retained"]) == set(KINDS) - {"queue_items"}
        assert places(due) == (12, 0, 0, 12)

    def test_the_application_may_not_do_it(self, company: Company) -> None:
        for kind in KINDS:
            with pytest.raises(InsufficientPrivilege), db.tenant_session(company.tenant_id) as conn:
                retention.work(conn, kind)

    @staticmethod
    def work(kind: Kind) -> int:
        with db.jobs_session() as conn:
            return retention.work(conn, kind).number

    @staticmethod
    @contextmanager
    def held(database: Database) -> Iterator[dict[str, tuple[str, ...]]]:
        """Somebody has locked a row of each table, the oldest of the room's; their keys."""
        with database.operator() as conn:
            known = keys(conn)
            held = {}
            for table in TABLES.values():
                statement = sql.SQL("{} order by {} limit 1 for update").format(
                    all_of(table), sql.Identifier("seq" if table == "events" else known[table][-1])
                )
                (row,) = conn.execute(statement).fetchall()
                held[table] = tuple(str(row[column]) for column in known[table])
            yield held
            conn.rollback()


# What may happen in a life, the likelier the more often it stands here; days pass between.
DAYS = (1, 29, 29, 31, 61, 89, 91, 400)
SEQUENCES, LENGTH = 3, 30
# What retention must leave alone, and all that is looked at every night.
UNTOUCHED = ("claims", "board_days", "board_months", "sale_keys", "sales_events_dlq", "rooms", "sellers")
WATCHED = (*ARCHIVES, *ARCHIVES.values(), *UNTOUCHED)


class Life:
    """A company whose people and systems do this and that, while days go by."""

    def __init__(self, company: Company, queues: Sqs, seed: int) -> None:
        self.company, self.queues, self.dice = company, queues, random.Random(seed)
        self.admin = company.person("admin")[1]
        # Every sale that was ever accepted, and the event that it became.
        self.sales: dict[str, tuple[dict[str, Any], str]] = {}
        self.wants_approval = False

    def live(self, steps: int) -> None:
        self.sell()
        for _ in range(steps):
            self.dice.choice(LIKELY)(self)
        self.night()
        self.repeat_everything()

    def sell(self) -> None:
        self.send(*(self.sale() for _ in range(3)))

    def sell_alike(self) -> None:
        """What was sold before, under an id of its own."""
        body, _ = self.any_sale()
        self.send({**body, "sale_id": f"twin-{len(self.sales)}"})

    def sell_unknown(self) -> None:
        self.send(self.sale(product_sku=f"SKU-{len(self.sales)}"))

    def sale(self, **changes: Any) -> dict[str, Any]:
        sent = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=self.dice.randrange(10**7))
        return sale(occurred_at=sent.isoformat(), seller_external_id=self.dice.choice(SELLERS), **changes)

    def send(self, *bodies: dict[str, Any]) -> None:
        verdicts = crm.post_batch(self.company, *bodies).json["results"]
        assert [(verdict["status"], verdict["duplicate"]) for verdict in verdicts] == [(202, False)] * len(
            bodies
        )
        for body, verdict in zip(bodies, verdicts, strict=True):
            self.sales[body["sale_id"]] = body, verdict["eventId"]
        # Now and then a message waits, for a year perhaps.
        if self.dice.random() < 0.9:
            self.process()

    def mend(self) -> None:
        """The product that is missing is made, and what failed is replayed."""
        for row in self.company.rows(
            "select payload ->> 'product_sku' as sku from wr.sales_events_dlq"
            " where is_open and failure_reason = 'unknown_product' limit 1"
        ):
            call(self.company, "POST", "/api/products", {"name": row["sku"], "sku": row["sku"]})
        assert call(self.company, "POST", "/api/failed-events/replay", {}, key=self.admin).status == 200
        self.process()

    def contradict(self) -> None:
        body, _ = self.any_sale()
        price = f"{self.dice.randint(1, 3)}.50"
        assert crm.post(self.company, {**body, "sell_price": price}).status in (202, 409)

    def accept(self) -> None:
        """A contradiction is taken for a correction: its sale has that content from then on."""
        for row in self.company.rows(
            "select dead_letter_id as id, payload from wr.sales_events_dlq"
            " where is_open and failure_reason = 'conflict' limit 1"
        ):
            answer = call(self.company, "POST", f"/api/failed-events/{row['id']}/replay", key=self.admin)
            assert answer.status in (200, 409)
            if answer.status == 200:
                sale_id = row["payload"]["sale_id"]
                self.sales[sale_id] = row["payload"], self.sales[sale_id][1]
        self.process()

    def repeat(self) -> None:
        body, event_id = self.any_sale()
        again = crm.post(self.company, body)
        assert (again.status, again.json["eventId"], again.json["duplicate"]) == (202, event_id, True)

    def claim(self) -> None:
        """Three of those that wait."""
        waiting = self.company.rows("select queue_id as id from wr.queue where status = 'pending' order by 1")
        for item in self.dice.sample(waiting, min(3, len(waiting))):
            assert claim(self.company, item, self.dice.choice(SELLERS)).status == 200

    def move(self, act: Callable[..., Answer]) -> None:
        items = self.company.rows(
            "select queue_id as id from wr.queue union all select queue_id from wr.queue_archive order by 1"
        )
        if items:
            assert act(self.company, self.dice.choice(items)).status in (200, 409)

    def decide(self, act: Callable[..., Answer]) -> None:
        claims = self.company.rows("select claim_id as id from wr.claims order by claim_id desc limit 5")
        if claims:
            assert act(self.company, self.dice.choice(claims)).status in (200, 409)

    def switch_approval(self) -> None:
        self.wants_approval = not self.wants_approval
        self.company.set(claim_approval=self.wants_approval)

    def days_pass(self) -> None:
        clock.pass_days(self.company.database, self.dice.choice(DAYS))
        self.night()

    def night(self) -> None:
        """Retention's run, and a look at all that it did."""
        before = state_of(self.company.database, WATCHED)
        retain()
        check(self.company, before, state_of(self.company.database, WATCHED))

    def repeat_everything(self) -> None:
        """Each sale is one, in one place; nothing that comes again is another."""
        self.process()
        before = state_of(self.company.database, WATCHED)
        for body, event_id in self.sales.values():
            answer = crm.post(self.company, body)
            assert (answer.status, answer.json["eventId"], answer.json["duplicate"]) == (202, event_id, True)
        self.process()
        after = state_of(self.company.database, WATCHED)
        assert both(after, "queue") == both(before, "queue")
        assert both(after, "sales_events") == both(before, "sales_events")
        known = [str(row["event_id"]) for row in both(after, "sales_events").values()]
        assert {event_id for _, event_id in self.sales.values()} <= set(known)

    def process(self) -> None:
        assert doors.sqs(processor, self.queues.take("sales-events")) == []

    def any_sale(self) -> tuple[dict[str, Any], str]:
        return self.dice.choice(list(self.sales.values()))


SELLERS = ("anna", "ben")
LIKELY: list[Callable[[Life], None]] = [
    *[Life.sell] * 3,
    *[Life.claim] * 5,
    *[Life.days_pass] * 5,
    *[lambda life: life.move(release)] * 3,
    lambda life: life.move(claim),
    lambda life: life.move(exclude),
    *[lambda life: life.move(restore)] * 2,
    *[lambda life: life.decide(floor.approve)] * 3,
    lambda life: life.decide(floor.reject),
    *[Life.repeat] * 2,
    *[Life.contradict] * 2,
    *[Life.accept] * 2,
    Life.sell_alike,
    Life.sell_unknown,
    Life.mend,
    Life.switch_approval,
]


def both(state: State, live: str) -> Rows:
    """What is live and what is archived; no row is in both places."""
    assert not state[live].keys() & state[ARCHIVES[live]].keys()
    return state[live] | state[ARCHIVES[live]]


def check(company: Company, before: State, after: State) -> None:
    """What was due, as a second hand judges it, is archived as it was; all else is untouched."""
    now = datetime.now(UTC)
    due = {"queue": due_items(before, now), "sales_events": due_events(before, now)}
    for live, archive in ARCHIVES.items():
        assert both(after, live) == both(before, live)
        assert after[archive].keys() == before[archive].keys() | due[live]
    for table in UNTOUCHED:
        assert after[table] == before[table]
    with db.tenant_session(company.tenant_id) as conn:
        assert board.differences(conn) == []


def due_items(state: State, now: datetime) -> set[Any]:
    approved = {
        (row["tenant_id"], row["sale_id"]): row["decided_at"] or row["claimed_at"]
        for row in state["claims"].values()
        if row["state"] == "approved"
    }
    month = now - timedelta(days=30)
    return {
        key
        for key, row in state["queue"].items()
        if row["status"] == "claimed"
        and row["updated_at"] < month
        and approved.get((row["tenant_id"], row["sale_id"]), now) < month
    }


def due_events(state: State, now: datetime) -> set[Any]:
    undecided = {row["event_id"] for row in state["sales_events_dlq"].values() if row["is_open"]}
    return {
        key
        for key, row in state["sales_events"].items()
        if row["status"] == "processed"
        and row["processed_at"] < now - timedelta(days=90)
        and row["event_id"] not in undecided
    }


@pytest.fixture
def lives(company: Company, rival: Company, queues: Sqs) -> Callable[[int], Life]:
    """Opens a company that has done nothing yet; beside it lives one with two sales of its own."""
    sell_and_claim(rival, queues, 2)

    def opened(seed: int) -> Life:
        company.database.execute("delete from wr.tenants where slug ~ '^life'")
        new = company.database.company(f"life-{seed}")
        for seller in SELLERS:
            new.database.seller(new, seller)
        return Life(new, queues, seed)

    return opened


def test_whatever_happens_nothing_is_lost_doubled_or_gone_too_early(lives: Callable[[int], Life]) -> None:
    @how(max_examples=SEQUENCES, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(st.integers(0, 2**64))
    def whatever_they_do(seed: int) -> None:
        lives(seed).live(LENGTH)

    whatever_they_do()


ITEMS, EVENTS = "archive_items(integer, timestamptz, uuid, uuid)", "archive_events(integer)"
SABOTAGE: dict[str, tuple[str, str, str]] = {
    "items go too early": (ITEMS, "'30 days'", "'3 days'"),
    "events go too late": (EVENTS, "'90 days'", "'100 days'"),
    "claims need no approval": (ITEMS, "c.state = 'approved'", "c.state <> 'rejected'"),
    "failed events go": (EVENTS, "e.status = 'processed' and e.processed_at", "e.updated_at"),
    "what is archived is lost": (EVENTS, "from moved", "from moved where false"),
}


@pytest.mark.parametrize("flaw", SABOTAGE)
def test_retention_that_is_badly_done_is_found(lives: Callable[[int], Life], flaw: str) -> None:
    life = lives(1)
    function, good, bad = SABOTAGE[flaw]
    with psycopg.connect(life.company.database.superuser_url) as conn:
        found = conn.execute("select pg_get_functiondef(%s::regprocedure)", [f"wr.{function}"]).fetchone()
        assert found is not None
        assert good in found[0]
        broken: LiteralString = found[0].replace(good, bad)
        conn.execute(broken)
    with pytest.raises((AssertionError, ExceptionGroup)):
        for _ in range(5):
            life.live(LENGTH)
