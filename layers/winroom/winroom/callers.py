"""Who is calling: a key of another system, a person, or a display on the wall."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self
from uuid import UUID

from winroom import plans


class Role(IntEnum):
    """What a caller may do, least first: each role may do all that the ones before it may, but for
    INGEST, which is none of people's."""

    INGEST = 0
    DISPLAY = 1
    WATCHER = 2
    SELLER = 3
    MANAGER = 4
    ADMIN = 5

    def may(self, needed: "Role") -> bool:
        """Whether this role opens what `needed` is the least role for.

        A key that only sends sales opens nothing else; of the others, managers may send them, too.
        """
        if Role.INGEST in (self, needed):
            return needed is Role.INGEST and (self is Role.INGEST or self >= Role.MANAGER)
        return self >= needed


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller, remembered for a minute at most while the database is there."""

    tenant_id: UUID
    role: Role
    # Requests a minute, per tenant at the ingestion routes and per caller elsewhere.
    ingestion_limit: int
    people_limit: int = plans.PEOPLE_LIMIT
    # Managers and above see cost and margin; all people where the tenant shares them; no display.
    sees_margin: bool = False
    # What operators have paused of what concerns it: see switches.py.
    pauses: frozenset[str] = frozenset()
    # One of these three says who it is; without any it is the operator.
    api_key_id: UUID | None = None
    user_id: UUID | None = None
    display_id: UUID | None = None
    # A person's: the seller it acts for, and the generation of tokens that it came with.
    seller_id: str | None = None
    token_version: int | None = None

    @classmethod
    def of(cls, role: Role, row: Mapping[str, Any], **identity: Any) -> Self:
        """From what a resolver found: at least `tenant_id`, `plan` and `settings` of the tenant, and
        `pauses`."""
        shares = role >= Role.WATCHER and row["settings"].get("share_margin") is True
        return cls(
            tenant_id=row["tenant_id"],
            role=role,
            ingestion_limit=plans.ingestion_limit(row["plan"], row["settings"]),
            sees_margin=role >= Role.MANAGER or shares,
            pauses=frozenset(row["pauses"]),
            **identity,
        )

    @classmethod
    def operator(cls, tenant_id: UUID) -> Self:
        """Whoever runs the deployment, acting for a company."""
        return cls(tenant_id, Role.ADMIN, ingestion_limit=0, sees_margin=True)

    @property
    def name(self) -> str:
        """How the audit log and the room's log call it."""
        if self.api_key_id:
            return f"key:{self.api_key_id}"
        if self.user_id:
            return f"user:{self.user_id}"
        return f"display:{self.display_id}" if self.display_id else "operator"


# Seconds. So long may a credential that was revoked still be taken, in this process, for a live one.
REMEMBERED_FOR = 60.0
# The same while nobody can be asked, for keys that bring sales: they are checked when these are recorded.
REMEMBERED_ALONE = 3600.0
_AT_MOST = 10_000
_memory: dict[bytes, tuple[float, Caller]] = {}


def remembered(credential: str, seconds: float = REMEMBERED_FOR) -> Caller | None:
    """Whom this process took the credential for within the last seconds."""
    known = _memory.get(_hash(credential))
    if known is None or time.time() - known[0] > seconds:
        return None
    return known[1]


def remember(credential: str, caller: Caller | None) -> None:
    """Notes who brought the credential; None forgets it."""
    if len(_memory) >= _AT_MOST:
        _memory.clear()
    if caller is None:
        _memory.pop(_hash(credential), None)
    else:
        _memory[_hash(credential)] = (time.time(), caller)


def forget_all() -> None:
    """Empties this process's memory."""
    _memory.clear()


def _hash(credential: str) -> bytes:
    # No credential stands in memory in plain for longer than its request.
    return hashlib.sha256(credential.encode(errors="surrogatepass")).digest()
