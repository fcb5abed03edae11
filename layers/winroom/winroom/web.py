"""What the HTTP doors share: the route table, who is calling, limits, the audit row, errors as JSON.
The only module of this layer that knows starlette."""

import ipaddress
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache, cached_property
from typing import Any, Generic, NotRequired, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from mangum import Mangum
from mangum.types import ASGI
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import TypedDict

from winroom import (
    api_keys,
    audit,
    callers,
    copy,
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
from winroom.callers import Caller, Role
from winroom.db import Connection, Cursor, Row, Work
from winroom.errors import (
    DatabaseUnavailable,
    FieldProblem,
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
from winroom.settings import settings
from winroom.validation import Input, check, parse_json

Result = TypeVar("Result")
Model = TypeVar("Model", bound=Input)
Shape = TypeVar("Shape")

BODY_LIMIT = 100 * 1024
API_VERSION = "1"
# Bound to this host, sent over TLS only, out of reach of scripts.
SESSION_COOKIE = "__Host-winroom"
_SANE_REQUEST_ID = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Reply(Generic[Shape]):
    """What a door answers: a body that becomes JSON, of the published `Shape`, with the route's status or
    its own. Money and times are rendered here."""

    body: Mapping[str, Any]
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of HTML, or something that belongs to one; it may load nothing but what its policy names."""

    html: str
    policy: str = "default-src 'none'"
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "text/html"


class Error(TypedDict):
    """Every error looks like this. `error` is a sentence for people, `code` is for programs; `details`
    names each invalid field; `requestId` finds the request in our logs."""

    error: str
    code: str
    details: NotRequired[list[FieldProblem]]
    # Seconds: whoever waits so long is let in.
    retryAfter: NotRequired[int]
    requestId: str


@dataclass(frozen=True, slots=True)
class Route:
    """One line of a door's route table: who may do what, and which verb does it.

    The endpoint is given the call and what its parameters name: `body` and `query`, parsed as the model
    they are annotated with (`body: str` is the text itself), `form` as it was filled in, and the ids of the
    path. Its docstring and the shape of its Reply are published in the OpenAPI document.
    """

    method: str
    path: str
    endpoint: Callable[..., Reply[Any] | Page]
    # None: anyone, without a key, a limit or an audit row.
    role: Role | None
    status: int = 200
    # Routes of the ingestion bucket count per tenant, the others per caller.
    is_ingestion: bool = False
    # Whether sales come in by it: refused while ingestion is paused.
    takes_sales: bool = False
    # For people alone: keys and displays have no password, and no seller of their own.
    is_personal: bool = False
    # Whether 409 is among its answers.
    can_conflict: bool = False
    # Refusals that do not follow from the above, such as those of a login.
    raises: tuple[type[WinRoomError], ...] = ()
    # Other statuses that come with the same shape.
    also: tuple[int, ...] = ()
    body_limit: int = BODY_LIMIT
    media_type: str = "application/json"
    # Without a body it is as with an empty one.
    is_body_optional: bool = False
    # The page with the form, drawn again where what was filled in is refused: another route's endpoint.
    again: "Callable[..., Page] | None" = None

    @property
    def takes(self) -> dict[str, Any]:
        """What the endpoint wants besides the call, by name."""
        return _taken_by(self.endpoint)


def application(routes: Iterable[Route], refusal: "Refusal | None" = None) -> Starlette:
    """The ASGI application of a route table. `refusal` says how errors look: without one, as JSON."""
    refusal = refusal or _as_json
    by_path: dict[str, dict[str, Route]] = {}
    for route in routes:
        by_path.setdefault(route.path, {})[route.method] = route
    # A path that is spelled out is nobody's id: it comes before patterns that would fit it.
    spelled_out_first = sorted(by_path.items(), key=lambda item: "{" in item[0])
    app = Starlette(
        routes=[_starlette_route(path, methods, refusal) for path, methods in spelled_out_first],
        exception_handlers={HTTPException: _not_routed(refusal)},
    )
    # A redirect would be an answer that is not ours, and would lose the body of a POST.
    app.router.redirect_slashes = False
    return app


def _taken_by(endpoint: Callable[..., Any]) -> dict[str, Any]:
    return {n: t for n, t in endpoint.__annotations__.items() if n not in ("call", "return")}


def session_cookie(token: str, valid_for: int) -> dict[str, str]:
    """The header that gives a browser a session for so many seconds; for none at all takes it away."""
    attributes = f"HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age={valid_for}"
    return {"Set-Cookie": f"{SESSION_COOKIE}={token}; {attributes}"}


def next_cursor(rows: Sequence[Row], limit: int, key: str = "id") -> Any:
    """Where the next page begins: after the last row of a full one; None where there is no more."""
    return rows[-1][key] if len(rows) == limit else None


def lambda_handler(app: Starlette) -> Callable[[Any, Any], Any]:
    """The Lambda handler of an application."""
    # Made on first use: importing reads no settings, and Mangum opens an event loop at once.
    adapter = cache(lambda: Mangum(_behind_edge(_shared(app)), lifespan="off"))

    @telemetry.door
    def handler(event: Any, context: Any) -> Any:
        began = time.perf_counter()
        answer = adapter()(event, context)
        _measure(answer["statusCode"], time.perf_counter() - began)
        return answer

    return handler


def _measure(status: int, seconds: float) -> None:
    telemetry.measure(Requests=1, RequestLatency=round(seconds * 1000, 1))
    if status == RateLimited.status:
        telemetry.measure(RateLimited=1)


def _shared(app: Starlette) -> Starlette | CORSMiddleware:
    """The application, open to browsers of the origins that the deployment lists; none by default."""
    origins = settings().allowed_origins
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=sorted(origins),
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        # No credentials: a session's cookie is for our own pages.
        allow_headers=["Authorization", "Content-Type", "X-Request-ID", "X-API-Version"],
        expose_headers=["X-Request-ID", "Retry-After", *rate_limit.HEADERS],
    )


def _behind_edge(app: ASGIApp) -> ASGI:
    """The application, for requests that come through the edge, where there is one: who calls us directly
    has passed no firewall, and may write any address into X-Forwarded-For."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if edge.admits(request.headers.get(edge.ORIGIN)):
            await _counted(app, scope, receive, send)
            return
        refused = Refused(_past_the_edge(request), _request_id(request))
        telemetry.logger().append_keys(status=refused.error.status, request_id=refused.request_id)
        headers = _identity(refused.request_id)
        if refused.error.retry_after is not None:
            headers["Retry-After"] = str(refused.error.retry_after)
        answer = _rendered_reply(_as_json(refused), refused.error.status, headers)
        await answer(scope, receive, send)

    return guarded


async def _counted(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Lets the application answer; where not even a refusal could be drawn, Mangum will."""
    try:
        await app(scope, receive, send)
    except Exception:
        telemetry.measure(ServerErrors=1)
        raise


def _past_the_edge(request: Request) -> WinRoomError:
    """Why it is refused. What may be a sale is not refused for ever: its sender has the wrong address."""
    if request.method == "POST" and request.url.path.startswith("/api/events"):
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
    raw_body: bytes
    request_id: str
    started: float
    headers: dict[str, str] = field(default_factory=dict)
    caller_or_none: Caller | None = None
    is_noted: bool = False
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
        return {name: self._argument(name, kind) for name, kind in _taken_by(endpoint).items()}

    def _argument(self, name: str, kind: Any) -> Any:
        if name == "query":
            return check(kind, dict(self.request.query_params))
        if name == "form":
            return self.form
        if name == "body":
            if self.route.is_body_optional and not self.raw_body:
                return kind()
            body = self._sane_body()
            return forms.text(body) if kind is str else check(kind, parse_json(body))
        return self._id(name, kind)

    @cached_property
    def form(self) -> Form:
        """What was filled in. Raises Invalid, TooLarge, UnsupportedMediaType."""
        return forms.read(self.request.headers.get("content-type", ""), self._sane_body())

    def _id(self, name: str, kind: Any) -> Any:
        given = self.request.path_params[name]
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
        telemetry.logger().append_keys(**{name: given})
        return known

    def _sane_body(self) -> bytes:
        """The body, if it is of the kind and size that the route takes."""
        if self.request.headers.get("content-encoding", "identity") != "identity":
            raise UnsupportedMediaType
        content_type = self.request.headers.get("content-type", "")
        if content_type.partition(";")[0].strip().lower() != self.route.media_type:
            raise UnsupportedMediaType(copy.WRONG_MEDIA_TYPE.format(media_type=self.route.media_type))
        if len(self.raw_body) > self.route.body_limit:
            raise TooLarge(copy.TOO_LARGE.format(limit=self.route.body_limit // 1024))
        return self.raw_body

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
        self._note(counted[0])

    def batch(self, work: Work[Result]) -> Result:
        """The caller's work in one round trip, counted; `work` leaves the audit row. See db.tenant_batch."""

        def counted_work(conn: Connection) -> tuple[Cursor, Result]:
            return rate_limit.count(conn, self.bucket), work(conn)

        counted, result = db.tenant_batch(self.caller.tenant_id, counted_work)
        self._note(counted)
        return result

    @property
    def address(self) -> str | None:
        """Where the request comes from; None where nobody can tell."""
        peer = self.request.client.host if self.request.client else ""
        visitor = edge.visitor(peer, self.request.headers.get("x-forwarded-for"))
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
        return self.request.headers.get("sec-fetch-site") == "cross-site"

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
            user_agent=self.request.headers.get("user-agent", "")[:300] or None,
            response_time_ms=int((time.perf_counter() - self.started) * 1000),
            audit_id=ids.new(),
        )

    def _note(self, counted: Cursor) -> None:
        self.is_noted = True
        self.headers |= rate_limit.headers(self.bucket, counted)


def _starlette_route(path: str, methods: dict[str, Route], refusal: "Refusal") -> StarletteRoute:
    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        if method not in methods:
            raise HTTPException(405, headers={"Allow": allowed})
        return _answer(request, methods[method], await request.body(), refusal)

    allowed = ", ".join(sorted({*methods, *(["HEAD"] if "GET" in methods else [])}))
    route = StarletteRoute(_pattern(path, methods), endpoint)
    # Starlette would try later patterns for a method that this path lacks.
    route.methods = None
    return route


def _pattern(path: str, methods: dict[str, Route]) -> str:
    """The path as starlette wants it. An id that other systems give may hold slashes, and API Gateway hands
    us decoded paths: where one comes last, it is all the rest."""
    name = path.rpartition("/{")[2].removesuffix("}")
    is_text = any(route.takes.get(name) is str for route in methods.values())
    return f"{path.removesuffix('}')}:path}}" if path.endswith("}") and is_text else path


def _answer(request: Request, route: Route, raw_body: bytes, refusal: "Refusal") -> Response:
    call = Call(request, route, raw_body, _request_id(request), time.perf_counter())
    telemetry.logger().append_keys(method=request.method, route=route.path, request_id=call.request_id)
    try:
        _admit(call)
        reply = route.endpoint(call, **call.arguments(route.endpoint))
    except WinRoomError as error:
        reply = refusal(_refused(call, error))
    except Exception:
        telemetry.logger().exception("unexpected error")
        reply = refusal(_refused(call, WinRoomError()))
    return _response(call, reply)


def _admit(call: Call) -> None:
    """Lets the caller in, or raises what keeps it out."""
    if call.route.role is not None:
        call.caller_or_none = _authenticate(call.request)
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


def _authenticate(request: Request) -> Caller:
    credential = _credential(request)
    caller = callers.remembered(credential)
    if caller is None:
        with db.open_session() as conn:
            caller = _resolver(credential)(conn, credential)
        callers.remember(credential, caller)
    if caller is None:
        raise Unauthenticated
    return caller


def _credential(request: Request) -> str:
    """A key, the secret of a display's link or a session's token: as a header; a session's as cookie, a
    display's as part of the path of its page."""
    if (link := request.path_params.get("link")) is not None:
        if not link.startswith(displays.PREFIX):
            raise Unauthenticated
        return str(link)
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credential:
        return credential
    token = request.cookies.get(SESSION_COOKIE)
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


def _not_routed(refusal: "Refusal") -> Callable[[Request, Exception], Awaitable[Response]]:
    """Answers for paths and methods that no route has, in our shape."""

    async def answer(request: Request, error: Exception) -> Response:
        refused = Refused(NotFound(), _request_id(request))
        headers = _identity(refused.request_id)
        if allowed := (getattr(error, "headers", None) or {}).get("Allow"):
            refused, headers["Allow"] = Refused(MethodNotAllowed(), refused.request_id), allowed
        telemetry.logger().append_keys(status=refused.error.status, request_id=refused.request_id)
        return _rendered_reply(refusal(refused), refused.error.status, headers)

    return answer


def _response(call: Call, reply: Reply[Any] | Page) -> Response:
    headers = {**_identity(call.request_id), **call.headers}
    status = reply.status or call.route.status
    _log(call, status)
    response = _rendered_reply(reply, status, headers)
    # A pause is meant: it must ring no alarm, and take back no release.
    if status >= 500 and not isinstance(call.refusal, Paused):
        telemetry.measure(ServerErrors=1)
    return response


def _rendered_reply(reply: Reply[Any] | Page, status: int, headers: Mapping[str, str]) -> Response:
    if isinstance(reply, Reply):
        return _json(status, reply.body, {**headers, **reply.headers})
    return Response(
        reply.html,
        status,
        {
            "Cache-Control": "no-store",
            "Content-Security-Policy": reply.policy,
            "Referrer-Policy": "same-origin",
            "Strict-Transport-Security": "max-age=31536000",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            **headers,
            **reply.headers,
        },
        media_type=reply.media_type,
    )


def _json(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    content = json.dumps(body, default=_rendered, ensure_ascii=False).encode()
    return Response(
        content,
        status,
        {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **headers},
        media_type="application/json",
    )


def _rendered(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def _identity(request_id: str) -> dict[str, str]:
    """What every answer says of itself."""
    return {"X-Request-ID": request_id, "X-API-Version": API_VERSION, edge.RELEASE: settings().release}


def _request_id(request: Request) -> str:
    given = request.headers.get("x-request-id", "")
    return given if _SANE_REQUEST_ID.fullmatch(given) else str(ids.new())


def _log(call: Call, status: int) -> None:
    """Puts the outcome on the line that the invocation logs."""
    telemetry.logger().append_keys(
        status=status,
        tenant_id=call.caller_or_none and str(call.caller_or_none.tenant_id),
    )
