"""The command where something around it is amiss: one sentence, no traceback, no secret, no moving cursor."""

import subprocess
import sys

import pytest

from infra.operator import screen
from tests.factories import Company
from tests.integration.conftest import Winroom

COMMAND = f"{sys.executable} -c 'from infra.operator.command import main; main()'"


def typed(line: str) -> subprocess.CompletedProcess[str]:
    """What a shell makes of the command with the rest of the line."""
    return subprocess.run(  # noqa: S602 (what a shell makes of it)
        f"{COMMAND} {line}", shell=True, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("line", "exit_code", "told"),
    [
        ("reset <&-", 1, "say which one you mean with --yes-i-mean"),
        ("key revoke KEY <&-", 1, "nobody is here to answer. Add --yes."),
        ("tenant delete acme --without-export <&-", 1, "--confirm acme"),
        ("send --tenant acme - <&-", 1, "empty"),
        ("tenant show $(printf '\\377')", 2, "no text in UTF-8"),
        ("tenant list --json >/dev/full", 1, "what was found cannot be written: "),
        ("local up --state /proc/nowhere", 1, "Error: [Errno 2] No such file or directory: "),
    ],
)
def test_it_is_told_in_a_sentence(
    winroom: Winroom, company: Company, line: str, exit_code: int, told: str
) -> None:
    done = typed(line.replace("KEY", company.full_key[:16]))
    assert done.returncode == exit_code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert company.count("api_keys") == 2


@pytest.mark.parametrize("amiss", ["\n", "\r", "\u00fc", "\x00"])
def test_a_key_that_no_header_can_carry_is_not_repeated(
    winroom: Winroom, environment: pytest.MonkeyPatch, amiss: str
) -> None:
    key = f"wr_live_first{amiss}last"
    sale = ("--customer", "Ada", "--price", "5", "--seller", "anna")
    if amiss != "\x00":  # no environment has one
        environment.setenv("WINROOM_KEY", key)
        environment.setenv("WINROOM_URL", "http://127.0.0.1:9")
        refused = winroom("send", *sale)
        assert refused.exit_code == 2
        assert "copy it once more" in refused.stderr
        assert "wr_live_first" not in refused.output + refused.stderr
    refused = winroom("smoke", "--url", "http://127.0.0.1:9", "--key", key)
    assert refused.exit_code == 2
    assert "wr_live_first" not in refused.output + refused.stderr


def test_a_line_end_behind_a_key_is_not_part_of_it(winroom: Winroom) -> None:
    done = winroom("smoke", "--url", "http://127.0.0.1:9", "--key", "wr_live_x\r\n")
    assert "it answers" in done.stdout


def test_what_customers_wrote_moves_no_cursor(
    winroom: Winroom, company: Company, environment: pytest.MonkeyPatch
) -> None:
    company.database.execute("update wr.api_keys set name = e'a\\x1b[2Jb\\nc' where scope = 'full'")
    environment.setattr(screen, "is_answered", lambda: True)
    for done in (
        winroom("key", "list", "acme"),
        winroom("key", "revoke", company.full_key[:16], input="n\n"),
        winroom("key", "revoke", company.full_key[:16], "--yes"),
    ):
        told = done.stdout + done.stderr
        assert "a [2Jb" in told
        assert "\x1b" not in told


@pytest.mark.parametrize(
    "command",
    [
        ("verify",),
        ("events", "pending"),
        ("failed", "list"),
        ("failed", "replay", "--reason", "unknown_product", "--dry-run"),
        ("send", "--customer", "Ada", "--price", "5", "--seller", "anna"),
        ("seed",),
    ],
    ids=" ".join,
)
def test_a_variable_that_nobody_has_set_names_no_company(winroom: Winroom, command: tuple[str, ...]) -> None:
    refused = winroom(*command, "--tenant", "")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "it is empty" in refused.stderr
