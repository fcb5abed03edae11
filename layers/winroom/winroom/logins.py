"""Logins: whether somebody is who they say, however often somebody guesses. Nothing tells, neither words nor
time, whether an account exists."""

from datetime import UTC, datetime
from uuid import UUID

from winroom import attempts, passwords, queries, users
from winroom.db import Connection, Row
from winroom.validation import Input, Text100, Text500

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
    "pauses": [],
}
_SQL = queries.load("logins")


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
        found = conn.execute(_SQL["find"], {"tenant": tenant, "email": email})
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
