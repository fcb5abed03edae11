"""The catalogue over HTTP."""

from winroom import products
from winroom.products import Filter, NewProduct
from winroom.web import Call, Reply


def create(call: Call) -> Reply:
    """POST /api/products."""
    product = call.parse(NewProduct)
    with call.session(status=201) as conn:
        return Reply(201, products.create(conn, product))


def index(call: Call) -> Reply:
    """GET /api/products: active ones by name."""
    wanted = call.query(Filter)
    with call.session() as conn:
        found = products.page(conn, wanted)
    more = len(found) == wanted.limit
    return Reply(200, {"products": found, "nextCursor": found[-1]["id"] if more else None})
