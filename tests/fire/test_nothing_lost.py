"""Thousands of sales of several companies, while everything dies that can: PostgreSQL, functions, answers of
SQS, sockets. What was accepted is there once, and everybody sees it."""

from concurrent.futures import ThreadPoolExecutor

from tests.conftest import Size
from tests.e2e.conftest import wait_until
from tests.fire import books, server
from tests.fire.cloud import Cloud
from tests.fire.senders import Sender, sales
from tests.fire.viewers import Viewer, items

SENDERS = 8

# Without any of this it was no fire.
BURNT = {
    "PostgreSQL killed",
    "PostgreSQL lost a process",
    "ingestion died",
    "processor died",
    "fan-out died",
    "requests repeated",
    "SQS refused",
    "SQS accepted and hung up",
    "SQS accepted some",
    "messages delivered again",
    "dead letters",
    "answered 429",
    "sales kept while the database was away",
    "viewers left",
    "viewers vanished",
    "resumes",
}


def test_what_was_accepted_is_there_once_and_everybody_sees_it(aws: Cloud, size: Size) -> None:
    fire, each, deaths = aws.fire, size(50, 2500), size(3, 20)
    companies = [aws.database.company(f"company-{n}") for n in range(4)]
    companies[0].set(ingestion_per_minute=size(3, 30))
    viewers = [Viewer(aws, companies[n % 4], fire.dice(f"viewer {n}")) for n in range(8)]
    loads = [sales(each, fire.dice(f"sales {n}")) for n in range(SENDERS)]

    def send(n: int) -> None:
        Sender(aws, fire.dice(f"sender {n}")).send(companies[n % 4], loads[n])

    def kill_postgresql() -> None:
        moments = [SENDERS * each * n // (deaths + 1) for n in range(1, deaths + 1)]
        server.kill_at(aws.postgresql, fire, "sales accepted", moments)

    with (
        fire.side_by_side(*aws.works, *(viewer.live for viewer in viewers), kill_postgresql),
        ThreadPoolExecutor(SENDERS) as threads,
    ):
        list(threads.map(send, range(SENDERS)))
        wait_until(aws.is_quiet, timeout=300)
        wait_until(lambda: all(viewer.items == items(viewer.company) for viewer in viewers), timeout=300)
    for n, company in enumerate(companies):
        books.hold_once(company, [*loads[n], *loads[n + 4]])
        books.told_once(company)
        with aws.database.operator() as conn:
            books.balance(company.slug, conn)
    assert BURNT - fire.done.keys() == set()
