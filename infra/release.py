"""A release is the SHA-256 of the code that runs in Lambda. `python -m infra.release` prints it."""

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def fingerprint(*paths: str) -> str:
    """SHA-256 over names and contents of the files at and below `paths`, seen from the checkout."""
    total = hashlib.sha256()
    for file in sorted(file for path in paths for file in _files(ROOT / path)):
        total.update(f"{file.relative_to(ROOT)}\0".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def release() -> str:
    return fingerprint("layers", "functions")


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [
        file
        for file in path.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith(".")
    ]


if __name__ == "__main__":
    print(release())
