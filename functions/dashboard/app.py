"""HTTP: the pages. The route table says who may see what, and which page shows a refused form again."""

from functools import partial

from functions.dashboard import (
    api_keys,
    assets,
    audit,
    claims,
    displays,
    entrance,
    failed_events,
    imports,
    leaderboard,
    me,
    pages,
    products,
    queue,
    sales,
    sellers,
    tenants,
    users,
    wall,
)
from winroom.callers import Role
from winroom.forms import MULTIPART, URLENCODED
from winroom.imports import MOST_BYTES
from winroom.routes import Route
from winroom.web import lambda_handler

# For people: whoever is not logged in is asked to, and comes back.
_page = partial(Route, is_personal=True, media_type=URLENCODED)
_open = partial(Route, role=None, media_type=URLENCODED)
# The file as the API takes it, and room for what is filled in beside it.
_upload = partial(Route, is_personal=True, media_type=MULTIPART, body_limit=MOST_BYTES + 64 * 1024)

ROUTES = [
    _open("GET", "/", entrance.home),
    _open("GET", "/login", entrance.login_form),
    _open("POST", "/login", entrance.log_in, again=entrance.login_form),
    _open("GET", "/sign-up", entrance.sign_up_form),
    _open("POST", "/sign-up", entrance.sign_up, status=201, again=entrance.sign_up_form),
    _open("GET", "/static/{release}/{name}", assets.show),
    _open("GET", "/favicon.ico", assets.touch_icon),
    _page("POST", "/logout", entrance.log_out, Role.WATCHER),
    _page("GET", "/welcome", entrance.welcome, Role.ADMIN),
    _page("GET", "/account", entrance.account, Role.WATCHER),
    _page("POST", "/account", entrance.change_password, Role.WATCHER, again=entrance.account),
    _page("GET", "/queue", queue.index, Role.WATCHER),
    _page("GET", "/queue/{queue_id}", queue.show, Role.WATCHER),
    _page("POST", "/queue/{queue_id}/claim", queue.claim, Role.SELLER, again=queue.show),
    _page("POST", "/queue/{queue_id}/release", queue.release, Role.SELLER, again=queue.show),
    _page("POST", "/queue/{queue_id}/exclude", queue.exclude, Role.MANAGER, again=queue.show),
    _page("POST", "/queue/{queue_id}/restore", queue.restore, Role.MANAGER, again=queue.show),
    _page("GET", "/leaderboard", leaderboard.show, Role.WATCHER),
    _page("GET", "/me", me.show, Role.WATCHER),
    _page("GET", "/sales/new", sales.form, Role.SELLER),
    _page("POST", "/sales/new", sales.create, Role.SELLER, takes_sales=True, again=sales.form),
    # The link in the path is what lets a screen in.
    Route("GET", "/wall/{link}", wall.show, Role.DISPLAY),
    _page("GET", "/products", products.index, Role.MANAGER),
    _page("POST", "/products", products.create, Role.MANAGER, again=products.index),
    _page("GET", "/products/{product_id}", products.show, Role.MANAGER),
    _page("POST", "/products/{product_id}", products.change, Role.MANAGER, again=products.show),
    _page("GET", "/sellers", sellers.index, Role.MANAGER),
    _page("POST", "/sellers", sellers.create, Role.MANAGER, again=sellers.index),
    _page("GET", "/sellers/{seller_id}", sellers.show, Role.MANAGER),
    _page("POST", "/sellers/{seller_id}", sellers.change, Role.MANAGER, again=sellers.show),
    _page("GET", "/displays", displays.index, Role.MANAGER),
    _page("POST", "/displays", displays.create, Role.MANAGER, status=201, again=displays.index),
    _page("POST", "/displays/{display_id}/revoke", displays.revoke, Role.MANAGER),
    _page("GET", "/users", users.index, Role.ADMIN),
    _page("POST", "/users", users.create, Role.ADMIN, status=201, again=users.index),
    _page("GET", "/users/{user_id}", users.show, Role.ADMIN),
    _page("POST", "/users/{user_id}", users.change, Role.ADMIN, again=users.show),
    _page("POST", "/users/{user_id}/reset-password", users.reset_password, Role.ADMIN, again=users.show),
    _page("GET", "/api-keys", api_keys.index, Role.ADMIN),
    _page("POST", "/api-keys", api_keys.create, Role.ADMIN, status=201, again=api_keys.index),
    _page(
        "POST", "/api-keys/{api_key_id}/rotate", api_keys.rotate, Role.ADMIN, status=201, again=api_keys.index
    ),
    _page("POST", "/api-keys/{api_key_id}/revoke", api_keys.revoke, Role.ADMIN),
    _page("GET", "/settings", tenants.show, Role.ADMIN),
    _page("POST", "/settings", tenants.change, Role.ADMIN, again=tenants.show),
    _page("GET", "/sale/{sale_id}", queue.of_sale, Role.WATCHER, status=303),
    _page("GET", "/excluded", queue.excluded, Role.MANAGER),
    _page("GET", "/claims", claims.index, Role.WATCHER),
    _page("GET", "/approvals", claims.approvals, Role.MANAGER),
    _page("POST", "/claims/{claim_id}/approve", claims.approve, Role.MANAGER, again=claims.approvals),
    _page("POST", "/claims/{claim_id}/reject", claims.reject, Role.MANAGER, again=claims.approvals),
    _page("GET", "/failed-events", failed_events.index, Role.ADMIN),
    _page("GET", "/failed-events/replay", failed_events.preview, Role.ADMIN),
    _page("POST", "/failed-events/replay", failed_events.replay_many, Role.ADMIN, again=failed_events.index),
    _page("GET", "/failed-events/{failed_event_id}", failed_events.show, Role.ADMIN),
    _page(
        "POST", "/failed-events/{failed_event_id}", failed_events.edit, Role.ADMIN, again=failed_events.show
    ),
    _page(
        "POST",
        "/failed-events/{failed_event_id}/replay",
        failed_events.replay,
        Role.ADMIN,
        again=failed_events.show,
    ),
    _page(
        "POST",
        "/failed-events/{failed_event_id}/discard",
        failed_events.discard,
        Role.ADMIN,
        again=failed_events.show,
    ),
    _page("GET", "/imports", imports.index, Role.MANAGER),
    _upload("POST", "/imports", imports.create, Role.MANAGER, takes_sales=True, again=imports.index),
    _page("GET", "/imports/{import_id}", imports.show, Role.MANAGER),
    _page("GET", "/audit", audit.index, Role.ADMIN),
]

handler = lambda_handler(ROUTES, pages.refuse)
