"""Sessions of people: signed tokens of twelve hours that end early when their person's generation of
tokens does (logout, a new password, disabling)."""

import time
from datetime import UTC, datetime
from uuid import UUID

import jwt

from winroom import attempts, passwords, queries, users
from winroom.callers import Caller, Role
from winroom.db import Connection, Row
from winroom.settings import settings
from winroom.validation import Input, Text100, Text500

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
# Whom nobody is: a login of theirs costs what any other does, and never succeeds.
_NOBODY = {
    "tenant_id": UUID(int=0),
    "user_id": UUID(int=0),
    "role": "watcher",
    "seller_id": None,
    "password_hash": passwords.NOBODYS_HASH,
    "token_version": 0,
    "disabled_at": datetime.min.replace(tzinfo=UTC),
    "plan": "free",
    "settings": {},
}
_SQL = queries.load("sessions")


class Login(Input):
    """Who logs in: `tenant` is the company's slug."""

    tenant: Text100
    email: Text500
    password: passwords.Typed

    @property
    def account(self) -> tuple[str, str]:
        """What its attempts are counted by, whether there is such an account or not."""
        return self.tenant.lower(), self.email.lower()


class PasswordChange(Input):
    """A person's password and the one that follows it."""

    current_password: passwords.Typed
    new_password: passwords.New


def attempt(conn: Connection, login: Login, network: str) -> Row:
    """Counts a login against its account and its network, then tells whose it is, or nobody's.

    One round trip, whatever is found. Needs no tenant entered. Raises RateLimited.
    """
    tenant, email = login.account
    with conn.pipeline():
        attempts.count(conn, attempts.LOGINS, *login.account)
        attempts.count(conn, attempts.LOGINS_FROM, network)
        found = conn.execute(_SQL["find_login"], {"tenant": tenant, "email": email})
    return found.fetchone() or _NOBODY


def is_right(person: Row, password: str) -> bool:
    """Whether the person that was found may come in. Takes as long for nobody and for the disabled."""
    return passwords.is_right(person["password_hash"], password) and person["disabled_at"] is None


def hurry(conn: Connection) -> None:
    """Lets the commit wait for no disk, which would tell that there is something to write. Sends only."""
    conn.execute(_SQL["hurry"])


def begin(conn: Connection, person: Row, login: Login, network: str) -> Row:
    """Forgives what led here, hashes the password anew if it is due, and returns who it is."""
    users.rehash(conn, person, login.password)
    attempts.forgive(conn, attempts.LOGINS, *login.account, wholly=True)
    attempts.forgive(conn, attempts.LOGINS_FROM, network)
    return users.who(conn, person["user_id"])


def token(tenant_id: UUID, user_id: UUID, token_version: int) -> str:
    """A token for a person whose password was right."""
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
