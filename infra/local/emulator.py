"""The AWS emulator, listening on 127.0.0.1 only, forgetting everything when it ends."""

import contextlib
import os
import shutil
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import boto3
import botocore.session

from infra.local import leash, ports

REGION = "us-east-1"
# As botocore has its variables: in the file, in the environment, otherwise.
_NO_PROFILE = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}


@contextlib.contextmanager
def running(state: Path) -> Iterator[str]:
    """The URL at which the emulator answers for all of AWS."""
    home, log = state / "emulator", state / "logs" / "emulator.log"
    _discard(home)
    (home / "tmp").mkdir(parents=True)
    with ports.reserved(4566) as port:
        url = f"http://{ports.LOOPBACK}:{port}"
        command = [sys.executable, "-m", "ministack.app"]
        with leash.leashed(command, log=log, env=_environment(home, port), cwd=home) as holder:
            while not _is_healthy(url):
                leash.must_run(holder, log)
                time.sleep(0.1)
            yield url


def session() -> boto3.Session:
    """For clients of the emulator: credentials that mean nothing anywhere else, and nothing of the profile
    that somebody works with elsewhere."""
    core = botocore.session.Session(_NO_PROFILE)
    return boto3.Session("test", "test", region_name=REGION, botocore_session=core)


def client_environment(url: str) -> dict[str, str]:
    """What makes an AWS client talk to the emulator, and never to a real account."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _environment(home: Path, port: int) -> dict[str, str]:
    """Little on purpose: the emulator hands its whole environment on to the functions."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "TMPDIR": str(home / "tmp"),
        "S3_DATA_DIR": str(home / "s3"),
        "STATE_DIR": str(home / "state"),
        "BIND_HOST": ports.LOOPBACK,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",  # listens on a port of its own otherwise
        "SFTP_ENABLED": "0",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "MINISTACK_REGION": REGION,
    }


def _discard(home: Path) -> None:
    """Clear away what the last run has unpacked, tens of thousands of files, without waiting."""
    old = home.with_suffix(".old")
    shutil.rmtree(old, ignore_errors=True)
    if home.exists():
        home.rename(old)
        threading.Thread(target=shutil.rmtree, args=(old, True), daemon=True).start()


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_ministack/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
