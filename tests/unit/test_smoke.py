"""`winroom smoke` before it has reached anybody: what it asks for, and an address where nobody answers."""

import pytest
from click.testing import CliRunner, Result

from infra.local import stack
from infra.operator.command import main
from infra.operator.smoke import STEPS

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


def smoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["smoke", *arguments])
