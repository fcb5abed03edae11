"""A Chromium for the browser tests and the screenshots: the machine's own, or one that is installed now.
Where none can be installed, that is an error: tests that need a browser are never skipped."""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from infra.local import programs
from winroom.answers import SESSION_COOKIE

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# It asks nobody but the pages under test, and runs as root in containers.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


class NoBrowser(Exception):
    """There is no Chromium, and none could be installed."""


@contextlib.contextmanager
def launched() -> Iterator[Browser]:
    """A Chromium without a window, for the length of the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(playwright), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def let_in(page: Page, origin: str, session: str) -> None:
    """Gives a page's browser somebody's session. Its cookie is for secure places alone: this machine is one
    to browsers, but not to whoever sets their cookies from outside, hence https."""
    page.context.new_cdp_session(page).send(
        "Network.setCookie",
        {
            "name": SESSION_COOKIE,
            "value": session,
            "url": origin.replace("http:", "https:"),
            "path": "/",
            "secure": True,
            "httpOnly": True,
            "sameSite": "Lax",
        },
    )


def find(playwright: Playwright) -> str:
    """The program of a Chromium; installs one where there is none. Raises NoBrowser."""
    if named := os.environ.get("CHROMIUM"):
        if not shutil.which(named):
            raise NoBrowser(f"CHROMIUM names {named}, which is no program")
        return named
    downloaded = Path(playwright.chromium.executable_path)
    if found := programs.find(*NAMES) or _if_there(downloaded):
        return found
    print("There is no Chromium on this machine: installing one.", file=sys.stderr)
    programs.install("chromium")
    if not programs.find(*NAMES):
        programs.attempt([sys.executable, "-m", "playwright", "install", "chromium"])
    if found := programs.find(*NAMES) or _if_there(downloaded):
        return found
    raise NoBrowser(
        "The browser tests and the screenshots need a Chromium, and none could be installed. Install it as"
        " your system does (apt-get install chromium), or as Playwright does (.venv/bin/playwright install"
        " --with-deps chromium), or name the program of one: CHROMIUM=/path/to/chrome make test"
    )


def _if_there(program: Path) -> str | None:
    return str(program) if program.exists() else None
