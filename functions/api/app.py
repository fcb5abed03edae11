"""HTTP: everything under /api but the events. The route table says who may do what."""

from functions.api import health, products, queue, realtime
from winroom.callers import Role
from winroom.web import Route, application, lambda_handler

ROUTES = [
    Route("GET", "/health", health.alive, None),
    Route("GET", "/api/health", health.show, None),
    Route("POST", "/api/realtime/ticket", realtime.ticket, Role.DISPLAY),
    Route("GET", "/api/products", products.index, Role.WATCHER),
    Route("POST", "/api/products", products.create, Role.MANAGER, status=201, can_conflict=True),
    # Shows cost and margin, which sellers are not shown by default.
    Route("GET", "/api/queue", queue.index, Role.MANAGER),
    Route("POST", "/api/queue/{queue_id}/claim", queue.claim, Role.MANAGER, can_conflict=True),
]

app = application(ROUTES)
handler = lambda_handler(app)
