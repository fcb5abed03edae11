"""Sales entered by hand, over HTTP."""

from winroom import db, reception
from winroom.answers import Reply
from winroom.reception import Accepted
from winroom.sales import ManualSale
from winroom.web import Call


def create(call: Call, body: ManualSale) -> Reply[Accepted]:
    """Enters a sale by hand: it goes the same way as one that another system sends.

    Sellers enter sales for themselves only. Give the sale_id if there is one; else make an
    external_event_id, such as manual-<uuid>, when the form is drawn: however often the form is sent, it is
    one sale.
    """
    sale = body.entered_by(call.caller)
    return Reply(reception.receive_one(call, db.tenant_session, sale, "manual"))
