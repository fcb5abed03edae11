"""The `winroom` command. One module per group of subcommands."""

import errno
import os
import sys
from typing import Any

import click
from click.core import ParameterSource

from infra.operator import (
    events,
    failed,
    key,
    local,
    migrate,
    reset,
    screen,
    seed,
    send,
    smoke,
    status,
    switch,
    tenant,
    user,
    verify,
)
from infra.operator.target import Target

# What a full disk, a closed pipe and no output at all answer to whoever writes.
_OF_OUTPUT = {errno.ENOSPC, errno.EPIPE, errno.EBADF, errno.EIO}


class _Command(click.Group):
    """The command in whatever surroundings: a traceback helps nobody who operates."""

    def main(self, *args: Any, **more: Any) -> Any:
        if sys.stdin is None:  # closed by whoever started us
            sys.stdin = open(os.devnull)  # noqa: SIM115
        try:
            return super().main(*args, **more)
        except OSError as error:
            is_output = error.errno in _OF_OUTPUT
            sys.exit(f"Error: {'what was found cannot be written: ' if is_output else ''}{error}")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            "".join(args).encode()
        except UnicodeEncodeError:
            raise click.UsageError("What was typed is no text in UTF-8.", ctx) from None
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            error.message = screen.plain(error.message)
            raise


@click.group(
    cls=_Command,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=screen.examples(
        "winroom local up",
        "winroom status",
        "winroom --stack winroom-production --profile ops tenant list",
    ),
)
@click.option(
    "--stack",
    metavar="NAME",
    envvar="WINROOM_STACK_NAME",
    show_envvar=True,
    help="A deployed stack; without it, the local one.",
)
@click.option(
    "--region",
    envvar=["WINROOM_REGION", "AWS_REGION"],
    show_envvar=True,
    help="Its region, if not that of the profile.",
)
@click.option(
    "--profile",
    envvar=["WINROOM_PROFILE", "AWS_PROFILE"],
    show_envvar=True,
    help="The AWS profile that may look into it.",
)
@click.version_option(package_name="winroom")
@click.pass_context
def main(context: click.Context, stack: str | None, region: str | None, profile: str | None) -> None:
    """Win Room: run it here, look after it there.

    Commands work on the local stack that is up, or on a deployed one that --stack names; its outputs and
    secrets say where everything is. OPERATOR_DATABASE_URL, OWNER_DATABASE_URL, WINROOM_URL and WINROOM_KEY go
    before either.

    Whatever destroys something asks first; --yes answers. With --json, standard output is one JSON document.

    \b
    Exit codes:
      0  done
      1  refused or failed: standard error says why and what to do
      2  the command was not typed right
    """
    typed = [name for name in ("region", "profile") if _is_typed(context, name)]
    if typed and not stack:
        raise click.UsageError(f"--{typed[0]} goes with --stack: the local stack has none.")
    context.obj = Target(stack or None, region, profile)


def _is_typed(context: click.Context, option: str) -> bool:
    return context.get_parameter_source(option) is ParameterSource.COMMANDLINE


for command in (
    local.group,
    status.status,
    migrate.migrate,
    tenant.group,
    user.group,
    key.group,
    events.group,
    failed.group,
    switch.group,
    send.send,
    verify.verify,
    smoke.smoke,
    seed.seed,
    reset.reset,
):
    main.add_command(command)
