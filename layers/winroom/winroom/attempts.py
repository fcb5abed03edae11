"""Attempts that somebody may be guessing with, counted before they are made and across all functions.
What they are counted by is kept as a hash: people type passwords where their email belongs."""

import hashlib
import ipaddress
from dataclasses import dataclass

from winroom import queries
from winroom.db import Connection

_SQL = queries.load("attempts")


@dataclass(frozen=True, slots=True)
class Limit:
    """So many attempts of a kind in so many seconds, from the first one on."""

    kind: str
    most: int
    seconds: int


SIGN_UPS = Limit("sign-up", 5, 60 * 60)
# Of one account, and from one address at whatever accounts.
LOGINS = Limit("login", 10, 15 * 60)
LOGINS_FROM = Limit("login-from", 50, 15 * 60)


def count(conn: Connection, limit: Limit, *whose: str) -> None:
    """Counts an attempt; over the limit the transaction ends in RateLimited. Sends only."""
    values = {"subject": _subject(limit, whose), "most": limit.most, "seconds": limit.seconds}
    conn.execute(_SQL["count"], values)


def forgive(conn: Connection, limit: Limit, *whose: str, wholly: bool = False) -> None:
    """Takes back an attempt that turned out well, or all of them. Sends only."""
    conn.execute(_SQL["forgive"], {"subject": _subject(limit, whose), "wholly": wholly})


def network(address: str | None) -> str:
    """Whom an address belongs to: nobody has only one of version 6."""
    if address is None:
        return "unknown"
    found = ipaddress.ip_address(address)
    if found.version == 4:
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))


def _subject(limit: Limit, whose: tuple[str, ...]) -> str:
    digest = hashlib.sha256("\0".join(whose).encode(errors="surrogatepass")).hexdigest()
    return f"{limit.kind}:{digest}"
