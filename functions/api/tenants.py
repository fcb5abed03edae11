"""Companies over HTTP: signing up, and what a company asked of us."""

from datetime import UTC, datetime
from uuid import UUID

from typing_extensions import TypedDict

from functions.api.users import User
from winroom import callers, copy, entrance, tenants
from winroom.answers import Reply
from winroom.plans import Plan
from winroom.sales import Currency
from winroom.sign_up import NewCompany
from winroom.tenants import TenantChanges
from winroom.web import Call


class TenantLimits(TypedDict):
    # What the plan, or the operator, grants at most.
    ingestion_per_minute: int
    people_per_minute: int


class TenantSettings(TypedDict):
    # Boards rank by it; sales keep their own currency.
    home_currency: Currency
    # Boards cut their days in it.
    time_zone: str
    # Whether a sale that looks like another one is put aside.
    suspect_duplicates: bool
    # Whether claims count only when a manager has approved them.
    claim_approval: bool
    # Whether everybody sees cost and margin.
    share_margin: bool
    ingestion_per_minute: int


class Tenant(TypedDict):
    id: UUID
    slug: str
    name: str
    plan: Plan
    limits: TenantLimits
    settings: TenantSettings
    created_at: datetime


class SignedUp(TypedDict):
    tenant: Tenant
    user: User
    # For your CRM: it sends sales and asks what became of them. Never shown again.
    api_key: str
    # How to send the first sale.
    next: str


def create(call: Call, body: NewCompany) -> Reply[SignedUp]:
    """Signs a company up: with its first admin, who can log in at once, and a key for its CRM, which is
    shown this once. `next` tells how to send the first sale. Five sign-ups an hour are let in from one
    address. A `slug` that is given must be free; one that is made of the name always is."""
    made = entrance.sign_up_company(call, body)
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Reply({**made, "next": copy.FIRST_EVENT.format(api_key=made["api_key"], now=now)})


def show(call: Call) -> Reply[Tenant]:
    """The company, its plan with its limits, and each setting as it takes effect."""
    with call.session() as conn:
        return Reply(tenants.show(conn))


def change(call: Call, body: TenantChanges) -> Reply[Tenant]:
    """Changes what is given and nothing else; null puts a setting back to its default. A new time zone cuts
    all days of the boards anew. `ingestion_per_minute` is at most what `limits` says; what an operator
    granted beyond the plan is given up by lowering it. All of it takes effect within a minute."""
    with call.session() as conn:
        changed = tenants.change(conn, body)
    callers.forget_all()
    return Reply(changed)
