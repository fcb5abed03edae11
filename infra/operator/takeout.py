"""What a company takes home: each table as a file of JSON lines, a README that explains them, and a manifest
with counts and checksums. Written beside its place and moved there when it is whole."""

import hashlib
import json
import shutil
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from winroom import offboarding
from winroom.db import Connection, Row
from winroom.offboarding import Table

WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="ascii"))

Open = Callable[[str], AbstractContextManager[IO[bytes]]]
Manifest = dict[str, Any]


def write(conn: Connection, company: Row, to: Path, tell: Callable[[str], object]) -> Manifest:
    """Writes all of a company to a new folder or .zip; tells each table before it is read.

    `conn` is in a transaction that sees one snapshot. Raises OSError, and leaves nothing half-written.
    """
    tables = offboarding.tables(conn)
    with _draft(to) as file:
        files = []
        for table in tables:
            tell(table.name)
            with file(f"{table.name}.jsonl") as lines:
                written = _write_lines(lines, offboarding.rows(conn, table, company["tenant_id"]))
            files.append({"name": f"{table.name}.jsonl", **written})
        manifest = {
            "format": 1,
            "tenant": company["slug"],
            "tenant_id": str(company["tenant_id"]),
            "name": company["name"],
            "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "schema_version": offboarding.schema_version(conn),
            "left_out": sorted(offboarding.SECRETS),
            "files": files,
        }
        with file("manifest.json") as out:
            out.write(json.dumps(manifest, indent=2).encode() + b"\n")
        with file("README.md") as out:
            out.write(_readme(manifest, tables).encode())
    return manifest


def meaning(table: str, field: str) -> str:
    """What a field means, or nothing where nobody has said it."""
    return str(WORDS["fields"].get(f"{table}.{field}") or WORDS["fields"].get(field, ""))


def _write_lines(out: IO[bytes], rows: Iterable[str]) -> Row:
    digest, number, size = hashlib.sha256(), 0, 0
    for row in rows:
        line = row.encode() + b"\n"
        out.write(line)
        digest.update(line)
        number, size = number + 1, size + len(line)
    return {"rows": number, "bytes": size, "sha256": digest.hexdigest()}


@contextmanager
def _draft(to: Path) -> Iterator[Open]:
    """Where files are written; moved to its place at the end, gone where that is not reached. Others on this
    machine cannot read it."""
    draft = to.with_name(f"{to.name}.draft")
    _remove(draft)
    try:
        if to.suffix == ".zip":
            draft.touch(mode=0o600)
            with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as zipped:
                yield lambda name: zipped.open(name, "w", force_zip64=True)
        else:
            draft.mkdir(mode=0o700)
            yield lambda name: (draft / name).open("wb")
        draft.rename(to)
    finally:
        _remove(draft)


def _remove(draft: Path) -> None:
    if draft.is_dir():
        shutil.rmtree(draft)
    draft.unlink(missing_ok=True)


def _readme(manifest: Manifest, tables: Iterable[Table]) -> str:
    left_out = ", ".join(f"`{column}`" for column in manifest["left_out"])
    parts = [
        f"# {manifest['name']}: all that Win Room kept",
        f"As of {manifest['exported_at']}, in one snapshot. Each file is one table, each line one row as"
        " JSON, in UTF-8. Times have an offset; money has two decimals; bytes are hexadecimal after `\\x`."
        " Rows belong together by the ids that they share. `manifest.json` has the number of rows and the"
        " SHA-256 of each file.",
        f"Left out is what only opens doors: the hashes {left_out}.",
    ]
    for table in tables:
        fields = "\n".join(f"| `{field}` | {meaning(table.name, field)} |" for field in table.shown)
        about = WORDS["tables"].get(table.name, "")
        parts.append(f"## {table.name}.jsonl\n\n{about}\n\n| field | meaning |\n|---|---|\n{fields}")
    return "\n\n".join(parts) + "\n"
