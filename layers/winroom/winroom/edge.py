"""What stands in front of us: how a request shows that it came through the edge, where there is one, and from
whom; and how an answer shows which release gave it."""

import hmac

from winroom.settings import settings

# The edge adds it to what it passes on, and overwrites what a visitor has written there.
ORIGIN = "x-winroom-origin"
# On every answer: two releases serve while one replaces the other.
RELEASE = "X-Winroom-Release"


def admits(given: str | None) -> bool:
    """Whether a request with this ORIGIN may come in: without an edge every one may."""
    secrets = settings().origin_secrets
    # Comparing up to the first wrong letter would tell a guesser how many were right.
    shown = (given or "").encode(errors="surrogatepass")
    known = [hmac.compare_digest(shown, secret.encode()) for secret in secrets]
    return any(known) or not secrets


def visitor(peer: str, forwarded_for: str | None) -> str:
    """The address of who asks, as it is written there. `peer` is who speaks to API Gateway.

    Anybody can write X-Forwarded-For, so it is read from its end, and only where an edge wrote that.
    """
    if not settings().origin_secrets or not forwarded_for:
        return peer
    hops = [hop.strip() for hop in forwarded_for.split(",")]
    # The edge adds its visitor, and API Gateway after it the edge.
    return hops[-2] if len(hops) > 1 and hops[-1] == peer else hops[-1]
