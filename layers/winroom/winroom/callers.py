"""Who is calling: a key of another system now, a person or a display with their sessions."""

from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID


class Role(IntEnum):
    """What a caller may do, least first: each role may do all that the ones before it may."""

    INGEST = 0
    WATCHER = 1
    SELLER = 2
    MANAGER = 3
    ADMIN = 4


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller, true for at most a minute (keys are cached that long)."""

    tenant_id: UUID
    role: Role
    # Requests a minute, per tenant at the ingestion routes and per caller elsewhere.
    ingestion_limit: int
    people_limit: int = 300
    api_key_id: UUID | None = None
    user_id: UUID | None = None

    @property
    def name(self) -> str:
        """How the audit log and the room's log call it."""
        return f"key:{self.api_key_id}" if self.api_key_id else f"user:{self.user_id}"
