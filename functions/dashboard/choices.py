"""What people choose from, in forms and filters."""

from functions.dashboard.pages import Choices
from winroom import products as catalogue
from winroom import sellers as staff
from winroom.callers import Caller
from winroom.db import Connection


def sellers(conn: Connection, chosen: object = None) -> Choices:
    """The active sellers by name, and whoever is chosen already."""
    found = [(row["seller_id"], row["display_name"]) for row in staff.page(conn, staff.Filter())]
    return with_chosen(found, chosen)


def products(conn: Connection, caller: Caller, chosen: object = None) -> Choices:
    """The active products by name, and what is chosen already."""
    found = [(str(row["id"]), row["name"]) for row in catalogue.page(conn, caller, catalogue.Filter())]
    return with_chosen(found, chosen)


def with_chosen(choices: Choices, chosen: object) -> Choices:
    """The choices with what is chosen already: a list that lacks it would change it unasked."""
    if not chosen or str(chosen) in (value for value, _ in choices):
        return choices
    return [(str(chosen), str(chosen)), *choices]
