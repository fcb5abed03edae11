"""Secrets in what git keeps for ever: `python -m infra.leaks` reads every version of every file and every
message of the whole history, and names what looks like a secret, or nothing.

Runs in checkov's environment, which brings detect-secrets.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from detect_secrets import SecretsCollection
from detect_secrets.settings import default_settings

ROOT = Path(__file__).parents[1]

# What detect-secrets does not know, or between quotes alone: our keys and links, the head of a private key.
OURS = re.compile(r"wr_(?:live|wall)_[\w-]{32}|-----BEGIN [A-Z ]*PRIVATE KEY")
# What it takes for a secret and is none, each with the reason.
HARMLESS = {
    r".* .*": "has a blank: a label, a sentence, a pass phrase of a test; what a machine makes has none",
    r"[!&]\w+|GetSecretValue": "a template says where the secret will be",
    r"wr_live_(?:x+|0123.*)": "a key that is made up, and looks it",
    r"[Pp]assword|test|short|new|wrong|another|hash|operator|secretsmanager": "a word, often a wrong one",
    r"secret|a-secret|hush-hush|Password1234|a-secret-of-at-least-32-characters": "made up by a test",
}
_HARMLESS = re.compile("|".join(f"(?:{pattern})" for pattern in HARMLESS))
# Locks are full of hashes, which are what makes them locks.
_HASH = "--hash=sha256:"


def found(repository: Path) -> Iterator[str]:
    """`path: kind: beginning` of each thing that looks like a secret; the path is where it once was."""
    kept = _kept(repository)
    with TemporaryDirectory() as folder, default_settings():
        for path, lines in kept.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("\n".join(lines))
            yield from (f"{path}: a key of ours: {key[:12]}..." for key in _ours(lines))
        secrets = SecretsCollection(root=folder)
        secrets.scan_files(*kept)
        for path, secret in secrets:
            if not _HARMLESS.fullmatch(secret.secret_value):
                yield f"{path}: {secret.type}: {secret.secret_value[:12]}..."


def _ours(lines: dict[str, None]) -> Iterator[str]:
    for line in lines:
        yield from (key for key in OURS.findall(line) if not _HARMLESS.fullmatch(key))


def _kept(repository: Path) -> dict[str, dict[str, None]]:
    """Every line that a file ever had, once, and those of all messages as if they were one more file."""
    kept: dict[str, dict[str, None]] = {}
    for path, content in _objects(repository):
        if b"\0" not in content:
            lines = (line for line in content.decode(errors="replace").splitlines() if _HASH not in line)
            kept.setdefault(path, {}).update(dict.fromkeys(lines))
    return kept


def _objects(repository: Path) -> Iterator[tuple[str, bytes]]:
    names = _git(repository, "rev-list", "--all", "--objects")
    objects = BytesIO(
        _git(repository, "cat-file", "--batch=%(objecttype) %(objectsize) %(rest)", given=names)
    )
    while head := objects.readline():
        kind, size, path = head.decode().rstrip("\n").split(" ", 2)
        content = objects.read(int(size))
        objects.readline()
        if kind == "blob":
            yield path, content
        elif kind == "commit":
            yield "commit messages", content.partition(b"\n\n")[2]


def _git(repository: Path, *arguments: str, given: bytes = b"") -> bytes:
    done = subprocess.run(
        ["git", "-C", repository, *arguments], input=given, stdout=subprocess.PIPE, check=True
    )
    return done.stdout


if __name__ == "__main__":
    problems = sorted(set(found(Path(sys.argv[1]) if sys.argv[1:] else ROOT)))
    print("".join(f"{problem}\n" for problem in problems), end="")
    sys.exit(bool(problems))
