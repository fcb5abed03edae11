"""Logging in and out over HTTP, and a person's own password."""

from typing import cast
from uuid import UUID

from typing_extensions import TypedDict

from winroom import entrance, sessions, users
from winroom.answers import Reply, session_cookie
from winroom.entrance import Admitted
from winroom.logins import Login, PasswordChange
from winroom.web import Call


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
    return _begun(entrance.log_in(call, body))


def show(call: Call) -> Reply[Who]:
    """Who is logged in, as what, and in which company."""
    with call.session() as conn:
        # The route is personal: keys and displays do not come this far.
        return Reply(users.who(conn, cast(UUID, call.caller.user_id)))


def end(call: Call) -> Reply[Ended]:
    """Logs the person out everywhere: all their tokens end, within a minute, and their sockets close."""
    entrance.log_out(call)
    return Reply({"success": True}, headers=session_cookie("", 0))


def change_password(call: Call, body: PasswordChange) -> Reply[Session]:
    """Changes one's own password. All other sessions of the person end; the answer brings a new one. A wrong
    `current_password` counts as a failed login of the account."""
    return _begun(entrance.change_password(call, body))


def _begun(admitted: Admitted) -> Reply[Session]:
    body = {"token": admitted.token, "expiresIn": sessions.VALID_FOR, **admitted.who}
    return Reply(body, headers=session_cookie(admitted.token, sessions.VALID_FOR))
