"""Named SQL: `sql/<noun>.sql` holds `-- name: purpose` headers, each followed by one statement."""

import re
from functools import cache
from importlib import resources
from typing import LiteralString, cast

_HEADER = re.compile(r"^-- ([a-z_]+): .+\n(?:-- .+\n)*", re.MULTILINE)


@cache
def load(noun: str) -> dict[str, LiteralString]:
    """The statements of one noun by name. They are our own source code, never assembled from input."""
    text = (resources.files("winroom") / "sql" / f"{noun}.sql").read_text(encoding="ascii")
    pieces = _HEADER.split(text)
    return {
        name: cast(LiteralString, statement.strip().rstrip(";"))
        for name, statement in zip(pieces[1::2], pieces[2::2], strict=True)
    }


@cache
def all_statements() -> dict[str, LiteralString]:
    """Every statement as `noun.name`, for the test that prepares each against the schema."""
    files = (entry.name for entry in (resources.files("winroom") / "sql").iterdir())
    return {
        f"{noun}.{name}": statement
        for noun in sorted(name.removesuffix(".sql") for name in files if name.endswith(".sql"))
        for name, statement in load(noun).items()
    }
