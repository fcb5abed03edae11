"""People over HTTP, for admins."""

from datetime import datetime
from typing import NotRequired
from uuid import UUID

from typing_extensions import TypedDict

from winroom import callers, users
from winroom.answers import Reply, next_cursor
from winroom.users import Filter, NewUser, UserChanges
from winroom.web import Call


class User(TypedDict):
    id: UUID
    email: str
    display_name: str
    role: users.Role
    # The seller that they act for.
    seller_id: str | None
    # Null for those who may log in.
    disabled_at: datetime | None
    created_at: datetime


class Users(TypedDict):
    users: list[User]
    nextCursor: UUID | None


class NewlyAddedUser(User):
    # Where none was given. Never shown again.
    password: NotRequired[str]


class UserWithPassword(User):
    # Never shown again.
    password: str


def index(call: Call, query: Filter) -> Reply[Users]:
    """People in the order in which they were added: all, unless `status` is `active` or `disabled`."""
    with call.session() as conn:
        found = users.page(conn, query)
    return Reply({"users": found, "nextCursor": next_cursor(found, query.limit)})


def show(call: Call, user_id: UUID) -> Reply[User]:
    """One person."""
    with call.session() as conn:
        return Reply(users.find(conn, user_id))


def create(call: Call, body: NewUser) -> Reply[NewlyAddedUser]:
    """Adds a person. An `admin` may do everything, a `manager` all but people, keys and settings, a `seller`
    acts for one seller only, a `watcher` reads. A `seller` without a `seller_id` acts for the seller whose id
    is their email, which is created if need be. Without a `password` one is made, and shown this once."""
    with call.session() as conn:
        return Reply(users.add(conn, call.caller.tenant_id, body))


def change(call: Call, user_id: UUID, body: UserChanges) -> Reply[User]:
    """Changes what is given and nothing else. Who gets another role or seller, is disabled or let in again,
    has to log in anew: their tokens end within a minute. A `seller` who has no `seller_id` then acts for the
    seller whose id is their email. The last active admin can be neither disabled nor made anything else."""
    with call.session() as conn:
        changed = users.change(conn, user_id, body)
    callers.forget_all()
    return Reply(changed)


def reset_password(call: Call, user_id: UUID) -> Reply[UserWithPassword]:
    """Gives a person who forgot theirs a random password, shown this once, and ends all their tokens."""
    with call.session() as conn:
        changed = users.reset_password(conn, user_id)
    callers.forget_all()
    return Reply(changed)
