"""People: who may log in, as what. Passwords are kept as argon2id hashes only."""

from contextlib import suppress
from typing import Annotated, Any, Literal
from uuid import UUID

from psycopg.errors import ForeignKeyViolation, UniqueViolation
from pydantic import Field

from winroom import attempts, copy, passwords, queries, sellers
from winroom.db import Connection, Row, only
from winroom.errors import Conflict, FieldProblem, Invalid, NotFound, Unauthenticated
from winroom.sellers import NewSeller, SellerId
from winroom.validation import BlankIsAbsent, Email, Input, Text200

Role = Literal["admin", "manager", "seller", "watcher"]

_SQL = queries.load("users")


class NewUser(Input):
    """A person as they are added. A `seller` without a `seller_id` becomes the seller whose id is their
    email; without a `password` one is made."""

    email: Email
    display_name: Text200
    role: Role
    seller_id: Annotated[SellerId | None, BlankIsAbsent] = None
    password: passwords.New | None = None


class UserChanges(Input):
    """What of a person changes: only what is given; null leaves no seller but a `seller`'s own."""

    # Their defaults are never read.
    display_name: Text200 = Field(default_factory=str)
    role: Role = Field(default_factory=lambda: "watcher")
    seller_id: Annotated[SellerId | None, BlankIsAbsent] = None
    disabled: bool = Field(default_factory=bool, strict=True)


class Filter(Input):
    """Which people to list; `cursor` is the last person of the page before."""

    status: Annotated[Literal["active", "disabled"] | None, BlankIsAbsent] = None
    cursor: Annotated[UUID | None, BlankIsAbsent] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 100


def create(
    conn: Connection,
    tenant_id: UUID,
    email: str,
    display_name: str,
    role: Role,
    password: str,
    seller_id: str | None = None,
) -> Row:
    """Adds a person to a company. Raises Conflict for a known email, Invalid for an unknown seller."""
    values = {
        "tenant_id": tenant_id,
        "email": email.lower(),
        "display_name": display_name,
        "role": role,
        "seller_id": seller_id,
        "password_hash": passwords.hashed(password),
    }
    try:
        return only(conn.execute(_SQL["create"], values))
    except UniqueViolation as error:
        problem = FieldProblem(field="email", message=copy.EMAIL_TAKEN)
        raise Conflict(copy.EMAIL_TAKEN, details=[problem]) from error
    except ForeignKeyViolation as error:
        raise _unknown_seller() from error


def add(conn: Connection, tenant_id: UUID, wanted: NewUser) -> Row:
    """Adds a person; with their `password` where it was made here, which is seen only now."""
    if wanted.password:
        passwords.must_differ(wanted.password, wanted.email, "password")
    password = wanted.password or passwords.random()
    seller_id = _seller(conn, wanted.role, wanted.seller_id, wanted.email, wanted.display_name)
    row = create(conn, tenant_id, wanted.email, wanted.display_name, wanted.role, password, seller_id)
    return row if wanted.password else {**row, "password": password}


def page(conn: Connection, wanted: Filter) -> list[Row]:
    """People in the order in which they were added, `wanted.limit` at most."""
    return conn.execute(_SQL["page"], wanted.model_dump()).fetchall()


def find(conn: Connection, user_id: UUID) -> Row:
    """A person of the entered tenant. Raises NotFound."""
    return _found(conn.execute(_SQL["find"], {"user_id": user_id}).fetchone())


def of_email(conn: Connection, email: str) -> Row:
    """The person of the entered tenant who logs in with it. Raises NotFound."""
    return _found(conn.execute(_SQL["of_email"], {"email": email}).fetchone())


def change(conn: Connection, user_id: UUID, wanted: UserChanges) -> Row:
    """Changes a person. Where what they may do changes, all their tokens end.

    Raises NotFound, Conflict where no active admin would be left, Invalid for an unknown seller.
    """
    # Locks the active admins as well: of two who dismiss each other, the second finds itself the last.
    locked = {row["id"]: row for row in conn.execute(_SQL["lock"], {"user_id": user_id}).fetchall()}
    before = _found(locked.pop(user_id, None))
    after = _changed(conn, before, wanted)
    if _is_active_admin(before) and not _is_active_admin(after) and not locked:
        raise Conflict(copy.LAST_ADMIN)
    try:
        return only(conn.execute(_SQL["change"], {**after, "ends": _powers(before) != _powers(after)}))
    except ForeignKeyViolation as error:
        raise _unknown_seller() from error


