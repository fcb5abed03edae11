"""`winroom send`: sales through the API, as a customer's program sends them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import IO, Any, get_args

import click

from infra.operator import screen, target
from infra.operator.api import BATCH, Api, Refused, complaint, of_company, of_tenant
from winroom import ids, spreadsheets
from winroom.sales import Currency
from winroom.spreadsheets import Line, Reading
from winroom.validation import check

Judge = Callable[[Sequence[Mapping[str, Any]]], list[dict[str, Any]]]

_VERDICTS = {202: "accepted", 409: "conflict"}
_WELL = {"accepted", "duplicate"}
_NEEDED = {"--customer": "customer_name", "--price": "sell_price", "--seller": "seller_external_id"}


@click.command(
    short_help="Send sales through the API.",
    epilog=screen.examples(
        "winroom send --customer 'Ada Lovelace' --price 1250 --seller grace",
        "winroom send sales.csv --mapping 'Invoice:sale_id,Client:customer_name'",
        "winroom --stack winroom-staging send sales.csv --tenant acme --json",
    ),
)
@click.argument("file", type=click.File(encoding="utf-8-sig"), required=False)
@of_tenant
@click.option("--sale-id", help="What the sender calls it; one of its own by default.")
@click.option("--customer", "customer_name", help="The customer's name.")
@click.option("--price", "sell_price", help="Such as 1250.00.")
@click.option("--seller", "seller_external_id", help="The id of the seller.")
@click.option("--currency", type=click.Choice(get_args(Currency)), help="USD by default.")
@click.option("--cost", "cost_price", help="Such as 800.00.")
@click.option("--sku", "product_sku", help="The product's.")
@click.option("--occurred-at", help="Such as 2026-01-31T15:30:00Z; now by default.")
@click.option("--mapping", help="Which column of FILE is which field: their_column:our_field, with commas.")
@click.option("--default-seller", help="The seller of the rows of FILE that name none.")
@screen.as_json
def send(
    file: IO[str] | None,
    tenant: str | None,
    mapping: str | None,
    default_seller: str | None,
    as_json: bool,
    **sale: str | None,
) -> None:
    """Send sales through the API, and show the verdict on each.

    One sale by options, or all of a CSV FILE (- for standard input), whose first row names the fields of the
    API. What is sent twice is recorded once, and where the API says "later", it is sent later. Exit code 1
    if any sale was refused.
    """
    given = {name: value for name, value in sale.items() if value is not None}
    if bool(file) == bool(given):
        raise click.UsageError("Send either a FILE, or one sale: --customer, --price and --seller.")
    if not file and (mapping or default_seller):
        raise click.UsageError("--mapping and --default-seller go with a FILE.")
    lines = _lines(file, mapping, default_seller) if file else [Line(1, _one(given))]
    with of_company(tenant, "ingest") as api:
        verdicts: list[dict[str, Any]] = []
        try:
            for verdict in _verdicts(partial(_judge if file else _judge_alone, api), lines):
                verdicts.append(verdict)
        finally:  # whatever stops it, those that were sent are told
            _show(verdicts, as_json)
    if any(verdict["verdict"] not in _WELL for verdict in verdicts):
        click.get_current_context().exit(1)


def _show(verdicts: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        screen.show_json({"results": verdicts})
    else:
        screen.show_rows(verdicts, ("row", "sale_id", "verdict", "event_id", "message"), "Nothing was sent.")


def _one(sale: dict[str, str]) -> dict[str, str]:
    missing = [option for option, name in _NEEDED.items() if name not in sale]
    if missing:
        raise click.UsageError(f"A sale needs {', '.join(missing)} as well.")
    if "sale_id" in sale and "occurred_at" not in sale:
        raise click.UsageError("With --sale-id goes --occurred-at: sent again, it must be the same sale.")
    made = {"sale_id": f"winroom-{ids.new()}", "occurred_at": datetime.now(UTC).isoformat(timespec="seconds")}
    return made | sale


def _lines(file: IO[str], mapping: str | None, default_seller: str | None) -> list[Line]:
    try:
        text = file.read()
    except UnicodeDecodeError as error:
        raise click.ClickException(
            f"{file.name} must be text in UTF-8: in Excel, save it as CSV UTF-8."
        ) from error
    with target.asking_the_database():
        how = check(Reading, {"mapping": mapping, "default_seller": default_seller})
        return spreadsheets.read(text, how).lines


def _verdicts(judge: Judge, lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    with screen.progress("Sending", len(lines)) as advance:
        for start in range(0, len(lines), BATCH):
            part = lines[start : start + BATCH]
            sound = [line.values for line in part if line.problem is None]
            judged = iter(judge(sound) if sound else ())
            for line in part:
                yield _verdict(line, {"error": line.problem} if line.problem else next(judged))
            advance(len(part))


def _judge(api: Api, sales: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    try:
        return api.send(sales)
    except Refused as refused:
        if refused.status != 413:
            raise
        return [verdict for sale in sales for verdict in _judge_alone(api, [sale])]


def _judge_alone(api: Api, sales: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The answer to a request of its own, as a batch tells it."""
    (sale,) = sales
    try:
        return [{**api.post("/api/events", sale), "status": 202}]
    except Refused as refused:
        if refused.status not in (400, 409, 413):
            raise
        return [{**refused.body, "status": refused.status}]


def _verdict(line: Line, told: Mapping[str, Any]) -> dict[str, Any]:
    verdict = _VERDICTS.get(told.get("status", 400), "refused")
    return {
        "row": line.row,
        "sale_id": line.values.get("sale_id"),
        "verdict": "duplicate" if told.get("duplicate") else verdict,
        "event_id": told.get("eventId"),
        "message": complaint(told) or None,
    }
