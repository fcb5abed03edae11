"""The deployment as template.yaml wires it, on fire: every function, the queues between them, the clock, and
who goes around and kills. A minute passes in a second."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests import endpoint, gateway
from tests.benchmarks import workbench
from tests.fire.fire import Fire
from tests.fire.queues import Sqs, mapping
from tests.fire.sandboxes import DOORS, Function, NoAnswer
from tests.fire.server import Server
from tests.gateway import Gateway

# What a minute does: what is due later is due sooner, what waits to be told waits longer, limits begin anew.
_MINUTE = """
    update wr.sales_events set next_attempt_at = next_attempt_at - interval '1 minute'
    where status = 'pending';
    update wr.events told set created_at = told.created_at - interval '1 minute'
    from wr.rooms room where room.tenant_id = told.tenant_id and told.seq > room.posted_seq;
    delete from wr.rate_counters;
"""
# Seconds that a function waits for a silent server, as in the template.
_PATIENCE = {"ingestion": "2.5", "api": "2.5", "maintenance": "50"}
_UNFINISHED = """
    select (select count(*) from wr.sales_events where status = 'pending')
         + (select count(*) from wr.rooms where posted_seq < seq) as n
"""


class Cloud:
    """What the template deploys, before one PostgreSQL, one SQS and one websocket API."""

    def __init__(
        self, postgresql: Server, sqs: Sqs, sockets: Gateway, environment: Mapping[str, str]
    ) -> None:
        self.postgresql, self.sockets, self.environment = postgresql, sockets, environment
        self.database, self.fire, self._sqs = postgresql.database, sqs.fire, sqs
        self.functions = {
            name: Function(name, {**environment, "DATABASE_PATIENCE": _PATIENCE.get(name, "10")}, self.fire)
            for name in DOORS
        }

    @property
    def works(self) -> list[Callable[[], None]]:
        """What goes on all the time, for Fire.side_by_side."""
        queues, functions, fire = self._sqs.queues, self.functions, self.fire
        return [
            *[mapping(queues["sales-events"], 10, functions["processor"], fire)] * 4,
            *[mapping(queues["room.fifo"], 5, functions["fan-out"], fire)] * 2,
            mapping(queues["sales-events-dlq"], 10, functions["dead_letters"], fire),
            self._pass_minutes,
            self._kill_functions,
        ]

    def is_quiet(self) -> bool:
        """Whether every sale is settled, and every room told; nothing is on its way."""
        with suppress(psycopg.OperationalError):
            return self._sqs.waiting == 0 and self.database.execute(_UNFINISHED)[0]["n"] == 0
        return False

    def close(self) -> None:
        for function in self.functions.values():
            function.close()

    def _pass_minutes(self) -> None:
        while not self.fire.is_over.wait(1):
            # Functions do not work sixty times as fast: time does not run away from them.
            if self._sqs.waiting < 500:
                with suppress(psycopg.OperationalError), psycopg.connect(self.database.superuser_url) as conn:
                    conn.execute(_MINUTE)
            with suppress(NoAnswer):
                self.functions["maintenance"]({"job": "sweep"})

    def _kill_functions(self) -> None:
        dice = self.fire.dice("killer")
        while not self.fire.is_over.wait(dice.uniform(0.1, 0.5)):
            self.functions[dice.choice(list(DOORS))].kill_one(dice)


@contextmanager
def running(postgresql: Server, fire: Fire, log: Path) -> Iterator[Cloud]:
    """The deployment; what its functions log is in one file."""
    sqs = Sqs(fire)
    with endpoint.answering(sqs.answer) as aws, gateway.running() as sockets:
        environment = {
            **workbench.environment(postgresql.database, aws),
            "SOCKET_MANAGEMENT_URL": sockets.url,
            "AWS_ENDPOINT_URL": "",
            "LOG": str(log),
        }
        cloud = Cloud(postgresql, sqs, sockets, environment)
        try:
            yield cloud
        finally:
            cloud.close()
