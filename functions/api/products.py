"""The catalogue over HTTP."""

from winroom import products
from winroom.products import Filter, NewProduct
from winroom.web import Call, Reply, next_cursor


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
    return Reply(200, {"products": found, "nextCursor": next_cursor(found, wanted.limit)})
