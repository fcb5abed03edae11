"""A little of the load of `make load`: it still runs, and nothing is lost when many send at once."""

from pathlib import Path

from infra.local.stack import Stack
from tests.e2e.conftest import new_company
from tests.load import swarm
from tests.load.swarm import Listening, Plan, Sender


def test_every_socket_sees_every_sale_once_when_companies_send_side_by_side(
    stack: Stack, tmp_path: Path
) -> None:
    companies = {name: Listening(new_company(stack).key, viewers=5) for name in ("acme", "rival", "third")}
    senders = [Sender(name, 0.5, {"sending": "sending"}) for name in companies]

    outcome = swarm.run(Plan(stack.http_url, companies, senders, [("sending", 6)]), tmp_path)

    assert outcome.is_whole
    assert outcome.errors == []
    accepted = outcome.count("POST", "sending")
    assert accepted > len(companies)
    assert outcome.count("socket") == 5 * accepted