def reset_password(conn: Connection, user_id: UUID) -> Row:
    """Gives a person a random `password`, which is seen only now, and ends all their tokens.

    Whoever forgot theirs has probably used up their attempts: those are forgiven. Raises NotFound.
    """
    # Whoever logs out or changes it meanwhile waits.
    conn.execute(_SQL["lock"], {"user_id": user_id})
    of_old = account(conn, user_id)
    password = passwords.random()
    set_password(conn, user_id, of_old["token_version"], password)
    attempts.forgive(conn, attempts.LOGINS, of_old["slug"], of_old["email"], wholly=True)
    return {**find(conn, user_id), "password": password}


def account(conn: Connection, user_id: UUID) -> Row:
    """What a person logs in with: `slug`, `email`, `password_hash`, and `token_version`. Raises NotFound."""
    return _found(conn.execute(_SQL["account"], {"user_id": user_id}).fetchone())


def set_password(conn: Connection, user_id: UUID, token_version: int, password: str) -> int:
    """Sets a password and ends all tokens; returns the new generation of tokens.

    Raises Unauthenticated where the given generation has ended meanwhile.
    """
    values = {
        "user_id": user_id,
        "token_version": token_version,
        "password_hash": passwords.hashed(password),
    }
    row = conn.execute(_SQL["set_password"], values).fetchone()
    if row is None:
        raise Unauthenticated
    return int(row["token_version"])


def rehash(conn: Connection, user: Row, password: str) -> None:
    """Hashes a password that was right anew, if its hash is of older parameters than today's."""
    if passwords.is_outdated(user["password_hash"]):
        conn.execute(_SQL["rehash"], {**user, "fresh_hash": passwords.hashed(password)})


def who(conn: Connection, user_id: UUID) -> Row:
    """`user` and `tenant`, as a person is told of themselves."""
    row = _found(conn.execute(_SQL["who"], {"user_id": user_id}).fetchone())
    user = {name: row[name] for name in ("email", "display_name", "role", "seller_id")}
    return {
        "user": {"id": row["user_id"], **user},
        "tenant": {"id": row["tenant_id"], "slug": row["slug"], "name": row["name"]},
    }


def end_sessions(conn: Connection, user_id: UUID) -> None:
    """Ends all tokens of a person. Sends only."""
    conn.execute(_SQL["end_sessions"], {"user_id": user_id})


def _seller(conn: Connection, role: Role, seller_id: str | None, email: str, display_name: str) -> str | None:
    """The seller that a person acts for: the one that is named; a `seller` else for their own."""
    if seller_id or role != "seller":
        return seller_id
    with suppress(Conflict):  # it is there already
        sellers.create(conn, NewSeller(seller_id=email, display_name=display_name, email=email))
    return email


def _changed(conn: Connection, before: Row, wanted: UserChanges) -> Row:
    changes = wanted.model_dump(exclude_unset=True)
    after = {**before, "disabled": before["disabled_at"] is not None, **changes}
    if changes.keys() & {"role", "seller_id"}:
        after["seller_id"] = _seller(
            conn, after["role"], after["seller_id"], before["email"], after["display_name"]
        )
    return after


def _is_active_admin(user: Row) -> bool:
    return user["role"] == "admin" and not _is_disabled(user)


def _is_disabled(user: Row) -> bool:
    return bool(user.get("disabled", user["disabled_at"] is not None))


def _powers(user: Row) -> tuple[Any, ...]:
    return user["role"], user["seller_id"], _is_disabled(user)


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFound
    return row


def _unknown_seller() -> Invalid:
    message = copy.NO_SUCH_SELLER.format(field="seller_id")
    return Invalid(details=[{"field": "seller_id", "message": message}])
