"""Plans: what a company is granted."""

from collections.abc import Mapping
from typing import Any, Literal

Plan = Literal["free", "pro", "enterprise"]

# Accepted requests a minute at the ingestion routes; `settings.ingestion_per_minute` overrides.
INGESTION_LIMITS: Mapping[str, int] = {"free": 100, "pro": 1_000, "enterprise": 10_000}
# Requests a minute at all other routes, for each person, key and display; frames a minute, for each socket.
PEOPLE_LIMIT = 300
# Open sockets of each person, and of each key and display, which may serve everybody: who opens more loses
# the oldest.
SOCKETS_OF_ONE = 20
SOCKETS_OF_MANY = 500


def ingestion_limit(plan: str, settings: Mapping[str, Any]) -> int:
    """How many requests a minute the tenant may send to the ingestion routes."""
    return int(settings.get("ingestion_per_minute") or INGESTION_LIMITS[plan])


def most_ingestion(plan: str, settings: Mapping[str, Any]) -> int:
    """What the plan grants, or more where the operator granted that."""
    return max(INGESTION_LIMITS[plan], ingestion_limit(plan, settings))
