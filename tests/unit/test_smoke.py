"""`winroom smoke` before it has reached anybody: what it asks for, and an address where nobody answers."""

import json
from time import sleep
from unittest.mock import Mock

import pytest
from click.testing import CliRunner, Result

from infra.local import stack
from infra.operator import smoke as looks
from infra.operator.command import main
from infra.operator.smoke import STEPS, Person, Step, Visit

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _no_stack_and_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "read", lambda: None)
    for variable in ("WINROOM_URL", "WINROOM_KEY", "WINROOM_PASSWORD"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--url", "winroom.example", "--key", "k"), "--url"),
        (("--url", NOWHERE), "--key"),
        (("--url", NOWHERE, "--key", "k", "--email", "a@b.example"), "--tenant"),
        (("--url", NOWHERE, "--key", "k", "--tenant", "acme"), "--email"),
    ],
)
def test_what_is_missing_is_asked_for(arguments: tuple[str, ...], told: str) -> None:
    refused = smoke(*arguments)
    assert refused.exit_code == 2
    assert told in refused.output


def test_without_an_address_the_ways_to_one_are_told() -> None:
    refused = smoke()
    assert refused.exit_code == 1
    assert "--stack" in refused.output


def test_where_nobody_answers_the_rest_is_not_checked() -> None:
    done = smoke("--url", NOWHERE, "--key", "wr_live_secret")
    first, *others = done.output.splitlines()
    assert done.exit_code == 1
    assert first.startswith("failed")
    assert "Connection refused" in first
    assert [line for line in others if not line.startswith("not checked")] == []
    assert len(others) == len(STEPS) - 1
    assert "secret" not in done.output


def test_a_step_needs_only_what_comes_before_it() -> None:
    names = [step.name for step in STEPS]
    assert len(set(names)) == len(names)
    for position, step in enumerate(STEPS):
        assert set(step.needs) <= set(names[:position])


def test_what_took_too_long_is_no_success_and_the_sale_is_set_aside_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looks, "_OVER_AFTER", 0.05)
    monkeypatch.setattr(looks, "_sets_it_aside", set_aside := Mock(return_value="excluded"))
    steps = [Step("slow", lambda _: sleep(0.1)), Step("more", Mock()), Step("last", set_aside)]
    monkeypatch.setattr(looks, "STEPS", steps)
    done = smoke("--url", NOWHERE, "--key", "k", "--json")
    told = json.loads(done.output)
    assert (done.exit_code, told["ok"]) == (1, False)
    assert [(one["result"], one["message"]) for one in told["steps"]] == [
        ("ok", ""),
        ("failed", "the minute is over"),
        ("ok", "excluded"),
    ]


def test_who_logs_in_on_the_local_stack_is_who_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    up = Mock(http_url=NOWHERE, tenant="demo", api_key="k", admin={"email": "demo", "password": "demo"})
    monkeypatch.setattr(stack, "read", lambda: up)
    monkeypatch.setenv("WINROOM_PASSWORD", "hers")
    visits: list[Visit] = []
    monkeypatch.setattr(looks, "STEPS", [Step("look", lambda visit: visits.append(visit))])
    assert smoke("--tenant", "acme", "--email", "ada@acme.example").exit_code == 0
    assert smoke().exit_code == 0
    assert [visit.person for visit in visits] == [
        Person("acme", "ada@acme.example", "hers"),
        Person("demo", "demo", "demo"),
    ]


def smoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["smoke", *arguments])
