"""A company's own settings, through the API."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from functions.api.app import handler
from functions.ingestion.app import handler as ingestion
from tests import doors
from tests.doors import Answer, Sqs
from tests.factories import Company, Database
from winroom import board, db, plans


@pytest.fixture
def admin(company: Company) -> str:
    return company.person("admin")[1]


def show(key: str) -> Any:
    answer = doors.http(handler, "GET", "/api/tenant", key=key)
    assert answer.status == 200
    return answer.json


def change(key: str, **changes: Any) -> Answer:
    return doors.http(handler, "PATCH", "/api/tenant", changes, key=key)


def kept(company: Company) -> Any:
    return company.rows("select settings from wr.tenants")[0]["settings"]


class TestShowing:
    def test_everybody_sees_the_plan_its_limits_and_each_setting_as_it_takes_effect(
        self, company: Company, rival: Company
    ) -> None:
        told = show(company.person("watcher")[1])
        created_at = told.pop("created_at")
        assert created_at.endswith("Z")
        assert told == {
            "id": str(company.tenant_id),
            "slug": "acme",
            "name": "Acme",
            "plan": "enterprise",
            "limits": {"ingestion_per_minute": 10_000, "people_per_minute": plans.PEOPLE_LIMIT},
            "settings": {
                "home_currency": "USD",
                "time_zone": "UTC",
                "suspect_duplicates": True,
                "claim_approval": False,
                "share_margin": False,
                "ingestion_per_minute": 10_000,
            },
        }
        assert show(rival.full_key)["slug"] == "rival"

    def test_a_key_that_sends_sales_sees_none_of_it(self, company: Company) -> None:
        assert doors.http(handler, "GET", "/api/tenant", key=company.ingest_key).status == 403


class TestChanging:
    def test_what_is_given_changes_and_nothing_else(
        self, company: Company, rival: Company, admin: str
    ) -> None:
        company.set(claim_approval=True)
        answer = change(admin, name="<b>\U0001f600</b>", home_currency="TRY", time_zone="europe/istanbul")
        assert answer.status == 200
        assert answer.json["name"] == "<b>\U0001f600</b>"
        assert answer.json == show(admin)
        assert answer.json["settings"] == {
            "home_currency": "TRY",
            "time_zone": "Europe/Istanbul",
            "suspect_duplicates": True,
            "claim_approval": True,
            "share_margin": False,
            "ingestion_per_minute": 10_000,
        }
        assert change(admin).json == answer.json
        assert kept(rival) == {}
        # Its slug and plan are not for the company to change.
        assert change(admin, slug="other", plan="free", settings={}).json == answer.json

    def test_null_is_the_default_again(self, company: Company, admin: str) -> None:
        before = show(admin)
        settings = {
            "home_currency": "EUR",
            "time_zone": "Asia/Tokyo",
            "suspect_duplicates": False,
            "claim_approval": True,
            "share_margin": True,
            "ingestion_per_minute": 5,
        }
        assert change(admin, **settings).json["settings"] == settings
        assert change(admin, **dict.fromkeys(settings)).json == before
        assert kept(company) == {}

    def test_what_only_operators_know_of_stays(self, company: Company, admin: str) -> None:
        company.set(beta=True)
        assert "beta" not in change(admin, claim_approval=True).json["settings"]
        assert kept(company) == {"beta": True, "claim_approval": True}

    @pytest.mark.parametrize("role", ["watcher", "seller", "manager"])
    def test_only_admins_change_it(self, company: Company, role: str) -> None:
        refused = change(company.person(role)[1], name="Mine")
        assert (refused.status, refused.json["code"]) == (403, "forbidden")
        assert change(company.full_key, name="Mine").status == 403
        assert company.rows("select name from wr.tenants") == [{"name": "Acme"}]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"name": None}, "name"),
            ({"name": " "}, "name"),
            ({"name": "x" * 201}, "name"),
            ({"home_currency": "usd"}, "home_currency"),
            ({"home_currency": 1}, "home_currency"),
            ({"time_zone": "UTC+25"}, "time_zone"),
            ({"time_zone": "EST5EDT4,M3.2.0,M11.1.0"}, "time_zone"),
            ({"time_zone": "Nowhere"}, "time_zone"),
            ({"time_zone": "localtime"}, "time_zone"),
            ({"time_zone": "posixrules"}, "time_zone"),
            ({"time_zone": "'"}, "time_zone"),
            ({"time_zone": "\0"}, "time_zone"),
            ({"time_zone": ""}, "time_zone"),
            ({"time_zone": True}, "time_zone"),
            ({"suspect_duplicates": "no"}, "suspect_duplicates"),
            ({"claim_approval": 1}, "claim_approval"),
            ({"share_margin": {}}, "share_margin"),
            ({"ingestion_per_minute": 0}, "ingestion_per_minute"),
            ({"ingestion_per_minute": 1.5}, "ingestion_per_minute"),
            ({"ingestion_per_minute": True}, "ingestion_per_minute"),
            ({"ingestion_per_minute": "9"}, "ingestion_per_minute"),
            ({"ingestion_per_minute": 10_001}, "ingestion_per_minute"),
            ({"ingestion_per_minute": 10**40}, "ingestion_per_minute"),
        ],
    )
    def test_a_wrong_field_is_named_and_nothing_changes(
        self, company: Company, admin: str, changes: dict[str, Any], field: str
    ) -> None:
        answer = change(admin, **{"claim_approval": True, **changes})
        assert (answer.status, [d["field"] for d in answer.json["details"]]) == (400, [field])
        assert answer.json["details"][0]["message"].startswith(field)
        assert kept(company) == {}

    def test_two_who_change_different_things_at_once_both_succeed(self, company: Company, admin: str) -> None:
        wishes: list[dict[str, Any]] = [
            {"claim_approval": True},
            {"share_margin": True},
            {"suspect_duplicates": False},
            {"home_currency": "GBP"},
        ]
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda wish: change(admin, **wish), wishes))
        assert {a.status for a in answers} == {200}
        assert kept(company) == {name: value for wish in wishes for name, value in wish.items()}


class TestLimit:
    def test_a_company_slows_its_own_systems_down(self, company: Company, admin: str, queues: Sqs) -> None:
        assert change(admin, ingestion_per_minute=1).status == 200
        answer = doors.http(ingestion, "GET", "/api/events", key=company.ingest_key)
        assert answer.headers["x-ratelimit-limit"] == "1"

    @pytest.mark.usefixtures("environment")
    def test_what_an_operator_granted_beyond_the_plan_is_the_most(self, database: Database) -> None:
        company = database.company("small", plan="free")
        admin = company.person("admin")[1]
        assert change(admin, ingestion_per_minute=101).status == 400
        company.set(ingestion_per_minute=500)
        assert show(admin)["limits"]["ingestion_per_minute"] == 500
        beyond = change(admin, ingestion_per_minute=501)
        assert "at most 500" in beyond.json["details"][0]["message"]
        assert change(admin, ingestion_per_minute=500).status == 200
        assert change(admin, ingestion_per_minute=400).json["limits"]["ingestion_per_minute"] == 400
        assert change(admin, ingestion_per_minute=50).json["limits"]["ingestion_per_minute"] == 100
        assert change(admin, ingestion_per_minute=100).status == 200


class TestTimeZone:
    @pytest.fixture(autouse=True)
    def seller(self, company: Company) -> None:
        company.database.seller(company, "anna")

    def win(self, company: Company, at: str) -> None:
        """A claim that counts, of this moment."""
        with db.tenant_session(company.tenant_id) as conn:
            (row,) = conn.execute(
                "insert into wr.claims (tenant_id, queue_id, sale_id, claimed_by, claim_type, sell_price,"
                " currency, customer_name, actor, claimed_at)"
                " values (wr.current_tenant(), wr.uuid_v7(), %(at)s::text, 'anna', 'upsell', 100,"
                " 'USD', 'Ada', 'test', %(at)s::text::timestamptz) returning claim_id",
                {"at": at},
            )
            board.add(conn, row["claim_id"])

    def days(self, company: Company) -> list[str]:
        return [str(row["day"]) for row in company.rows("select day from wr.board_days where wins > 0")]

    def test_another_zone_cuts_the_days_anew(self, company: Company, admin: str) -> None:
        self.win(company, "2026-01-31T23:30:00Z")
        assert self.days(company) == ["2026-01-31"]
        change(admin, time_zone="Europe/Istanbul")
        assert self.days(company) == ["2026-02-01"]
        self.win(company, "2026-01-31T20:30:00Z")
        assert sorted(self.days(company)) == ["2026-01-31", "2026-02-01"]
        with db.tenant_session(company.tenant_id) as conn:
            assert board.differences(conn) == []
        change(admin, time_zone=None)
        assert self.days(company) == ["2026-01-31"]  # both

    def test_the_same_zone_leaves_the_days_alone(
        self, company: Company, admin: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(board, "recount", lambda conn: pytest.fail("recounted"))
        assert change(admin, time_zone="utc").json["settings"]["time_zone"] == "UTC"
        assert change(admin, name="Other").status == 200

    def test_what_was_computed_under_other_settings_is_forgotten(
        self, company: Company, rival: Company, database: Database, admin: str
    ) -> None:
        for tenant in (company, rival):
            database.execute(
                "insert into wr.cache_kv (tenant_id, key, value) values (%s, 'board', '{}')", tenant.tenant_id
            )
        change(admin, time_zone="Asia/Tokyo")
        assert (company.count("cache_kv"), rival.count("cache_kv")) == (0, 1)

    def test_a_claim_under_way_is_counted_in_one_zone_or_the_other_but_once(
        self, company: Company, admin: str
    ) -> None:
        zones = ["Europe/Istanbul", "America/New_York", "Asia/Tokyo", "UTC"] * 2
        with ThreadPoolExecutor(6) as threads:
            changes = [threads.submit(change, admin, time_zone=zone) for zone in zones]
            wins = [threads.submit(self.win, company, f"2026-01-{n:02}T23:30:00Z") for n in range(1, 21)]
            assert {c.result().status for c in changes} == {200}
            assert {w.result() for w in wins} == {None}
        with db.tenant_session(company.tenant_id) as conn:
            assert board.differences(conn) == []
        assert len(self.days(company)) == 20
