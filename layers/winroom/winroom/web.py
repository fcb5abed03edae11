"""What the HTTP doors share: who is calling, limits, the audit row, errors as JSON.
Nouns know nothing of it."""

import ipaddress
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from winroom import (
    api_keys,
    audit,
    callers,
    copy,
    cors,
    db,
    displays,
    edge,
    forms,
    ids,
    rate_limit,
    sessions,
    switches,
    telemetry,
)
from winroom.answers import API_VERSION, SESSION_COOKIE, Answer, Error, Page, Reply, identity, rendered
from winroom.callers import Caller
from winroom.db import Connection, Cursor, Row, Work
from winroom.errors import (
    DatabaseUnavailable,
    Forbidden,
    Invalid,
    MethodNotAllowed,
    Misdirected,
    NotFound,
    Paused,
    RateLimited,
    TooLarge,
    Unauthenticated,
    UnsupportedMediaType,
    WinRoomError,
)
from winroom.forms import Form
from winroom.rate_limit import Bucket
from winroom.request import Request
from winroom.routes import Route, Table, taken_by
from winroom.settings import settings
from winroom.validation import check, parse_json

Result = TypeVar("Result")

_SANE_REQUEST_ID = re.compile(r"[!-~]{1,128}")


def lambda_handler(routes: Iterable[Route], refusal: "Refusal | None" = None) -> Callable[[Any, Any], Any]:
    """The Lambda handler of a route table. `refusal` says how errors look: without one, as JSON."""
    door = _Door(Table(routes), refusal or _as_json)

    @telemetry.door
    def handler(event: Any, context: Any) -> Answer:
        began = time.perf_counter()
        answer = door.answer(Request.of(event))
        _measure(answer["statusCode"], time.perf_counter() - began)
        return answer

    return handler


def _measure(status: int, seconds: float) -> None:
    telemetry.measure(Requests=1, RequestLatency=round(seconds * 1000, 1))
    if status == RateLimited.status:
        telemetry.measure(RateLimited=1)


