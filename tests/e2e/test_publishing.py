"""A changed layer reaches the alias: most of our code is there, and SAM alone would leave it behind."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.release import ROOT

OLD, NEW = "Event received and queued for processing", "A changed line of the layer"

# Runs in a checkout of its own: deploys, changes one line of the layer, deploys again.
SCRIPT = f"""
import json, pathlib, sys
import httpx
from infra.local import deployment, stack
from tests.factories import sale

state = pathlib.Path(sys.argv[1])

def told(running):
    headers = {{"Authorization": "Bearer " + running.api_key}}
    answer = httpx.post(running.http_url + "/api/events", json=sale(), headers=headers, timeout=30)
    version = httpx.get(running.http_url + "/api/health", timeout=30).json()["version"]
    return [answer.json()["message"], version]

with stack.up(state) as running:
    before = told(running)
    source = pathlib.Path("layers/winroom/winroom/copy.py")
    source.write_text(source.read_text().replace({OLD!r}, {NEW!r}))
    deployment.build(state)
    deployment.deploy(
        state, running.aws_endpoint_url, running.owner_database_url, running.ws_url)
    print(json.dumps([before, told(running)]))
"""


def test_a_changed_line_of_the_layer_is_served_after_the_next_deployment(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    ours = shutil.ignore_patterns(".git", ".venv", ".winroom", ".aws-sam", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, checkout, ignore=ours)
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", SCRIPT, str(tmp_path / "state")],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": f"{checkout}:{checkout / 'layers/winroom'}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (before, old_release), (after, new_release) = json.loads(done.stdout.splitlines()[-1])
    assert (before, after) == (OLD, NEW)
    assert len({old_release, new_release}) == 2
