"""Sessions of people: signed tokens of twelve hours that end early when their person's generation of
tokens does (logout, a new password, disabling)."""

import time
from uuid import UUID

from winroom import queries
from winroom.callers import Caller, Role
from winroom.db import Connection, Row
from winroom.settings import settings

# Seconds.
VALID_FOR = 12 * 60 * 60

_ALGORITHM = "HS256"
_ISSUER = "winroom"
_ROLES = {
    "watcher": Role.WATCHER,
    "seller": Role.SELLER,
    "manager": Role.MANAGER,
    "admin": Role.ADMIN,
}
_SQL = queries.load("sessions")


def token(tenant_id: UUID, user_id: UUID, token_version: int) -> str:
    """A token for a person whose password was right."""
    # Imported where it is needed: keys and displays come without it, and cold starts are somebody's wait.
    import jwt

    now = int(time.time())
    claims = {
        "iss": _ISSUER,
        "sub": str(user_id),
        "tenant": str(tenant_id),
        "version": token_version,
        "iat": now,
        "exp": now + VALID_FOR,
    }
    kid = settings().session_kid
    return jwt.encode(claims, settings().session_keys[kid], _ALGORITHM, headers={"kid": kid})


def resolve(conn: Connection, presented: str) -> Caller | None:
    """Whom a token speaks for; None when it is forged, expired or of a past generation.

    Needs no tenant entered.
    """
    claims = _verified(presented)
    row = claims and conn.execute(_SQL["resolve"], claims).fetchone()
    return caller(row) if row else None


def _verified(presented: str) -> Row | None:
    import jwt

    try:
        kid = jwt.get_unverified_header(presented)["kid"]
        claims = jwt.decode(
            presented,
            # Of two live keys the token names one; the algorithm is ours to say, never the token's.
            settings().session_keys[kid],
            [_ALGORITHM],
            issuer=_ISSUER,
            options={"require": ["exp", "sub", "tenant", "version"]},
        )
        return {
            "tenant_id": UUID(claims["tenant"]),
            "user_id": UUID(claims["sub"]),
            "token_version": int(claims["version"]),
        }
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, AttributeError):
        return None


def caller(row: Row) -> Caller:
    """A person as a caller, from what was found of them."""
    return Caller.of(
        _ROLES[row["role"]],
        row,
        user_id=row["user_id"],
        seller_id=row["seller_id"],
        token_version=row["token_version"],
    )