def _past_the_edge(request: Request) -> WinRoomError:
    """Why it is refused. What may be a sale is not refused for ever: its sender has the wrong address."""
    if request.method == "POST" and request.path.startswith("/api/events"):
        telemetry.logger().warning("a sale came past the edge: tell its sender our public name")
        return Misdirected()
    return Forbidden(copy.NOT_THROUGH_THE_EDGE)


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that is refused, and why; without a call where no route was found."""

    error: WinRoomError
    request_id: str
    call: "Call | None" = None


# How a refusal looks.
Refusal = Callable[[Refused], Reply[Any] | Page]


@dataclass
class Call:
    """One request on its way through a door. Its sessions count it, and leave its audit row."""

    request: Request
    route: Route
    # What the path names, as it stands there.
    ids: Mapping[str, str]
    request_id: str
    started: float
    headers: dict[str, str] = field(default_factory=dict)
    caller_or_none: Caller | None = None
    is_noted: bool = False
    # Whether the database was away when it was asked for the caller: it is not asked again.
    is_alone: bool = False
    # Whether the route lets the caller in.
    is_admitted: bool = False
    # Why it is refused, where a page tells it.
    refusal: WinRoomError | None = None

    @property
    def caller(self) -> Caller:
        if self.caller_or_none is None:
            raise Unauthenticated
        return self.caller_or_none

    def arguments(self, endpoint: Callable[..., Any]) -> dict[str, Any]:
        """What an endpoint takes besides the call. Raises Invalid, NotFound, TooLarge and the like."""
        return {name: self._argument(name, kind) for name, kind in taken_by(endpoint).items()}

    def _argument(self, name: str, kind: Any) -> Any:
        if name == "query":
            return check(kind, self.request.query)
        if name == "form":
            return self.form
        if name == "body":
            if self.route.is_body_optional and not self.request.body:
                return kind()
            body = self._sane_body()
            return forms.text(body) if kind is str else check(kind, parse_json(body))
        return self._id(name, kind)

    @cached_property
    def form(self) -> Form:
        """What was filled in. Raises Invalid, TooLarge, UnsupportedMediaType."""
        return forms.read(self.request.headers.get("content-type", ""), self._sane_body())

    def _id(self, name: str, kind: Any) -> Any:
        given = self.ids[name]
        if kind is str:
            if "\0" in given:
                raise NotFound  # the database could not even look for it
            return given
        try:
            known = UUID(given)
        except ValueError:
            # What is no id is as unknown as any other.
            raise NotFound from None
        # Ids alone: of what else a path may hold, a display's link is a credential.
        telemetry.logger().append_keys(**{name: str(known)})
        return known

    def _sane_body(self) -> bytes:
        """The body, if it is of the kind and size that the route takes."""
        if self.request.headers.get("content-encoding", "identity") != "identity":
            raise UnsupportedMediaType
        content_type = self.request.headers.get("content-type", "")
        if content_type.partition(";")[0].strip().lower() != self.route.media_type:
            raise UnsupportedMediaType(copy.WRONG_MEDIA_TYPE.format(media_type=self.route.media_type))
        if len(self.request.body) > self.route.body_limit:
            raise TooLarge(copy.TOO_LARGE.format(limit=self.route.body_limit // 1024))
        return self.request.body

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """The caller's transaction, counted first and audited last, with the route's status. A further one
        of the same request is neither."""
        if self.is_noted:
            with db.tenant_session(self.caller.tenant_id) as conn:
                yield conn
            return
        counted: list[Cursor] = []

        def count(conn: Connection) -> None:
            counted[:] = [rate_limit.count(conn, self.bucket)]

        def note(conn: Connection) -> None:
            audit.note(conn, self.entry, self.route.status)

        with db.tenant_session(self.caller.tenant_id, opening=count, closing=note) as conn:
            yield conn
        self._note(db.only(counted[0]))

    def statement(self, work: Work[Cursor]) -> Row:
        """The caller's work as one statement that enters, counts and audits by itself; its row, in which are
        `hits` and `resets_at`. See db.tenant_statement."""
        if self.is_alone:
            raise DatabaseUnavailable
        row = db.only(db.tenant_statement(work))
        self._note(row)
        return row

    def count_alone(self) -> None:
        """Counts the request, where the database cannot. Raises RateLimited."""
        self._note(rate_limit.count_alone(self.caller.tenant_id, self.bucket))

    def batch(self, work: Work[Result]) -> Result:
        """The caller's work in one round trip, counted; `work` leaves the audit row. See db.tenant_batch."""

        def counted_work(conn: Connection) -> tuple[Cursor, Result]:
            return rate_limit.count(conn, self.bucket), work(conn)

        counted, result = db.tenant_batch(self.caller.tenant_id, counted_work)
        self._note(db.only(counted))
        return result

    @property
    def address(self) -> str | None:
        """Where the request comes from; None where nobody can tell."""
        visitor = edge.visitor(self.request.peer, self.request.headers.get("x-forwarded-for"))
        try:
            return str(ipaddress.ip_address(visitor))
        except ValueError:
            return None

    @property
    def origin(self) -> str:
        """Where a browser finds us."""
        return _origin(self.request)

    @property
    def success(self) -> int:
        """The status of the answer if all goes well."""
        return self.route.status

    @property
    def bucket(self) -> Bucket:
        if self.route.is_ingestion:
            return Bucket("ingestion", self.caller.ingestion_limit)
        return Bucket(f"people:{self.caller.name}", self.caller.people_limit)

    @property
    def comes_from_another_site(self) -> bool:
        """Whether a browser sends this because a page of somebody else's made it."""
        if "sec-fetch-site" in self.request.headers:
            return self.request.headers["sec-fetch-site"] == "cross-site"
        return "origin" in self.request.headers and not _is_same_origin(self.request)

    @cached_property
    def entry(self) -> audit.Entry:
        """The row of this request in the audit log; its clock stops when it is first asked for."""
        return self.entry_of(self.caller)

    def entry_of(self, caller: Caller) -> audit.Entry:
        """The same for a caller who came without a credential, and only now is known."""
        return audit.Entry(
            caller=caller,
            endpoint=self.route.path,
            http_method=self.request.method,
            request_id=self.request_id,
            request_ip=self.address,
            # No row is refused for what a browser calls itself: the database cannot hold a NUL.
            user_agent=self.request.headers.get("user-agent", "").replace("\0", "")[:300] or None,
            response_time_ms=int((time.perf_counter() - self.started) * 1000),
            audit_id=ids.new(),
        )

    def _note(self, counted: Row) -> None:
        self.is_noted = True
        self.headers |= rate_limit.headers(self.bucket, counted)


