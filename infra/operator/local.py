"""`winroom local`: the whole of Win Room on this machine."""

import contextlib
import dataclasses
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console

from infra.local import demo, deployment, leash, stack
from infra.operator import screen

console = Console()
state_option = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default=stack.STATE,
    help="Where data, logs and builds are kept.",
)


@click.group("local")
def group() -> None:
    """Run everything on this machine."""


@group.command(epilog=screen.examples("winroom local up", "winroom local up --state /tmp/another"))
@state_option
def up(state: Path) -> None:
    """Start everything; Ctrl-C stops it."""
    # Also where SIGINT was ignored on our behalf, as a shell does for what it runs in the background.
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, _end)
    began = time.monotonic()
    try:
        with stack.up(state, step=_step) as running:
            console.rule(f"Win Room is up after {time.monotonic() - began:.0f} s, Ctrl-C stops it")
            _show(running)
            while stack.answers(running):
                time.sleep(1)
        raise click.ClickException("Something ended by itself: `winroom local logs` says why.")
    except KeyboardInterrupt:
        console.print("Stopped.")
    except (
        stack.AlreadyUp,
        leash.ProgramEnded,
        deployment.DeploymentFailed,
        ModuleNotFoundError,
    ) as error:
        raise click.ClickException(str(error)) from error


@group.command(epilog=screen.examples("winroom local down"))
@state_option
def down(state: Path) -> None:
    """Stop what `up` has started elsewhere."""
    holder = stack.holder(state)
    if holder is None:
        click.echo("Nothing runs.")
        return
    os.kill(holder, signal.SIGTERM)
    with console.status("Stopping"):
        stack.wait_until_down(state)
    click.echo("Stopped.")


@group.command(epilog=screen.examples("winroom local status --json"))
@state_option
@screen.as_json
def status(state: Path, as_json: bool) -> None:
    """Addresses and credentials; exit code 1 if nothing runs."""
    running = stack.read(state)
    if running is None:
        click.echo("{}" if as_json else "Nothing runs.")
        raise SystemExit(1)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(running), indent=2))
    else:
        _show(running)


@group.command(epilog=screen.examples("winroom local logs", "winroom local logs emulator --lines 200"))
@state_option
@click.argument("name", required=False)
@click.option("--lines", type=click.IntRange(min=1), default=40, show_default=True, help="How many.")
def logs(state: Path, name: str | None, lines: int) -> None:
    """The end of one log, or of all.

    NAME is emulator, postgres, proxy, sam-build or sam-deploy.
    """
    kept = {file.stem: file for file in stack.logs(state)}
    if name and name not in kept:
        raise click.UsageError(f"There is no log {name}, but: {', '.join(kept) or 'none'}.")
    for file in [kept[name]] if name else kept.values():
        click.secho(f"-- {file}", bold=True)
        click.echo(leash.tail(file, lines))


def _end(*_: object) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _step(what: str) -> Iterator[None]:
    began = time.monotonic()
    with console.status(what, spinner="line"):
        yield
    console.print(f"[green]ok[/] {what} [dim]{time.monotonic() - began:.1f} s[/]", highlight=False)


def _show(running: stack.Stack) -> None:
    """One thing a line and no line broken, to be copied."""
    facts = {
        "dashboard": running.http_url,
        "websocket": running.ws_url,
        "company": running.tenant,
        "login": f"{running.admin['email']}  {running.admin['password']}",
        "API key": running.api_key,
        "database": running.database_url,
        "AWS": running.aws_endpoint_url,
        "a sale": demo.curl(running.http_url, running.api_key),
    }
    for name, value in facts.items():
        console.print(f"[bold]{name:<10}[/]", end="")
        click.echo(value)
