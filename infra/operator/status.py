"""`winroom status`: one screen that says whether a deployment is well."""

from collections.abc import Callable
from typing import Any

import click
import httpx

from infra.operator import screen, target
from winroom import health, schema

QUEUES = {
    "sales": "SalesEventsQueueUrl",
    "sales_dlq": "SalesEventsDlqUrl",
    "room": "RoomQueueUrl",
    "room_dlq": "RoomDlqUrl",
}
_WAITING = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

Facts = dict[str, Any]


@click.command(
    short_help="Say on one screen whether all is well.",
    epilog=screen.examples("winroom status", "winroom --stack winroom-production status --json"),
)
@screen.as_json
def status(as_json: bool) -> None:
    """Whether the deployment is well.

    Its release, health and schema; events that wait, are overdue or failed, over all companies; open sockets;
    seconds since the last heartbeats; messages in the queues, where AWS is at hand. Exit code 1 if something
    is wrong.
    """
    problems: list[str] = []
    told: Facts = {"deployment": target.current().name}
    for part in (_health, _schema, _work, _queues):
        told |= _tried(part, problems)
    if as_json:
        screen.show_json(told | {"problems": problems})
    else:
        screen.show_one(_flat(told) | {"problems": "; ".join(problems) or "none"})
    if problems:
        click.get_current_context().exit(1)


def _tried(part: Callable[[list[str]], Facts], problems: list[str]) -> Facts:
    """What a part tells; what is in its way is a problem, and the others are told all the same."""
    try:
        return part(problems)
    except click.ClickException as error:
        if error.message not in problems:
            problems.append(error.message)
        return {}


def _health(problems: list[str]) -> Facts:
    url = target.current().http_url
    try:
        answer = httpx.get(f"{url}/api/health", timeout=10)
        told = answer.json()
        facts = {
            "url": url,
            "release": told["version"],
            "health": told["status"],
            "services": told["services"],
        }
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise click.ClickException(f"{url} does not tell how it is: {error!r}") from error
    problems += [f"{name} is {state}" for name, state in told["services"].items() if state != "healthy"]
    return facts


def _schema(problems: list[str]) -> Facts:
    with target.asking_the_database():
        applied = schema.applied(target.current().operator_url)
    pending = sorted(set(schema.known()) - applied)
    if pending:
        problems.append(f"not migrated: {', '.join(pending)} (`winroom migrate`)")
    return {"schema": max(applied, default=None), "pending_migrations": pending}


def _work(problems: list[str]) -> Facts:
    with target.operator_session() as conn:
        version = conn.info.parameter_status("server_version")
        return {"postgresql": version, **health.overview(conn)}


def _queues(problems: list[str]) -> Facts:
    """How many messages each holds, in flight or not; nothing where there is no AWS at hand."""
    deployment = target.current()
    try:
        urls = {name: deployment.output(output) for name, output in QUEUES.items()}
        with target.asking_aws():
            return {"queues": {name: _depth(deployment.client("sqs"), url) for name, url in urls.items()}}
    except click.ClickException as error:
        if deployment.stack:
            raise
        return {"queues": None, "queues_unknown": error.message}


def _depth(sqs: Any, url: str) -> int:
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_WAITING)["Attributes"]
    return sum(int(told[name]) for name in _WAITING)


def _flat(told: Facts) -> Facts:
    """A line for each thing, also for those within others."""
    return {name: _line(value) for name, value in told.items()}


def _line(value: Any) -> Any:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return ", ".join(value) or "none" if isinstance(value, list) else value
