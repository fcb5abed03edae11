"""Scripts of other sites: they may call us from the origins that the deployment lists, by default none."""

from winroom import rate_limit
from winroom.answers import Answer
from winroom.request import Request
from winroom.settings import settings

# No credentials: a session's cookie is for our own pages.
_ALLOWED = {
    "access-control-allow-methods": "GET, POST, PATCH, DELETE",
    "access-control-allow-headers": "Authorization, Content-Type, X-Request-ID, X-API-Version",
    "access-control-max-age": "600",
}
_EXPOSED = {"access-control-expose-headers": ", ".join(["X-Request-ID", "Retry-After", *rate_limit.HEADERS])}


def preflight(request: Request) -> Answer | None:
    """What a browser is told that asks beforehand; None where nobody asks."""
    asks = request.method == "OPTIONS" and "access-control-request-method" in request.headers
    if not asks or not settings().allowed_origins:
        return None
    allowed = headers(request)
    return {
        "statusCode": 200 if allowed else 400,
        "headers": {**allowed, **(_ALLOWED if allowed else {}), "vary": "Origin"},
        "body": "",
        "isBase64Encoded": False,
    }


def headers(request: Request) -> dict[str, str]:
    """What an answer says to let the browser show it to the script that asked."""
    origin = request.headers.get("origin", "")
    if origin not in settings().allowed_origins:
        return {}
    return {"access-control-allow-origin": origin, "vary": "Origin", **_EXPOSED}
