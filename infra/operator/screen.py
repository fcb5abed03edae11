"""What the commands say: tables for people, one JSON document for scripts, questions before what destroys."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document, for scripts.")
yes = click.option("--yes", is_flag=True, help="Do not ask, for scripts.")


class _Filled(click.ParamType):
    """A text that is there: an empty one is a variable that somebody forgot to set."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not str(value).strip():
            self.fail("it is empty: say which one, or leave the option out.", param, ctx)
        return str(value)


FILLED = _Filled()

# Where nobody looks nothing is folded: a line is a row.
_ENDLESS = 100_000


def examples(*lines: str) -> str:
    """The end of a command's help: how it is typed, each line as it is."""
    return "\n".join(["\b", "Examples:" if len(lines) > 1 else "Example:", *(f"  {line}" for line in lines)])


def show_json(document: object) -> None:
    """The one document on standard output. Times are UTC, ISO 8601."""
    click.echo(json.dumps(document, indent=2, default=_told))


def show_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], otherwise: str) -> None:
    """A table with these columns of the rows; where there is no row, `otherwise`."""
    if not rows:
        click.echo(otherwise)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        # Folded where the terminal is narrow, never cut: ids are there to be copied.
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    _console().print(table)


def show_one(row: Mapping[str, Any]) -> None:
    """A line for each thing that is known of one."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in row.items():
        table.add_row(name.replace("_", " "), _cell(value))
    _console().print(table)


def confirm(question: str, yes: bool) -> None:
    """Goes on if somebody says yes. Raises ClickException where nobody does, or can."""
    if yes:
        return
    if not is_answered():
        raise click.ClickException(
            "Nothing was done: this asks first, and nobody is here to answer. Add --yes."
        )
    if not click.confirm(plain(question), err=True):
        raise click.ClickException("Nothing was done.")


def confirm_name(question: str, name: str, given: str | None, option: str) -> None:
    """Goes on if the name is spelled out: by the `option`, else typed. Raises ClickException where it is not,
    or nobody is there to type it."""
    if given is None and not is_answered():
        raise click.ClickException(f"Nothing was done: say which one you mean with {option} {name}.")
    # With a default, or nothing at all would be asked for again without end.
    if given is None:
        asked = plain(f"{question} Type {name} to go on")
        given = click.prompt(asked, default="", show_default=False, err=True)
    if given != name:
        raise click.ClickException(f"Nothing was done: this is {name}, not {given or 'nothing'}.")


def is_answered() -> bool:
    """Whether somebody sits in front of the question."""
    return sys.stdin is not None and sys.stdin.isatty()


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar while something takes long, where somebody looks; the block tells how much more is done."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield partial(bar.advance, bar.add_task(what, total=total))


@contextmanager
def working(what: str) -> Iterator[None]:
    """Says what takes a while, where somebody looks."""
    with Console(stderr=True).status(what, spinner="line"):
        yield


def note(text: str) -> None:
    """Something by the way, which is no part of the answer."""
    click.echo(plain(text), err=True)


def say(text: str) -> None:
    """The answer, in words."""
    click.echo(plain(text))


def plain(text: str) -> str:
    """The text without what moves a cursor: customers may have written some of it."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_ENDLESS)


def _cell(value: Any) -> Text:
    return Text(plain("-" if value is None else _told(value)).replace("\n", " "))


def _told(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value, default=_told) if isinstance(value, dict | list) else str(value)
