"""Style, scripts and icons: under an address that changes with any of them, so that browsers may keep them
for a year."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from winroom.answers import Page
from winroom.errors import NotFound
from winroom.web import Call

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


def address(name: str) -> str:
    """Where a file is served. Scripts import each other by `./name`, below the same address."""
    return f"/static/{_release()}/{name}"


def show(call: Call, release: str, name: str) -> Page:
    """A file of the current release, which it is for ever. While one release replaces another, a page of the
    one asks the other for its files: ours are better than none, and nobody keeps them under that address."""
    if name not in _files():
        raise NotFound
    headers = {"Cache-Control": "public, max-age=31536000, immutable"} if release == _release() else {}
    return Page(_files()[name], headers=headers, media_type=_TYPES[Path(name).suffix])


def touch_icon(call: Call) -> Page:
    """What browsers ask for unasked."""
    return Page(
        _files()["icon.svg"], headers={"Cache-Control": "public, max-age=86400"}, media_type="image/svg+xml"
    )


@cache
def _files() -> Mapping[str, str]:
    return {file.name: file.read_text(encoding="ascii") for file in sorted(_FOLDER.iterdir())}


@cache
def _release() -> str:
    content = "".join(f"{name}\0{text}\0" for name, text in _files().items())
    return hashlib.sha256(content.encode()).hexdigest()[:16]
