"""`winroom seed`: a company's data for trying things out, all of it through the API."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import click

from infra.operator import screen, target
from infra.operator.api import BATCH, Api, Refused, is_for_the_demo, of_company, of_tenant

# Seconds that the processor may take for the rest, once all are sent.
PATIENCE = 300.0

FIRST_NAMES = ("Ada", "Alan", "Barbara", "Dorothy", "Edsger", "Frances", "Grace", "Hedy", "John", "Mary")
LAST_NAMES = ("Allen", "Backus", "Clarke", "Hopper", "Lamarr", "Liskov", "Ross", "Snyder", "Turing", "Zuse")
CUSTOMERS = ("Northgate Bakery", "Harbour Dental", "Willow School", "Alder & Sons", "Bluewater Hotel")
# SKU: name, default cost, price.
PRODUCTS = {
    "SEED-RT6": ("Rooftop 6 kW (seed)", 4100, 7200),
    "SEED-RT10": ("Rooftop 10 kW (seed)", 6350, 10900),
    "SEED-BAT": ("Home battery (seed)", 3900, 6400),
    "SEED-WB": ("Wallbox (seed)", 410, 890),
    "SEED-SVC": ("Service plan (seed)", 60, 240),
}
CLAIM_TYPES = ("first_touch", "first_touch", "upsell", "retention")


@click.command(
    short_help="Give a company made-up sellers, sales and claims.",
    epilog=screen.examples(
        "winroom seed",
        "winroom seed --events 20000 --claims 5000",
        "winroom --stack winroom-staging seed --tenant acme --yes",
    ),
)
@of_tenant
@click.option("--sellers", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many.")
@click.option(
    "--events", type=click.IntRange(1, 100_000), default=500, show_default=True, help="How many sales."
)
@click.option(
    "--claims", type=click.IntRange(0, 100_000), default=50, show_default=True, help="Of how many sales."
)
@screen.yes
@screen.as_json
def seed(tenant: str | None, sellers: int, events: int, claims: int, yes: bool, as_json: bool) -> None:
    """Give a company made-up sellers, sales and claims.

    They come in as everything does, so all of it fits together. Run twice, it adds nothing; with more
    --events or --claims it adds the rest. Another number of --sellers is another set.
    """
    if claims > events:
        raise click.UsageError("--claims: there cannot be more of them than --events.")
    with of_company(tenant, "full") as api:
        company = api.get("/api/tenant")
        if not is_for_the_demo(tenant):
            where = f"{company['name']} at {target.current().http_url}"
            screen.confirm(f"Made-up sales will stand on the boards of {where}. Go on?", yes)
        made = _fill(api, company, sellers, events, claims)
    if as_json:
        screen.show_json({"tenant": company["slug"], **made})
        return
    for what, counts in made.items():
        click.echo(f"{what:<9}{counts['made']} made, {counts['known']} known before")
    if not any(counts["made"] for counts in made.values()):
        click.echo("This company was seeded before: nothing was added.")


def _fill(
    api: Api, company: dict[str, Any], sellers: int, events: int, claims: int
) -> dict[str, dict[str, int]]:
    # As old as the company: the same each time, or a repetition would be another sale.
    until = datetime.fromisoformat(company["created_at"])
    sales = [_sale(n, sellers, until) for n in range(1, events + 1)]
    catalogue = [
        {"name": name, "sku": sku, "default_cost": cost} for sku, (name, cost, _) in PRODUCTS.items()
    ]
    people = [_seller(n, sellers) for n in range(1, sellers + 1)]
    return {
        "products": _add_all("Products", catalogue, lambda product: _add(api, "/api/products", product)),
        "sellers": _add_all("Sellers", people, lambda seller: _add(api, "/api/sellers", seller)),
        "events": _send(api, sales),
        "claims": _add_all("Claims", sales[:claims], lambda sale: _claim(api, sale)),
    }


def _add_all(what: str, things: Sequence[Any], add: Callable[[Any], bool]) -> dict[str, int]:
    made = 0
    with screen.progress(what, len(things)) as advance:
        for thing in things:
            made += add(thing)
            advance(1)
    return {"made": made, "known": len(things) - made}


def _add(api: Api, path: str, body: dict[str, Any]) -> bool:
    """Whether it was not there before."""
    try:
        api.post(path, body)
    except Refused as refused:
        if refused.status != 409:
            raise
        return False
    return True


def _send(api: Api, sales: list[dict[str, Any]]) -> dict[str, int]:
    made, ours = 0, set[str]()
    with screen.progress("Events", len(sales)) as advance:
        for start in range(0, len(sales), BATCH):
            part = sales[start : start + BATCH]
            verdicts = api.send(part)
            if refused := [verdict for verdict in verdicts if verdict["status"] != 202]:
                raise click.ClickException(f"{len(refused)} sales were refused: {refused[0]['error']}")
            made += sum(not verdict["duplicate"] for verdict in verdicts)
            ours |= {verdict["eventId"] for verdict in verdicts}
            advance(len(part))
    _wait_until_processed(api, ours)
    return {"made": made, "known": len(sales) - made}


def _wait_until_processed(api: Api, ours: set[str]) -> None:
    gives_up_at = time.monotonic() + PATIENCE
    while any(event_id in ours for event_id in _pending(api)):
        if time.monotonic() > gives_up_at:
            raise click.ClickException(
                "The sales are sent, but not all processed: `winroom status` says whether the processor "
                "works. Run the same again for the claims."
            )
        time.sleep(1)


def _pending(api: Api) -> Iterator[str]:
    """All that wait, the newest first: others send as well, and ours may be far below."""
    cursor = ""
    while cursor is not None:
        page = api.get("/api/events", status="pending", limit=100, cursor=cursor)
        yield from (event["event_id"] for event in page["events"])
        cursor = page["nextCursor"]


def _claim(api: Api, sale: dict[str, Any]) -> bool:
    """Its seller claims it; whether it was still to be claimed."""
    found = api.get("/api/queue", q=sale["sale_id"])["queue"]
    if not found:
        return False
    kind = Random(sale["sale_id"]).choice(CLAIM_TYPES)
    claim = {"seller_id": sale["seller_external_id"], "claim_type": kind}
    return _add(api, f"/api/queue/{found[0]['id']}/claim", claim)


def _seller(n: int, sellers: int) -> dict[str, str]:
    name = f"{FIRST_NAMES[n % 10]} {LAST_NAMES[n // 10 % 10]}"
    return {"seller_id": f"seed-{sellers}-{n:03}", "display_name": name if n <= 100 else f"{name} {n}"}


def _sale(n: int, sellers: int, until: datetime) -> dict[str, Any]:
    """The n-th, the same each time: some time in the thirty days before."""
    sale_id = f"seed-{sellers}-{n:05}"
    dice = Random(sale_id)
    sku = dice.choice(list(PRODUCTS))
    at = until - timedelta(minutes=dice.uniform(1, 30 * 24 * 60))
    # Some are ahead of others, or it would be no board.
    seller = int(dice.triangular(1, sellers + 1, 1))
    return {
        "sale_id": sale_id,
        "occurred_at": at.isoformat(timespec="seconds"),
        "customer_name": f"{dice.choice(CUSTOMERS)} {n}",
        "sell_price": f"{PRODUCTS[sku][2] * dice.uniform(0.85, 1.3):.2f}",
        "currency": "EUR" if dice.random() < 0.25 else "USD",
        "product_sku": sku,
        "seller_external_id": f"seed-{sellers}-{min(seller, sellers):03}",
    }
