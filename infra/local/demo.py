"""The demo tenant of the local stack: its first admin and its key."""

import json
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from winroom import api_keys, ids, tenants, users
from winroom.db import Connection, connect


@dataclass(frozen=True)
class Demo:
    tenant: str
    api_key: str
    email: str
    password: str


def seed(state: Path, operator_url: str) -> Demo:
    """The demo tenant, created if the database does not have it yet.

    Its key is shown only once, when it is made, so it is remembered beside the data.
    """
    file = state / "demo.json"
    with connect(operator_url) as conn:
        if file.exists():
            known = Demo(**json.loads(file.read_text()))
            if tenants.find(conn, known.tenant):
                return known
        demo = _create(conn)
    file.touch(mode=0o600)
    file.write_text(json.dumps(asdict(demo)))
    return demo


def _create(conn: Connection) -> Demo:
    tenant_id = ids.new()
    # A database that was brought along may have a demo tenant whose key nobody here remembers.
    slug = f"demo-{secrets.token_hex(3)}" if tenants.find(conn, "demo") else "demo"
    demo = Demo(slug, "", f"admin@{slug}.example", secrets.token_urlsafe(12))
    # The most generous plan: people who try things out should not meet the limit first.
    tenants.create(conn, tenant_id, slug, "Demo Company", "enterprise")
    users.create(conn, tenant_id, demo.email, "Demo Admin", "admin", demo.password)
    key, _ = api_keys.create(conn, tenant_id, "Demo key", "full", "demo")
    return replace(demo, api_key=key)


def curl(http_url: str, api_key: str) -> str:
    """A command that sends one sale."""
    now = datetime.now(UTC)
    sale = {
        "sale_id": f"S-{now:%m%d-%H%M%S}",  # another one each day: the database stays
        "occurred_at": now.isoformat(timespec="seconds"),
        "customer_name": "Ada Lovelace",
        "sell_price": 1250.0,
        "seller_external_id": "grace",
    }
    return (
        f"curl {http_url}/api/events -H 'Authorization: Bearer {api_key}'"
        f" -H 'Content-Type: application/json' -d '{json.dumps(sale)}'"
    )