@dataclass(frozen=True, slots=True)
class _Door:
    """A route table that answers."""

    table: Table
    refusal: Refusal

    def answer(self, request: Request) -> Answer:
        try:
            if not edge.admits(request.headers.get(edge.ORIGIN)):
                return _refused_unheard(request, _past_the_edge(request), _as_json)
            answer = cors.preflight(request) or self._routed(request)
            answer["headers"] |= cors.headers(request)
            return answer
        except Exception:
            # Not even a refusal could be drawn.
            telemetry.logger().exception("no answer")
            telemetry.measure(ServerErrors=1)
            refused = Refused(WinRoomError(), _request_id(request))
            return rendered(_as_json(refused), refused.error.status, identity(refused.request_id))

    def _routed(self, request: Request) -> Answer:
        methods, named = self.table.at(request.path)
        route = methods.get("GET" if request.method == "HEAD" else request.method)
        if route:
            call = Call(request, route, named, _request_id(request), time.perf_counter())
            return _answer(call, self.refusal)
        if not methods:
            return _refused_unheard(request, NotFound(), self.refusal)
        allowed = ", ".join(sorted({*methods, *(["HEAD"] if "GET" in methods else [])}))
        return _refused_unheard(request, MethodNotAllowed(), self.refusal, allowed)


def _refused_unheard(
    request: Request, error: WinRoomError, refusal: Refusal, allowed: str | None = None
) -> Answer:
    """Refuses what no route has heard."""
    request_id = _request_id(request)
    telemetry.logger().append_keys(status=error.status, request_id=request_id)
    headers = identity(request_id)
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if allowed:
        headers["Allow"] = allowed
    return rendered(refusal(Refused(error, request_id)), error.status, headers)


def _answer(call: Call, refusal: Refusal) -> Answer:
    telemetry.logger().append_keys(
        method=call.request.method, route=call.route.path, request_id=call.request_id
    )
    try:
        _admit(call)
        reply = call.route.endpoint(call, **call.arguments(call.route.endpoint))
    except WinRoomError as error:
        reply = refusal(_refused(call, error))
    except Exception:
        telemetry.logger().exception("unexpected error")
        reply = refusal(_refused(call, WinRoomError()))
    return _rendered(call, reply)


def _admit(call: Call) -> None:
    """Lets the caller in, or raises what keeps it out."""
    if call.route.role is not None:
        call.caller_or_none = _authenticate(call)
        if _is_forged(call.request):
            raise Forbidden(copy.OTHER_ORIGIN)
        if not call.caller.role.may(call.route.role):
            raise Forbidden
        if call.route.is_personal and call.caller.user_id is None:
            raise Forbidden(copy.PEOPLE_ONLY)
        switches.admit(call.caller)
    if call.request.headers.get("x-api-version", API_VERSION) != API_VERSION:
        raise Invalid(copy.UNKNOWN_VERSION)
    call.is_admitted = True
    if call.route.takes_sales:
        switches.admit_sales(call.caller)


def _authenticate(call: Call) -> Caller:
    credential = _credential(call)
    caller = callers.remembered(credential)
    if caller is None:
        try:
            caller = _resolved(credential)
        except DatabaseUnavailable:
            caller = callers.remembered(credential, callers.REMEMBERED_ALONE)
            if caller is None or not caller.api_key_id or not call.route.takes_sales:
                raise
            call.is_alone = True
    if caller is None:
        raise Unauthenticated
    return caller


def _resolved(credential: str) -> Caller | None:
    with db.open_session() as conn:
        caller = _resolver(credential)(conn, credential)
    callers.remember(credential, caller)
    return caller


