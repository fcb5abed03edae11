"""Two hundred people at the same sales, while functions and PostgreSQL die: the board equals the recount at
every quiet moment."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from tests.conftest import Size
from tests.e2e.conftest import wait_until
from tests.factories import sale
from tests.fire import books, people, server
from tests.fire.cloud import Cloud
from tests.fire.people import Screen
from tests.fire.senders import Sender, sales

# What must have happened.
BURNT = {
    *(f"{act}: 200" for act in ("claim", "release", "exclude", "restore", "approve", "reject", "replay")),
    "claim: 409",
    "release: 403",
    "api died",
    "pressed once more",
    "PostgreSQL killed",
}


@pytest.mark.fire(minutes=4)
def test_boards_equal_the_recount_at_every_quiet_moment(aws: Cloud, size: Size) -> None:
    fire, company = aws.fire, aws.database.company("acme")
    company.set(claim_approval=True)
    staff = people.staff(aws, company)
    sender = Sender(aws, fire.dice("sender"))
    sent = [*sales(20, fire.dice("sales")), sale(product_sku="nowhere")]

    def kill_postgresql() -> None:
        server.kill_at(aws.postgresql, fire, "acts", count(200, 400))

    with fire.side_by_side(*aws.works, kill_postgresql), ThreadPoolExecutor(16) as threads:
        sender.send(company, sent)
        wait_until(aws.is_quiet, timeout=300)
        for number in fire.rounds(size(2, 6), BURNT):
            screen, some = Screen.of(company), sales(20, fire.dice(f"sales {number}"))
            crowd = fire.dice(f"crowd {number}").sample(staff, len(staff))
            acts = [threads.submit(deed) for pair in crowd for deed in pair.deeds(screen)]
            sender.send(company, some)
            sent += some
            for act in acts:
                act.result()
            wait_until(aws.is_quiet, timeout=300)
            with aws.database.operator() as conn:
                books.balance(company.slug, conn)
            books.show_wins(company)
            fire.note("quiet moments")
    books.hold(company, sent)
    books.claims_told_once(company)
