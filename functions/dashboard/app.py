"""HTTP: the pages. The route table says who may see what, and which page shows a refused form again."""

from functools import partial

from functions.dashboard import assets, entrance, leaderboard, me, pages, queue, sales, wall
from winroom.callers import Role
from winroom.web import FORM, Route, application, lambda_handler

# For people: whoever is not logged in is asked to, and comes back.
_page = partial(Route, is_personal=True, media_type=FORM)
_open = partial(Route, role=None, media_type=FORM)

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
    _page("POST", "/sales/new", sales.create, Role.SELLER, again=sales.form),
    # The link in the path is what lets a screen in.
    Route("GET", "/wall/{link}", wall.show, Role.DISPLAY),
]

app = application(ROUTES, pages.refuse)
handler = lambda_handler(app)
