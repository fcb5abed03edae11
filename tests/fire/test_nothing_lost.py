"""Thousands of sales of several companies, while everything dies that can: PostgreSQL, functions, answers of
SQS, sockets. What was accepted is there once, and everybody sees it."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count, repeat

import pytest

from tests.conftest import Size
from tests.e2e.conftest import wait_until
from tests.fire import books, server
from tests.fire.cloud import Cloud
from tests.fire.senders import Sale, Sender, sales
from tests.fire.viewers import Viewer, items

SENDERS = 8

# What must have happened.
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


@pytest.mark.fire(minutes=5)
def test_what_was_accepted_is_there_once_and_everybody_sees_it(aws: Cloud, size: Size) -> None:
    fire, each, deaths = aws.fire, size(50, 2500), size(3, 20)
    companies = [aws.database.company(f"company-{n}") for n in range(4)]
    companies[0].set(ingestion_per_minute=size(3, 30))
    viewers = [Viewer(aws, companies[n % 4], fire.dice(f"viewer {n}")) for n in range(8)]
    senders = [Sender(aws, fire.dice(f"sender {n}")) for n in range(SENDERS)]
    sent: list[list[Sale]] = [[] for _ in companies]

    def send(n: int, number: int) -> None:
        some = sales(each, fire.dice(f"sales {n} {number}"))
        sent[n % 4] += some
        senders[n].send(companies[n % 4], some)

    def kill_postgresql() -> None:
        step = SENDERS * each // deaths
        server.kill_at(aws.postgresql, fire, "sales accepted", count(step // 2, step))

    with (
        fire.side_by_side(*aws.works, *(viewer.live for viewer in viewers), kill_postgresql),
        ThreadPoolExecutor(SENDERS) as threads,
    ):
        for number in fire.rounds(1, BURNT):
            list(threads.map(send, range(SENDERS), repeat(number)))
        wait_until(aws.is_quiet, timeout=300)
        wait_until(lambda: all(viewer.items == items(viewer.company) for viewer in viewers), timeout=300)
    for company, theirs in zip(companies, sent, strict=True):
        books.hold_once(company, theirs)
        books.told_once(company)
        with aws.database.operator() as conn:
            books.balance(company.slug, conn)
