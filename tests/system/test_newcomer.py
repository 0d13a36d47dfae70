"""A fresh clone with empty caches, in a folder that only its owner may enter."""

import os
import subprocess
import time

import pytest

from tests.stack import environment, paths, web

pytestmark = [pytest.mark.system, pytest.mark.long]

DEMO_LIMIT = 12 * 60.0  # seconds, on two cores


@pytest.fixture
def clone(tmp_path):
    folder = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "--quiet", "--no-hardlinks", str(paths.REPO), str(folder)],
        check=True,
    )
    os.chmod(tmp_path, 0o700)
    yield folder
    make(folder, "distclean")


def make(folder, target):
    return subprocess.run(
        ["make", "--no-print-directory", target],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_make_demo_then_make_stop(clone):
    started = time.monotonic()
    demo = make(clone, "demo")
    seconds = time.monotonic() - started
    print(demo.stdout, demo.stderr, f"{seconds:.0f} s")
    assert demo.returncode == 0
    assert seconds < DEMO_LIMIT
    assert demo.stdout.count(": equal\n") == 1
    variables = environment.read_env_file(clone / ".run" / "env")
    assert web.answers(f"{variables['ODOO_URL']}/web/login")

    started = time.monotonic()
    again = make(clone, "setup")
    assert again.stdout.count("up to date") == again.stdout.count("\n") == 4
    assert time.monotonic() - started < 5.0

    assert make(clone, "stop").stdout == "stopped: demo\n"
    assert not web.answers(f"{variables['ODOO_URL']}/web/login")
    assert not (clone / ".run" / "env").exists()
