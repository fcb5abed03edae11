"""What a company asked of us, on a page."""

from functions.dashboard import pages
from winroom import callers, tenants
from winroom.answers import Page
from winroom.db import Row
from winroom.forms import Form
from winroom.tenants import TenantChanges
from winroom.validation import check
from winroom.web import Call

_SWITCHES = ("suspect_duplicates", "claim_approval", "share_margin")
# To choose from; the field takes any zone that there is.
_CITIES = {
    "Africa": "Cairo Johannesburg Lagos Nairobi",
    "America": "Anchorage Argentina/Buenos_Aires Bogota Chicago Denver Halifax Lima Los_Angeles Mexico_City"
    " New_York Phoenix Santiago Sao_Paulo Toronto Vancouver",
    "Asia": "Bangkok Dhaka Dubai Hong_Kong Jakarta Jerusalem Karachi Kolkata Manila Riyadh Seoul Shanghai"
    " Singapore Tashkent Tokyo",
    "Atlantic": "Reykjavik",
    "Australia": "Brisbane Perth Sydney",
    "Europe": "Amsterdam Athens Berlin Brussels Bucharest Dublin Helsinki Istanbul Kyiv Lisbon London Madrid"
    " Paris Prague Rome Stockholm Vienna Warsaw Zurich",
    "Pacific": "Auckland Honolulu",
}
_ZONES = ["UTC", *(f"{region}/{city}" for region in _CITIES for city in _CITIES[region].split())]


def show(call: Call) -> Page:
    """The company with its plan and limits, and a form for its settings."""
    with call.session() as conn:
        return pages.show(call, conn, "settings.html", tenant=tenants.show(conn), zones=_ZONES)


def change(call: Call, form: Form) -> Page:
    """Changes what is other than before."""
    with call.session() as conn:
        wanted = _wanted(form, tenants.show(conn))
        tenants.change(conn, check(TenantChanges, wanted))
    callers.forget_all()
    return pages.see("/settings", "settings_saved")


def _wanted(form: Form, tenant: Row) -> dict[str, object]:
    """What of the form differs: a limit that is only repeated would stay when the plan grants more."""
    asked: dict[str, object] = {**pages.cleared(form, "name")}
    # A box that is not ticked is not sent.
    asked |= {name: name in form for name in _SWITCHES}
    if limit := asked.get("ingestion_per_minute"):
        asked["ingestion_per_minute"] = pages.number(str(limit))
    before = {"name": tenant["name"], **tenant["settings"]}
    return {name: value for name, value in asked.items() if name not in before or value != before[name]}
