"""How large the built artefacts are, zipped as they are uploaded: what a cold start has to fetch."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from infra.local import deployment
from tests.benchmarks.measure import Result, Scale
from tests.conftest import STATE

_KB, _MB = 1024, 1024 * 1024


def run(scale: Scale) -> Iterator[Result]:
    STATE.mkdir(parents=True, exist_ok=True)
    deployment.build(STATE)
    built = STATE / "build"
    for folder in sorted(f for f in built.iterdir() if f.is_dir()):
        size = _zipped(folder)
        is_layer = folder.name.endswith("Layer")
        most, target = (16 * _MB, "<= 16 MB") if is_layer else (100 * _KB, "<= 100 KB")
        told = f"{size / _MB:.1f} MB" if is_layer else f"{size / _KB:.0f} KB"
        yield Result(f"size of {folder.name}", told, "", None, target, size <= most)


def _zipped(folder: Path) -> int:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
    return buffer.tell()
