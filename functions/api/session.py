"""Logging in and out over HTTP, and a person's own password."""

from typing import Any, cast
from uuid import UUID

from typing_extensions import TypedDict

from winroom import attempts, audit, callers, copy, db, logins, passwords, sessions, users
from winroom.db import Connection, Row
from winroom.errors import Forbidden, Invalid, Unauthenticated
from winroom.logins import Login, PasswordChange
from winroom.web import Call, Reply, session_cookie


class OneSelf(TypedDict):
    id: UUID
    email: str
    display_name: str
    role: users.Role
    seller_id: str | None


class OnesCompany(TypedDict):
    id: UUID
    slug: str
    name: str


class Who(TypedDict):
    user: OneSelf
    tenant: OnesCompany


class Session(Who):
    # Send it as a Bearer header; browsers have it as a cookie, too.
    token: str
    # Seconds.
    expiresIn: int


class Ended(TypedDict):
    success: bool


def create(call: Call, body: Login) -> Reply[Session]:
    """Logs a person in: `tenant` is the company's slug. The token works for twelve hours as a Bearer header,
    and pages have it as a cookie that no script can read. After ten failures of an account, or fifty from
    one address, logging in is refused until the quarter of an hour is over."""
    if call.comes_from_another_site:
        # Or a page could log its visitors in to somebody else's account, and read what they then enter.
        raise Forbidden(copy.LOGIN_FROM_ELSEWHERE)
    network = attempts.network(call.address)
    with db.open_session() as conn:
        person = logins.attempt(conn, body, network)
    if not logins.is_right(person, body.password):
        _note_failure(call, person)
        raise Unauthenticated(copy.WRONG_LOGIN)
    with db.tenant_session(person["tenant_id"]) as conn:
        who = logins.begin(conn, person, body, network)
        audit.note(conn, call.entry_of(sessions.caller(person)), call.route.status)
    return _begun(who, person["token_version"])


def show(call: Call) -> Reply[Who]:
    """Who is logged in, as what, and in which company."""
    with call.session() as conn:
        return Reply(users.who(conn, _person(call)))


def end(call: Call) -> Reply[Ended]:
    """Logs the person out everywhere: all their tokens end, within a minute, and their sockets close."""
    with call.session() as conn:
        users.end_sessions(conn, _person(call))
    callers.forget_all()
    return Reply({"success": True}, headers=session_cookie("", 0))


def change_password(call: Call, body: PasswordChange) -> Reply[Session]:
    """Changes one's own password. All other sessions of the person end; the answer brings a new one. A wrong
    `current_password` counts as a failed login of the account."""
    user_id = _person(call)
    with db.tenant_session(call.caller.tenant_id) as conn:
        account = users.account(conn, user_id)
    with db.open_session() as conn:
        attempts.count(conn, attempts.LOGINS, account["slug"], account["email"])
    if not passwords.is_right(account["password_hash"], body.current_password):
        message = copy.WRONG_PASSWORD.format(field="current_password")
        raise Invalid(details=[{"field": "current_password", "message": message}])
    passwords.must_differ(body.new_password, account["email"], "new_password")
    with call.session() as conn:
        version = users.set_password(conn, user_id, account["token_version"], body.new_password)
        attempts.forgive(conn, attempts.LOGINS, account["slug"], account["email"], wholly=True)
        who = users.who(conn, user_id)
    callers.forget_all()
    return _begun(who, version)


def _note_failure(call: Call, person: Row) -> None:
    entry = call.entry_of(sessions.caller(person))

    def work(conn: Connection) -> None:
        logins.hurry(conn)
        audit.note_failed_login(conn, entry)

    db.tenant_batch(person["tenant_id"], work)


def _begun(who: dict[str, Any], token_version: int) -> Reply[Session]:
    token = sessions.token(who["tenant"]["id"], who["user"]["id"], token_version)
    body = {"token": token, "expiresIn": sessions.VALID_FOR, **who}
    return Reply(body, headers=session_cookie(token, sessions.VALID_FOR))


def _person(call: Call) -> UUID:
    # The routes are personal: keys and displays do not come this far.
    return cast(UUID, call.caller.user_id)
