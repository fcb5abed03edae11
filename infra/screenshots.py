"""Pictures of all pages, light and dark, on a phone and on a desk: `make screenshots`. With --readme also
those that the README shows, small enough to be kept in the repository."""

import argparse
import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize

from infra import showcase
from infra.local import browser, stack
from infra.local.stack import Stack
from infra.release import ROOT
from infra.showcase import Showcase

FOLDER = ROOT / ".winroom" / "screenshots"
README_FOLDER = ROOT / "docs"
README_BYTES = 60_000

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
DEVICES: dict[str, ViewportSize] = {
    "phone": {"width": 390, "height": 844},
    "desktop": {"width": 1280, "height": 860},
}
WALL: ViewportSize = {"width": 1920, "height": 1080}
# What the route table does not lead to: lists with other content, and pages that say no.
MORE = {
    "queue-claimed": "/queue?status=claimed",
    "queue-nothing-found": "/queue?q=nobody",
    "leaderboard-margin": "/leaderboard?period=all&metric=margin",
    "item-claimed": "/sale/FS-1001",
    "not-found": "/queue/nothing",
    "wall-gone": "/wall/wr_wall_ended",
}
FIRST_FRAMES = 1_200  # milliseconds of confetti


class Photographer:
    """Opens pages as somebody of the showcase, and keeps pictures of them."""

    def __init__(self, chromium: Browser, origin: str, shown: Showcase) -> None:
        self._chromium, self._origin, self._shown = chromium, origin, shown

    @contextlib.contextmanager
    def at(self, path: str, viewport: ViewportSize, scheme: Scheme, session: str | None) -> Iterator[Page]:
        """A page that has come to rest."""
        context = self._chromium.new_context(
            base_url=self._origin, viewport=viewport, color_scheme=scheme, locale="en-GB"
        )
        page = context.new_page()
        if session:
            browser.let_in(page, self._origin, session)
        page.goto(path)
        if page.locator("#line").count():
            page.locator("#line[data-state=live]").wait_for()
        page.evaluate("document.getAnimations().forEach((one) => one.finish())")
        yield page
        context.close()

    def take_all(self, into: Path) -> None:
        """Every page on every device, in both schemes."""
        walls = [route for route in showcase.PAGES if "{link}" in route.path]
        pages = {
            _named(route.path): self._shown.path(route) for route in showcase.PAGES if route not in walls
        }
        for name, path in (pages | MORE).items():
            for device, viewport in DEVICES.items():
                for scheme in SCHEMES:
                    nobody = path in ("/login", "/sign-up") or path.startswith("/wall/")
                    with self.at(path, viewport, scheme, None if nobody else self._shown.admin) as page:
                        page.screenshot(path=into / f"{name}-{device}-{scheme}.png", full_page=True)
            print(".", end="", flush=True)
        for scheme in SCHEMES:
            with self.at(self._wall, WALL, scheme, None) as page:
                for panel in range(page.locator(".panel").count()):
                    _turn_to(page, panel)
                    page.screenshot(path=into / f"wall-{panel + 1}-{scheme}.png")
            with self.taken_over(scheme) as page:
                page.screenshot(path=into / f"wall-takeover-{scheme}.png")
        print()

    @contextlib.contextmanager
    def taken_over(self, scheme: Scheme) -> Iterator[Page]:
        """The wall, while a win has it."""
        with self.at(self._wall, WALL, scheme, None) as page:
            self._shown.win()
            page.locator("#takeover").wait_for()
            page.wait_for_timeout(FIRST_FRAMES)
            yield page

    def take_for_readme(self, into: Path) -> None:
        """The four that say most."""
        into.mkdir(exist_ok=True)
        desk, phone = DEVICES["desktop"], DEVICES["phone"]
        shots: list[tuple[str, str, ViewportSize, Scheme, str]] = [
            ("queue", "/queue", desk, "light", self._shown.seller),
            ("leaderboard", "/leaderboard", desk, "light", self._shown.admin),
            ("queue-phone", "/queue", phone, "dark", self._shown.seller),
        ]
        for name, path, viewport, scheme, session in shots:
            with self.at(path, viewport, scheme, session) as page:
                _shrunk(page.screenshot(), into / f"{name}.png")
        with self.taken_over("light") as page:
            _shrunk(page.screenshot(), into / "wallboard.png", width=1280)

    @property
    def _wall(self) -> str:
        return f"/wall/{self._shown.ids['link']}"


def _named(path: str) -> str:
    """/queue/{queue_id} as a file's name: queue-id."""
    return re.sub(r"\W+", "-", re.sub(r"{\w+?_?id}", "one", path)).strip("-")


def _turn_to(page: Page, panel: int) -> None:
    page.evaluate(
        "(panel) => [...document.querySelectorAll('.panel')]"
        ".forEach((one, n) => one.classList.toggle('shown', n === panel))",
        panel,
    )
    page.evaluate("document.getAnimations().forEach((one) => one.finish())")


def _shrunk(picture: bytes, file: Path, width: int | None = None) -> None:
    """With as many colours as fit into the size, which text and flat areas need few of."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    if width:
        image = image.resize((width, image.height * width // image.width), Image.Resampling.LANCZOS)
    for colours in (128, 64, 32, 16):
        image.quantize(colours, dither=Image.Dither.NONE).save(file, optimize=True)
        if file.stat().st_size <= README_BYTES:
            return
    raise ValueError(f"{file} stays larger than {README_BYTES} bytes")


@contextlib.contextmanager
def _running(state: Path) -> Iterator[Stack]:
    """The stack that is up there, as with `make dev`, else one for the length of the block."""
    if up := stack.read(state):
        yield up
        return
    with stack.up(state) as up:
        yield up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readme", action="store_true", help="write the README's pictures to docs/")
    parser.add_argument("--state", type=Path, default=stack.STATE, help="the folder of the stack")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    with _running(arguments.state) as up, browser.launched() as chromium:
        photographer = Photographer(chromium, up.http_url, showcase.build(up))
        photographer.take_all(FOLDER)
        if arguments.readme:
            photographer.take_for_readme(README_FOLDER)
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER}")
    if arguments.readme:
        print(f"the README's in {README_FOLDER}")


if __name__ == "__main__":
    main()
