"""All that people write here is English: `python -m infra.english [FILE ...]` names what is not, or nothing.

Without files it reads the whole checkout. ruff's own rules are about identifiers and look-alikes only.
"""

import html
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from infra.release import ROOT

EXCEPTIONS = {
    "infra/english.py": "lists the older product's words",
    "tests/events/old_export.csv": "a customer's export, as it comes: with people's names",
}
# Tests send foreign names on purpose; they spell them so, and what they send is seen in any editor.
MAY_ESCAPE = "tests/"

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_ESCAPE = re.compile(r"\\x([89a-fA-F][\da-fA-F])|\\u([\da-fA-F]{4})|\\U000([\da-fA-F]{5})|&#?\w+;")
# Words of the older product that need no foreign letter, or had lost it.
_OLDER = re.compile(r"(?<![a-z])(?:satis(?!f)|urun|taksit|odeme|musteri)", re.IGNORECASE)


def problems(path: str, text: str) -> Iterator[str]:
    """A sentence for each thing in a file, its name included, that is not English."""
    for number, line in enumerate([path, *text.split("\n")]):
        for letter in [*_NOT_ASCII.findall(line), *_spelled(path, line)]:
            name = unicodedata.name(letter, f"U+{ord(letter):04X}")
            yield f"{path}:{number}: {letter!a} ({name}): write it in English, with ASCII letters"
        for word in _OLDER.findall(line):
            yield f"{path}:{number}: {word} (a word of the older product): use the English one"


def _spelled(path: str, line: str) -> Iterator[str]:
    """Foreign letters that an escape or an entity stands for; signs such as arrows are no letters."""
    for found in () if path.startswith(MAY_ESCAPE) else _ESCAPE.finditer(line):
        digits = found[1] or found[2] or found[3]
        letter = chr(int(digits, 16)) if digits else html.unescape(found[0])
        if letter.isalpha() and not letter.isascii():
            yield letter


def check(files: Iterable[str]) -> list[str]:
    """The problems of the files, by their paths in the checkout; no binary file has any."""
    found: list[str] = []
    for path in files:
        file = ROOT / path
        if path not in EXCEPTIONS and file.is_file() and b"\0" not in (content := file.read_bytes()):
            found += problems(path, content.decode(errors="replace"))
    return found


def _files() -> Iterator[str]:
    """All that git does not ignore; asked of nobody, for not every copy is a checkout."""
    ignored = [".git", *(line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split())]

    def is_ours(name: str) -> bool:
        return not any(fnmatch(name, pattern) for pattern in ignored)

    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(filter(is_ours, folders))
        yield from ((Path(folder) / name).relative_to(ROOT).as_posix() for name in filter(is_ours, names))


if __name__ == "__main__":
    named = [Path(file).resolve().relative_to(ROOT).as_posix() for file in sys.argv[1:]]
    found = check(named or _files())
    print("".join(f"{problem}\n" for problem in found), end="")
    sys.exit(bool(found))
