"""Fixtures of the measuring core's tests."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from tests.unit.performance.support import Clock

# The same examples each time: a failure in CI is a failure at home.
settings.register_profile("same", deadline=None, database=None, derandomize=True)
settings.load_profile("same")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def public_dir():
    """A folder that any user can reach, unlike ``tmp_path``."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    path.chmod(0o700)
    shutil.rmtree(path)
