"""The board's days equal a recount of the claims after whatever people do, in whatever order.

Random sequences of claims, releases, exclusions, restorations, approvals and rejections, with approval
switched on and off, around midnight of several time zones, and with the zone itself changed in between.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import Phase, given
from hypothesis import settings as how
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from tests.doors import Answer, Sqs
from tests.factories import Company, Database, sale
from tests.floor import approve, claim, enqueue, exclude, reject, release, restore
from winroom import board, claims, db, ids, queue
from winroom.callers import Caller, Role
from winroom.claims import NewClaim
from winroom.db import Connection
from winroom.errors import Conflict
from winroom.queue import Reason, Remark

SEQUENCES, LENGTH = 100, 100

SELLERS = ("anna", "ben", "cem")
ZONES = ("UTC", "America/New_York", "Asia/Kolkata")
# Currency, price and cost of the items that everybody goes for; some costs are unknown.
ITEMS = (
    ("USD", "100.00", "60.00"),
    ("USD", "0.01", "9999999999.99"),
    ("USD", "19.99", None),
    ("EUR", "9999999999.99", "0.00"),
    ("EUR", "42.00", None),
    ("TRY", "1.10", "1.10"),
)
# Both sides of midnight in each of the zones, also on the days on which New York changes its clocks.
MOMENTS = tuple(
    datetime.fromisoformat(midnight) - before
    for midnight in (
        "2026-01-05T00:00:00Z",
        "2026-01-05T05:00:00Z",
        "2026-01-05T18:30:00Z",
        "2026-03-08T05:00:00Z",
        "2026-03-09T04:00:00Z",
        "2026-11-01T04:00:00Z",
        "2026-11-02T05:00:00Z",
    )
    for before in (timedelta(0), timedelta(microseconds=1))
)
WHY = Reason(reason="A test")

Counts = dict[tuple[date, str, str], tuple[int, Decimal, Decimal]]


@dataclass(frozen=True)
class Step:
    """What somebody tries to do; a step reads of it what it needs."""

    verb: str
    item: int
    seller: str
    moment: datetime
    zone: str


@dataclass
class Office:
    """Everybody of one company, one after the other, in one transaction."""

    conn: Connection
    tenant_id: UUID
    items: list[UUID]
    # The newest claim of each item.
    made: dict[UUID, UUID] = field(default_factory=dict)
    wants_approval: bool = False

    def take(self, step: Step) -> bool:
        """Whether it could be done; what must not be done is refused and changes nothing."""
        try:
            VERBS[step.verb](self, self.items[step.item], step)
        except Conflict:
            return False
        return True

    def claim(self, item: UUID, step: Step) -> None:
        # What the application takes for the time; see `house`.
        self.conn.execute("select set_config('test.now', %s, true)", [step.moment.isoformat()])
        seller = self.caller(Role.SELLER, step.seller)
        made, _ = claims.claim(self.conn, seller, item, NewClaim(claim_type="upsell"))
        self.made[item] = made["id"]

    def release(self, item: UUID, step: Step) -> None:
        claims.release(self.conn, self.caller(), item, WHY)

    def exclude(self, item: UUID, step: Step) -> None:
        queue.exclude(self.conn, self.caller(), item, WHY)

    def restore(self, item: UUID, step: Step) -> None:
        queue.restore(self.conn, self.caller(), item, Remark())

    def approve(self, item: UUID, step: Step) -> None:
        if item in self.made:
            claims.approve(self.conn, self.caller(), self.made[item])

    def reject(self, item: UUID, step: Step) -> None:
        if item in self.made:
            claims.reject(self.conn, self.caller(), self.made[item], WHY)

    def switch_approval(self, item: UUID, step: Step) -> None:
        self.wants_approval = not self.wants_approval
        self._set(claim_approval=self.wants_approval)

    def move(self, item: UUID, step: Step) -> None:
        """The company moves to another time zone."""
        self._set(time_zone=step.zone)
        board.recount(self.conn)

    def caller(self, role: Role = Role.MANAGER, seller: str | None = None) -> Caller:
        return Caller(self.tenant_id, role, ingestion_limit=1, user_id=self.tenant_id, seller_id=seller)

    def _set(self, **settings: Any) -> None:
        self.conn.execute("update wr.tenants set settings = settings || %s", [Jsonb(settings)])


VERBS: dict[str, Callable[[Office, UUID, Step], None]] = {
    "claim": Office.claim,
    "release": Office.release,
    "approve": Office.approve,
    "reject": Office.reject,
    "exclude": Office.exclude,
    "restore": Office.restore,
    "switch approval": Office.switch_approval,
    "move": Office.move,
}
LIKELY = ["claim"] * 5 + ["release"] * 3 + ["approve"] * 3 + ["restore"] * 2 + list(VERBS)

STEPS = [Step(*parts) for parts in product(LIKELY, range(len(ITEMS)), SELLERS, MOMENTS, ZONES)]


@pytest.fixture
def house(company: Company, database: Database) -> Iterator[Callable[[], Office]]:
    """Opens the company's office as it was in the beginning, as often as it is asked to.

    Claims are made at `test.now`: the column's default is the application's only clock, so with another
    default it lives at another time, and nothing else of it knows.
    """
    with psycopg.connect(database.owner_url) as owner:
        owner.execute(
            "alter table wr.claims alter column claimed_at"
            " set default coalesce(nullif(current_setting('test.now', true), '')::timestamptz, now())"
        )
    for seller in SELLERS:
        database.seller(company, seller)
    items = [ids.new() for _ in ITEMS]
    for item, (currency, price, cost) in zip(items, ITEMS, strict=True):
        database.execute(
            "insert into wr.queue (tenant_id, queue_id, event_id, sale_id, fingerprint, customer_name,"
            " seller_id, occurred_at, currency, sell_price, cost_price)"
            " values (%s, %s, %s, %s, '', 'Ada', 'anna', now(), %s, %s, %s)",
            company.tenant_id,
            item,
            item,
            str(item),
            currency,
            price,
            cost,
        )
    with db.connect(database.url_of("app")) as conn:

        def opened() -> Office:
            conn.rollback()
            conn.execute("select wr.enter_tenant(%s)", [company.tenant_id])
            return Office(conn, company.tenant_id, items)

        yield opened
        conn.rollback()


def test_after_any_sequence_of_steps_the_board_equals_a_recount(house: Callable[[], Office]) -> None:
    tried, done = 0, 0

    # A seed, not a list of steps: of those, Hypothesis repeats the same few over and over.
    @how(max_examples=SEQUENCES, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(st.integers(0, 2**64))
    def whatever_they_do(seed: int) -> None:
        nonlocal tried, done
        tried += LENGTH
        done += work(house(), at_random(seed))

    whatever_they_do()
    assert tried >= SEQUENCES * LENGTH
    # The others were refused, as they must be; the board had enough to count.
    assert done > tried / 3


add = board.add
SABOTAGE: dict[str, tuple[Any, str, Any]] = {
    "nothing is taken off": (board, "remove", lambda conn, claim_id: None),
    "nothing is counted": (board, "add", lambda conn, claim_id: None),
    "what is taken off is counted": (board, "remove", board.add),
    "a change of the zone is not heeded": (board, "recount", lambda conn: None),
    "a claim is counted twice": (board, "add", lambda conn, claim_id: [add(conn, claim_id) for _ in "12"]),
}


@pytest.mark.parametrize("flaw", SABOTAGE)
def test_a_board_that_is_kept_badly_is_found(
    house: Callable[[], Office], monkeypatch: pytest.MonkeyPatch, flaw: str
) -> None:
    monkeypatch.setattr(*SABOTAGE[flaw])
    with pytest.raises(AssertionError):
        work(house(), at_random(11))


def test_a_claim_whose_value_changed_uncounted_is_found(house: Callable[[], Office]) -> None:
    office = house()
    office.take(Step("claim", 0, "anna", MOMENTS[0], "UTC"))
    office.conn.execute("update wr.claims set cost_price = cost_price - 0.01")
    with pytest.raises(AssertionError):
        check(office.conn)
    assert [row["kept_margin"] - row["counted_margin"] for row in board.differences(office.conn)] == [
        Decimal("-0.01")
    ]


def test_it_holds_for_many_at_once_through_the_door(company: Company, queues: Sqs) -> None:
    for seller in SELLERS:
        company.database.seller(company, seller)
    sales = (sale(currency=c, sell_price=p, cost_price=cost) for c, p, cost in ITEMS)
    items = enqueue(company, queues, *sales)
    managers = [company.person("manager")[1] for _ in range(4)]
    dice = random.Random(3)
    made: list[dict[str, Any]] = []
    decisions: list[Callable[..., Answer]] = [approve, reject]
    moves: list[Callable[..., Answer]] = [release, exclude, restore]

    def one(number: int) -> Answer:
        key, item = managers[number % 4], dice.choice(items)
        if number % 40 == 0:
            company.set(claim_approval=number % 80 == 0)
        if number % 25 == 0:
            with db.tenant_session(company.tenant_id) as conn:
                Office(conn, company.tenant_id, []).move(ids.new(), dice.choice(STEPS))
        if dice.random() < 0.3:
            answer = claim(company, item, dice.choice(SELLERS), key=key)
            made.extend([answer.json["claim"]] if answer.status == 200 else [])
            return answer
        if made and dice.random() < 0.4:
            return dice.choice(decisions)(company, dice.choice(made[-6:]), key=key)
        return dice.choice(moves)(company, item, key=key)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(one, range(500)))
    assert {answer.status for answer in answers} <= {200, 409}
    assert sum(answer.status == 200 for answer in answers) > 100
    with db.tenant_session(company.tenant_id) as conn:
        check(conn)


def work(office: Office, many: list[Step]) -> int:
    """Takes the steps and looks at the board after every twenty; how many could be taken."""
    done = 0
    for number, step in enumerate(many, 1):
        done += office.take(step)
        if number % 20 == 0:
            check(office.conn)
    return done


def at_random(seed: int) -> list[Step]:
    return random.Random(seed).choices(STEPS, k=LENGTH)


def check(conn: Connection) -> None:
    """Compares the kept days with the claims, and items with the claims that hold them."""
    assert kept(conn) == recounted(conn)
    assert board.differences(conn) == []
    held = conn.execute(
        "select sale_id, assigned_seller_id as seller from wr.queue where status = 'claimed' order by 1"
    )
    living = conn.execute(
        "select sale_id, claimed_by as seller from wr.claims"
        " where state in ('pending', 'approved') order by 1"
    )
    assert held.fetchall() == living.fetchall()


def kept(conn: Connection) -> Counts:
    rows = conn.execute("select day, seller_id, currency, wins, revenue, margin from wr.board_days")
    days = {(r["day"], r["seller_id"], r["currency"]): (r["wins"], r["revenue"], r["margin"]) for r in rows}
    return {day: counts for day, counts in days.items() if any(counts)}


def recounted(conn: Connection) -> Counts:
    """The same from the approved claims, by another hand than the database's."""
    (company,) = conn.execute("select settings from wr.tenants").fetchall()
    zone = ZoneInfo(company["settings"].get("time_zone", "UTC"))
    days: Counts = defaultdict(lambda: (0, Decimal(0), Decimal(0)))
    for row in conn.execute(
        "select claimed_at, claimed_by, currency, sell_price, cost_price from wr.claims"
        " where state = 'approved'"
    ):
        day = row["claimed_at"].astimezone(zone).date(), row["claimed_by"], row["currency"]
        wins, revenue, margin = days[day]
        gain = Decimal(0) if row["cost_price"] is None else row["sell_price"] - row["cost_price"]
        days[day] = wins + 1, revenue + row["sell_price"], margin + gain
    return dict(days)