def _credential(call: Call) -> str:
    """A key, the secret of a display's link or a session's token: as a header; a session's as cookie, a
    display's as part of the path of its page."""
    if (link := call.ids.get("link")) is not None:
        if not link.startswith(displays.PREFIX):
            raise Unauthenticated
        return link
    scheme, _, credential = call.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credential:
        return credential
    token = call.request.cookies.get(SESSION_COOKIE)
    if not token or scheme:
        raise Unauthenticated
    return token


def _is_forged(request: Request) -> bool:
    """Whether it may be somebody else's page that asks. Browsers send the cookie along with what other sites
    make them send: only reading is harmless."""
    brings_cookie = not request.headers.get("authorization", "").partition(" ")[0]
    return brings_cookie and request.method not in ("GET", "HEAD") and not _is_same_origin(request)


def _is_same_origin(request: Request) -> bool:
    # Every current browser says where a request was made, and no page can forge it. Older ones tell the
    # origin.
    fetched_from = request.headers.get("sec-fetch-site")
    if fetched_from is not None:
        return fetched_from == "same-origin"
    host = urlsplit(request.headers.get("origin", "")).netloc
    return bool(host) and host == urlsplit(_origin(request)).netloc


def _origin(request: Request) -> str:
    if public_url := settings().public_url:
        return public_url  # an edge calls us by another name than people call it
    forwarded = request.headers.get("x-forwarded-proto", "https")
    return f"{forwarded.partition(',')[0].strip()}://{request.headers.get('host', '')}"


def _resolver(credential: str) -> Callable[[Connection, str], Caller | None]:
    if credential.startswith(api_keys.PREFIX):
        return api_keys.resolve
    return displays.resolve if credential.startswith(displays.PREFIX) else sessions.resolve


def _refused(call: Call, error: WinRoomError) -> "Refused":
    """Counts and audits a refusal; where the call's session has done that already, the row is corrected."""
    # What is paused must not cost the database anything: it may be the reason.
    if call.caller_or_none and not isinstance(error, DatabaseUnavailable | Paused):
        try:
            error = _correct_note(call, error) if call.is_noted else _note_refusal(call, error)
        except Exception:
            telemetry.logger().exception("refusal not audited")
    if error.retry_after is not None:
        call.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unauthenticated):
        call.headers["WWW-Authenticate"] = "Bearer"
    call.is_noted, call.refusal = True, error
    return Refused(error, call.request_id, call)


def _correct_note(call: Call, error: WinRoomError) -> WinRoomError:
    db.tenant_batch(
        call.caller.tenant_id, lambda conn: audit.correct(conn, call.entry, error.status, error.code)
    )
    return error


def _note_refusal(call: Call, error: WinRoomError) -> WinRoomError:
    """Counts and audits a refusal; it may turn out to be over the limit, which then is what is told."""
    if not isinstance(error, RateLimited):
        refused = error
        try:
            call.batch(lambda conn: audit.note(conn, call.entry, refused.status, refused.code))
            return error
        except RateLimited as over_limit:
            error = over_limit
    call.headers |= rate_limit.exhausted_headers(call.bucket, error.resets_at)
    db.tenant_batch(call.caller.tenant_id, lambda conn: audit.note_flood(conn, call.entry, "rate_limited"))
    return error


def _as_json(refused: Refused) -> Reply[Error]:
    error = refused.error
    body = Error(error=error.message, code=error.code, requestId=refused.request_id)
    if error.details:
        body["details"] = error.details
    if error.retry_after is not None:
        body["retryAfter"] = error.retry_after
    return Reply(body, error.status)


def _rendered(call: Call, reply: Reply[Any] | Page) -> Answer:
    status = reply.status or call.route.status
    _log(call, status)
    answer = rendered(reply, status, {**identity(call.request_id), **call.headers})
    # A pause is meant: it must ring no alarm, and take back no release.
    if status >= 500 and not isinstance(call.refusal, Paused):
        telemetry.measure(ServerErrors=1)
    return answer


def _request_id(request: Request) -> str:
    given = request.headers.get("x-request-id", "")
    return given if _SANE_REQUEST_ID.fullmatch(given) else str(ids.new())


def _log(call: Call, status: int) -> None:
    """Puts the outcome on the line that the invocation logs."""
    telemetry.logger().append_keys(
        status=status,
        tenant_id=call.caller_or_none and str(call.caller_or_none.tenant_id),
    )
