"""How every page is made: the frame around it, its words, and what is shown when something is refused.
Pages are for people; whatever they do, they do by the same verbs as the API."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode, urlsplit
from uuid import UUID

from functions.dashboard import assets, words
from winroom import attention, telemetry, users
from winroom.answers import Page
from winroom.callers import Role
from winroom.db import Connection, Row
from winroom.errors import NotFound, Paused, Unauthenticated, WinRoomError
from winroom.forms import Form
from winroom.settings import settings
from winroom.web import Call, Refused

if TYPE_CHECKING:
    from jinja2 import Environment

# Values and their words, to choose from.
Choices = list[tuple[str, str]]

# A path of ours: neither another site's (`//evil`, `/\\evil`) nor anything that ends a header.
_OWN_PATH = re.compile(r"/(?![/\\])[!-~]*")
_TRUTHS = {"true": True, "false": False}
_NUMBER = re.compile(r"[0-9]{1,15}")
_SYMBOLS = {"USD": "$", "EUR": "\u20ac", "GBP": "\u00a3", "TRY": "\u20ba"}


def show(call: Call, conn: Connection, template: str, **shown: Any) -> Page:
    """A page for the person who calls, inside the frame that all their pages have."""
    waiting = attention.counts(conn, call.caller)
    return draw(template, call, who=who(call, conn), waiting=waiting, **shown)


def draw(template: str, call: Call | None = None, **shown: Any) -> Page:
    """A page for whoever calls. Where the call is refused, the page tells why."""
    html = _environment().get_template(template).render(_context(call) | shown)
    return Page(html, _policy(), status=call.refusal.status if call and call.refusal else None)


def see(path: str, notice: str = "") -> Page:
    """Sends the browser on, after a form has done its work; `notice` is what to tell there, by its name."""
    if notice:
        path += ("&" if "?" in path else "?") + urlencode({"notice": notice})
    return Page("", status=303, headers={"Location": path})


def own_path(wanted: str | None, otherwise: str) -> str:
    """Where a form asks to be sent afterwards, if that is a page of ours."""
    return wanted if wanted and _OWN_PATH.fullmatch(wanted) else otherwise


def refuse(refused: Refused) -> Page:
    """What a person sees when something is refused: the form again with what is wrong beside its fields, the
    way in for who is not logged in, or a page that says what to do."""
    call, error = refused.call, refused.error
    if call is None:
        return _error_page(error, refused.request_id, None)
    if isinstance(error, Unauthenticated) and call.route.role is not None:
        return _way_in(call)
    again = call.route.again
    # Who was not let in to the form is not shown its page either.
    if again and call.is_admitted and not isinstance(error, NotFound):
        try:
            return again(call, **call.arguments(again))
        except Exception:
            telemetry.logger().warning("the form could not be drawn again", exc_info=True)
    return _error_page(error, refused.request_id, call)


def who(call: Call, conn: Connection) -> Row:
    """The person who calls, and their company: `user` and `tenant`."""
    # Pages are personal: keys and displays do not come this far.
    return users.who(conn, cast(UUID, call.caller.user_id))


def with_headers(page: Page, headers: Mapping[str, str]) -> Page:
    """The page, and what the browser is told besides."""
    return replace(page, headers={**page.headers, **headers})


def filled(form: Form) -> Form:
    """What was filled in: what was left empty is not there, as if it had not been asked for."""
    return {name: value for name, value in form.items() if value.strip()}


def cleared(form: Form, *required: str) -> dict[str, str | None]:
    """The same for changes: what was left empty is to be empty from now on; what must not be, is refused."""
    return {n: value if value.strip() or n in required else None for n, value in form.items()}


def switched(form: Form, *names: str) -> dict[str, object]:
    """Switches that were sent, as truths; what is neither true nor false stays, to be refused."""
    return {name: _TRUTHS.get(form[name], form[name]) for name in names if name in form}


def number(text: str) -> int | str:
    """A whole number as people type it; anything else stays, to be refused."""
    return int(text) if _NUMBER.fullmatch(text.strip()) else text


def next_page(call: Call, cursor: object) -> str | None:
    """Where the rest of a list is: this address with another cursor."""
    if cursor is None:
        return None
    asked = {k: v for k, v in call.request.query.items() if k not in ("cursor", "notice")}
    return f"?{urlencode(asked | {'cursor': cursor})}"


def _context(call: Call | None) -> dict[str, Any]:
    caller = call.caller_or_none if call else None
    query = call.request.query if call else {}
    return {
        "words": words,
        "asset": assets.address,
        "viewer": caller,
        "Role": Role,
        "path": call.request.path if call else "",
        "query": query,
        "notice": words.NOTICES.get(query.get("notice", "")),
        "who": None,
        "waiting": {},
        "seq": None,
        # Where the page can be read again, if that is not where it was drawn: a refused form's page.
        "address": None,
        **_form_of(call),
    }


def _form_of(call: Call | None) -> dict[str, Any]:
    """What a form shows: what was filled in before, and what was wrong with that."""
    refusal = call.refusal if call else None
    given: Form = {}
    if call and refusal:
        with suppress(WinRoomError):  # what cannot be read is what is refused
            given = call.form
    problems = {problem["field"]: problem["message"] for problem in refusal.details} if refusal else {}
    return {"refusal": refusal, "form": given, "problems": problems}


def _error_page(error: WinRoomError, request_id: str, call: Call | None) -> Page:
    titles = words.ERROR_TITLES
    title = words.PAUSED if isinstance(error, Paused) else titles.get(error.status, titles[500])
    message = words.NOT_FOUND if isinstance(error, NotFound) else error.message
    return draw("error.html", call, title=title, message=message, request_id=request_id, error=error)


def _way_in(call: Call) -> Page:
    """A screen learns that its link has ended; a person is asked to log in, and then comes back."""
    if "link" in call.ids:
        return draw("wall_gone.html", call)
    asked = call.request
    back = f"{asked.path}?{asked.query_string}" if asked.query_string else asked.path
    return see(f"/login?{urlencode({'next': back})}" if asked.method == "GET" else "/login", "log_in")


@cache
def _policy() -> str:
    """Nothing but our own files, and the room's websocket."""
    socket = urlsplit(settings().socket_url)
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; manifest-src 'self';"
        f" connect-src 'self' {socket.scheme}://{socket.netloc};"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


@cache
def _environment() -> "Environment":
    # Imported here: importing a module opens nothing.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"money": _money, "iso": _iso, "in_path": _in_path, "plural": _plural}
    return environment


def _money(amount: Decimal | str | None, currency: str) -> str:
    """An amount with its currency, as people write it: $1,250.00."""
    if amount is None:
        return words.UNKNOWN
    number = Decimal(amount)
    return f"{'-' if number < 0 else ''}{_SYMBOLS[currency]}{abs(number):,.2f}"


def _iso(moment: datetime | str) -> str:
    return moment if isinstance(moment, str) else moment.isoformat().replace("+00:00", "Z")


def _in_path(text: object) -> str:
    """As a part of a path: ids that other systems give may hold anything."""
    return quote(str(text), safe="")


def _plural(number: int, forms: tuple[str, str]) -> str:
    return f"{number:,} {forms[0] if number == 1 else forms[1]}"
