"""People's way in, for the API and for pages alike: signing a company up, logging in, one's own password.
These verbs open their transactions themselves, for they begin before anybody is known."""

from dataclasses import dataclass
from typing import Any, Protocol, cast
from uuid import UUID

from winroom import (
    attempts,
    audit,
    callers,
    copy,
    db,
    ids,
    logins,
    passwords,
    sessions,
    sign_up,
    switches,
    users,
)
from winroom.callers import Caller, Role
from winroom.db import Connection, Row
from winroom.errors import Forbidden, Invalid, Paused, Unauthenticated
from winroom.logins import Login, PasswordChange
from winroom.sign_up import NewCompany


class Request(Protocol):
    """What coming in needs of a request; web.Call is one."""

    @property
    def caller(self) -> Caller: ...
    @property
    def address(self) -> str | None: ...
    @property
    def comes_from_another_site(self) -> bool: ...
    @property
    def success(self) -> int: ...
    def entry_of(self, caller: Caller) -> audit.Entry: ...
    def session(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who came in (`user` and `tenant`), and the token that shows it from then on."""

    who: dict[str, Any]
    token: str

    @classmethod
    def of(cls, who: dict[str, Any], token_version: int) -> "Admitted":
        return cls(who, sessions.token(who["tenant"]["id"], who["user"]["id"], token_version))


def log_in(request: Request, login: Login) -> Admitted:
    """Lets a person in. Raises Unauthenticated, Forbidden for another site's form, Paused, RateLimited."""
    if request.comes_from_another_site:
        # Or a page could log its visitors in to somebody else's account, and read what they then enter.
        raise Forbidden(copy.LOGIN_FROM_ELSEWHERE)
    network = attempts.network(request.address)
    with db.open_session() as conn:
        person = logins.attempt(conn, login, network)
    if not logins.is_right(person, login.password):
        _note_failure(request, person)
        raise Unauthenticated(copy.WRONG_LOGIN)
    switches.admit(sessions.caller(person))
    with db.tenant_session(person["tenant_id"]) as conn:
        who = logins.begin(conn, person, login, network)
        audit.note(conn, request.entry_of(sessions.caller(person)), request.success)
    return Admitted.of(who, person["token_version"])


def log_out(request: Request) -> None:
    """Ends all tokens of the person who calls, within a minute everywhere."""
    with request.session() as conn:
        users.end_sessions(conn, _person(request))
    callers.forget_all()


def change_password(request: Request, change: PasswordChange) -> Admitted:
    """Changes one's own password; all other sessions of the person end. Raises Invalid, RateLimited."""
    user_id = _person(request)
    with db.tenant_session(request.caller.tenant_id) as conn:
        account = users.account(conn, user_id)
    with db.open_session() as conn:
        attempts.count(conn, attempts.LOGINS, account["slug"], account["email"])
    if not passwords.is_right(account["password_hash"], change.current_password):
        message = copy.WRONG_PASSWORD.format(field="current_password")
        raise Invalid(details=[{"field": "current_password", "message": message}])
    passwords.must_differ(change.new_password, account["email"], "new_password")
    with request.session() as conn:
        version = users.set_password(conn, user_id, account["token_version"], change.new_password)
        attempts.forgive(conn, attempts.LOGINS, account["slug"], account["email"], wholly=True)
        who = users.who(conn, user_id)
    callers.forget_all()
    return Admitted.of(who, version)


def sign_up_company(request: Request, wanted: NewCompany) -> dict[str, Any]:
    """Makes a company: `tenant`, `user` and, in plain and only now, `api_key`. Raises Conflict where the
    slug is taken, Invalid, Paused, RateLimited."""
    if request.comes_from_another_site:
        raise Forbidden(copy.LOGIN_FROM_ELSEWHERE)
    with db.open_session() as conn:
        switches.read(conn)
        if switches.is_on("pause_sign_up"):
            raise Paused(copy.SIGN_UP_PAUSED)
        attempts.count(conn, attempts.SIGN_UPS, attempts.network(request.address))
    tenant_id = ids.new()
    with db.tenant_session(tenant_id) as conn:
        made = sign_up.complete(conn, tenant_id, wanted)
        admin = Caller(tenant_id, Role.ADMIN, ingestion_limit=0, user_id=made["user"]["id"])
        audit.note(conn, request.entry_of(admin), request.success)
    return made


def _note_failure(request: Request, person: Row) -> None:
    entry = request.entry_of(sessions.caller(person))

    def work(conn: Connection) -> None:
        logins.hurry(conn)
        audit.note_failed_login(conn, entry)

    db.tenant_batch(person["tenant_id"], work)


def _person(request: Request) -> UUID:
    # The routes are personal: keys and displays do not come this far.
    return cast(UUID, request.caller.user_id)
