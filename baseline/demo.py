"""This checkout's own demo: start it, and make users in it.

The only module that knows the stack runner of the tests.
"""

from __future__ import annotations

import configparser
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import requests

from .errors import BaselineError
from .folder import REPO, read_json
from .target import ENV_FILE, Target, find

_TIMEOUT = 300.0  # seconds that the first answer of a busy machine may take


def running(env_file: Path = ENV_FILE) -> Target | None:
    """The demo that is up; None when there is none."""
    target = find(None, {}, env_file)
    if target is None:
        return None
    try:
        answer = requests.get(f"{target.url}/web/health", timeout=30.0)
    except requests.RequestException:
        return None
    return target if answer.ok else None


def start(size: str) -> Target:
    """Start the demo with a dairy of a size; it stays up.

    :param size: S, M or L
    :raises BaselineError: when it does not start
    """
    _find_runner()
    from tests.stack import demo
    from tests.stack.errors import StackError

    try:
        demo.start(replace(demo.OPTIONS, dairy=size))
    except StackError as error:
        raise BaselineError(f"the demo does not start: {error}") from error
    target = find(None, {}, ENV_FILE)
    assert target is not None
    return target


def make_data(target: Target, folder: Path, number: int, api: int) -> None:
    """Make logins in the demo and write k6's data files; existing ones are used again.

    :param number: logins of customers and of employees
    :param api: logins of the REST API
    :raises BaselineError: when Odoo's command fails
    """
    _find_runner()
    from tests.stack import environment, paths
    from tests.stack.commands import run
    from tests.stack.errors import StackError

    path = target.get("ODOO_CONF")
    if not path:
        raise BaselineError("ODOO_CONF is not set: users are made by Odoo itself")
    parser = configparser.RawConfigParser()
    parser.read(path)
    command: list[str | Path] = [paths.PYTHON, paths.ODOO_SCRIPT]
    # Only then Odoo looks for commands in addons before it reads the file.
    command += [f"--addons-path={parser.get('options', 'addons_path')}", "dairy_users"]
    command += [
        "-c",
        path,
        "-d",
        target.get("ODOO_DB") or "",
        "--out",
        folder.resolve(),
    ]
    command += ["--number", str(number), "--api", str(api)]
    with _one_at_a_time(folder):
        try:
            run(
                command,
                what="make users for the load",
                env=environment.for_odoo(),
                cwd=REPO,
            )
        except StackError as error:
            raise BaselineError(str(error)) from error


def is_data_there(folder: Path, database: str | None, number: int) -> bool:
    """Whether k6's data files are of a database, with enough logins."""
    users = read_json(folder / "users.json")
    if not isinstance(users, dict) or users.get("database") != database:
        return False
    return all(len(users.get(kind, ())) >= number for kind in ("api", "portal"))


def _find_runner() -> None:
    """The stack runner is not installed: it is part of the checkout only."""
    if str(REPO) not in sys.path:
        sys.path.append(str(REPO))


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
