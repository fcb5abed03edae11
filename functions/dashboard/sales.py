"""Sales entered by hand: the same way in as one that another system sends."""

from functions.dashboard import choices, pages
from winroom import db, ids, reception, sellers, switches, tenants
from winroom.answers import Page
from winroom.callers import Role
from winroom.forms import Form
from winroom.sales import ManualSale
from winroom.validation import check
from winroom.web import Call


def form(call: Call) -> Page:
    """A form that carries the id of its sale from when it is drawn: sent twice, it is one sale."""
    with call.session() as conn:
        is_manager = call.caller.role >= Role.MANAGER
        return pages.show(
            call,
            conn,
            "sale.html",
            new_id=f"manual-{ids.new()}",
            home_currency=tenants.show(conn)["settings"]["home_currency"],
            sellers=sellers.page(conn, sellers.Filter()) if is_manager else [],
            products=choices.products(conn, call.caller),
            is_manager=is_manager,
            is_paused=switches.stops_sales(call.caller),
        )


def create(call: Call, form: Form) -> Page:
    """Enters the sale; it appears in the queue when the processor is done with it."""
    sale = check(ManualSale, pages.filled(form)).entered_by(call.caller)
    accepted = reception.receive_one(call, db.tenant_session, sale, "manual")
    return pages.see("/queue", "sale_known" if accepted["duplicate"] else "sale_entered")
