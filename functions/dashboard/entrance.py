"""The way in, on pages: signing a company up, logging in and out, one's own password."""

from datetime import UTC, datetime

from functions.dashboard import pages
from winroom import entrance, room, sessions
from winroom.answers import Page, session_cookie
from winroom.callers import Caller, Role
from winroom.entrance import Admitted
from winroom.forms import Form
from winroom.logins import Login, PasswordChange
from winroom.sign_up import NewCompany
from winroom.validation import check
from winroom.web import Call


def home(call: Call) -> Page:
    """Where people start."""
    return pages.see("/queue")


def login_form(call: Call) -> Page:
    """Asks who it is. `tenant` in the address fills in the company."""
    return pages.draw("login.html", call)


def log_in(call: Call, form: Form) -> Page:
    """Lets a person in, and sends them to the page that they asked for."""
    admitted = entrance.log_in(call, check(Login, pages.filled(form)))
    return _admitted(pages.see(pages.own_path(form.get("next"), "/queue")), admitted)


def log_out(call: Call) -> Page:
    """Ends all of the person's sessions."""
    with call.session() as conn:
        slug = pages.who(call, conn)["tenant"]["slug"]
    entrance.log_out(call)
    left = pages.see(f"/login?tenant={slug}", "logged_out")
    return pages.with_headers(left, session_cookie("", 0))


def sign_up_form(call: Call) -> Page:
    """Asks for a company and who looks after it."""
    return pages.draw("sign_up.html", call)


def sign_up(call: Call, form: Form) -> Page:
    """Makes the company, and shows its key this once with a line that sends the first sale."""
    wanted = check(NewCompany, pages.filled(form))
    made = entrance.sign_up_company(call, wanted)
    admin = Caller(made["tenant"]["id"], Role.ADMIN, ingestion_limit=0, user_id=made["user"]["id"])
    page = pages.draw(
        "welcome.html", call, who=made, viewer=admin, key=made["api_key"], seq=0, **_first_sale(call)
    )
    token = sessions.token(admin.tenant_id, made["user"]["id"], token_version=0)
    return pages.with_headers(page, session_cookie(token, sessions.VALID_FOR))


def welcome(call: Call) -> Page:
    """How the first sale is sent, once more; the key was shown when it was made."""
    with call.session() as conn:
        return pages.show(call, conn, "welcome.html", seq=room.seq(conn), key="", **_first_sale(call))


def account(call: Call) -> Page:
    """Who one is, and a form for a new password."""
    with call.session() as conn:
        return pages.show(call, conn, "account.html")


def change_password(call: Call, form: Form) -> Page:
    """Changes one's own password."""
    admitted = entrance.change_password(call, check(PasswordChange, pages.filled(form)))
    return _admitted(pages.see("/account", "password_changed"), admitted)


def _admitted(page: Page, admitted: Admitted) -> Page:
    return pages.with_headers(page, session_cookie(admitted.token, sessions.VALID_FOR))


def _first_sale(call: Call) -> dict[str, str]:
    """What the line with curl needs: where we are, and a moment."""
    return {
        "origin": call.origin,
        "now": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
