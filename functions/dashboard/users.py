"""People on pages: who may log in, as what, and for which seller."""

from uuid import UUID

from functions.dashboard import pages, words
from winroom import callers, sellers, users
from winroom.answers import Page, next_cursor
from winroom.db import Connection, Row
from winroom.forms import Form
from winroom.users import Filter, NewUser, UserChanges
from winroom.validation import check
from winroom.web import Call


def index(call: Call, query: Filter) -> Page:
    """People in the order in which they were added, and a form for somebody else."""
    with call.session() as conn:
        found = users.page(conn, query)
        return pages.show(
            call,
            conn,
            "users.html",
            wanted=query,
            users=found,
            next=pages.next_page(call, next_cursor(found, query.limit)),
            sellers=_sellers(conn),
        )


def create(call: Call, form: Form) -> Page:
    """Adds a person. A password that is made here is shown this once."""
    with call.session() as conn:
        person = users.add(conn, call.caller.tenant_id, check(NewUser, pages.filled(form)))
        if "password" not in person:
            return pages.see("/users", "person_added")
        return _once(call, conn, person, title=words.PERSON_ADDED)


def show(call: Call, user_id: UUID) -> Page:
    """One person, and what can be changed about them."""
    with call.session() as conn:
        person = users.find(conn, user_id)
        return pages.show(call, conn, "user.html", person=person, sellers=_sellers(conn))


def change(call: Call, user_id: UUID, form: Form) -> Page:
    """Changes what was sent: what a person is called and may do, or whether they may log in."""
    changes = pages.cleared(form, "display_name") | pages.switched(form, "disabled")
    with call.session() as conn:
        person = users.change(conn, user_id, check(UserChanges, changes))
    callers.forget_all()
    if "disabled" in form:
        return pages.see(f"/users/{user_id}", "person_disabled" if person["disabled_at"] else "person_back")
    return pages.see(f"/users/{user_id}", "saved")


def reset_password(call: Call, user_id: UUID) -> Page:
    """Gives a person who forgot theirs another password, shown this once."""
    with call.session() as conn:
        page = _once(call, conn, users.reset_password(conn, user_id), title=words.PASSWORD_RESET)
    callers.forget_all()
    return page


def _sellers(conn: Connection) -> list[Row]:
    """Whom to suggest; any other seller's id can be typed."""
    return sellers.page(conn, sellers.Filter())


def _once(call: Call, conn: Connection, person: Row, title: str) -> Page:
    slug = pages.who(call, conn)["tenant"]["slug"]
    return pages.show(
        call,
        conn,
        "once.html",
        title=title.format(name=person["display_name"]),
        label=words.PERSON_PASSWORD.format(email=person["email"]),
        secret=person["password"],
        warning=words.PERSON_PASSWORD_ONCE.format(slug=slug),
        back=("/users", words.BACK_TO_USERS),
        opens="",
    )
