"""Debian packages: installed ones, and ones that are only unpacked into a folder.

Odoo 19 is packaged for Debian's next release only, so it is downloaded through a
private apt state (own source list, own package lists) and unpacked beside its static
files. The machine's own apt set-up is not touched, and no root is needed for it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from . import paths
from .commands import run
from .errors import StackError

POSTGRESQL = "postgresql-15"
SYSTEM_PACKAGES = {
    POSTGRESQL: "the database server with pg_stat_statements and auto_explain",
    "postgresql-15-hypopg": "hypothetical indexes: index advice is proved with them",
    "redis-server": "the server that the product can publish to and measure",
    # Installed: it reads its own templates at their real path.
    "prometheus-alertmanager": "the server that tells people, with amtool",
    "libmagic1": "python-magic finds the type of an upload with it",
    "chromium": "the browser of the tests",
    "wkhtmltopdf": "Odoo makes its PDF reports with it",
    "fonts-dejavu-core": "letters in the pages that the browser shows",
    "libpangoft2-1.0-0": "sets the text of the report's PDF",
}

# They build the browser's part; any other source of them is as good.
NODE_PACKAGES = ("nodejs", "npm")

ODOO_SUITE = "sid"
ODOO_PACKAGES = (
    "odoo-19",
    # Odoo's static files are symbolic links into these.
    "fonts-font-awesome",
    "fonts-glyphicons-halflings",
    "fonts-inconsolata",
    "fonts-montserrat",
    "fonts-ocr-b",
    "fonts-roboto-unhinted",
    "libjs-jquery",
    "libjs-jquery-form",
    "libjs-underscore",
)
# Unpacked, so that no service starts; close to the versions of the containers.
TOOLS_SUITE = "sid"
TOOLS_PACKAGES = (
    "prometheus",
    "promtool",
    "prometheus-node-exporter",
    "prometheus-postgres-exporter",  # statements: only in sid's
    "prometheus-redis-exporter",
    "prometheus-nginx-exporter",
)
NGINX_SUITE = "bookworm"
NGINX_PACKAGES = ("nginx",)
COMPOSE_SUITE = "sid"
COMPOSE_PACKAGES = (
    "docker-compose",  # checks the Compose file; needs no Docker
    "kustomize",  # builds the Kubernetes objects; needs no cluster
)

_POLICY = Path("/usr/sbin/policy-rc.d")
_CREATE_CLUSTER = Path("/etc/postgresql-common/createcluster.d/smart-dairy.conf")


def needed_packages() -> list[str]:
    """What the later steps need from Debian on this machine."""
    packages = list(SYSTEM_PACKAGES)
    if importlib.util.find_spec("ensurepip") is None:
        packages.append("python3-venv")
    if not all(shutil.which(command) for command in ("node", "npm")):
        packages += NODE_PACKAGES
    return packages


def missing_packages(packages: Sequence[str]) -> list[str]:
    """Those of ``packages`` that are not installed."""
    if shutil.which("dpkg-query") is None:
        raise StackError(
            "this set-up needs a Debian 12 machine: dpkg-query is not there"
        )
    listing = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *packages],
        capture_output=True,
        text=True,
    ).stdout
    installed = {
        line.split()[0]
        for line in listing.splitlines()
        if line.split()[1:] == ["installed"]
    }
    return [package for package in packages if package not in installed]


def install_packages(packages: Sequence[str]) -> None:
    """Install packages without starting their services.

    :raises StackError: without root or password-less sudo, naming the command to run
    """
    apt = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if not _is_root():
        if not _can_sudo():
            raise StackError(
                "Debian packages are missing, and only root can install them; run\n"
                f"  sudo {' '.join(apt)}"
            )
        _run_as_root(["apt-get", "update"], "update the package lists")
        _run_as_root(apt, "install Debian packages")
        return
    with ExitStack() as undo:
        if not _POLICY.exists():
            # Debian's own way to keep services from starting when installed.
            _POLICY.write_text("#!/bin/sh\nexit 101\n")
            _POLICY.chmod(0o755)
            undo.callback(_POLICY.unlink, missing_ok=True)
        _run_as_root(["apt-get", "update"], "update the package lists")
        if POSTGRESQL in packages:
            _run_as_root([*apt[:4], "postgresql-common"], "install postgresql-common")
            if _CREATE_CLUSTER.parent.is_dir():
                _CREATE_CLUSTER.write_text("create_main_cluster = false\n")
                undo.callback(_CREATE_CLUSTER.unlink, missing_ok=True)
        _run_as_root(apt, "install Debian packages")


def unpack_packages(packages: Sequence[str], suite: str, target: Path) -> None:
    """Download ``packages`` of a Debian suite and unpack them into ``target``.

    ``target`` appears complete or not at all.
    """
    state = paths.CACHE / f"apt-{suite}"
    unpacked = target.with_name(f"{target.name}.new")
    downloads = state / "downloads"
    for folder in (unpacked, downloads):
        shutil.rmtree(folder, ignore_errors=True)
    for name in ("lists/partial", "cache/archives/partial", "downloads"):
        (state / name).mkdir(parents=True, exist_ok=True)
    unpacked.mkdir()
    sources = state / "sources.list"
    sources.write_text(f"deb {mirror()} {suite} main\n")
    options: dict[str, object] = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::State::Lists": state / "lists",
        "Dir::Cache": state / "cache",
        "Acquire::Languages": "none",
        # As root, apt would download as a user who may not enter the checkout.
        "APT::Sandbox::User": "root" if _is_root() else "",
    }
    apt = ["apt-get", "--quiet"]
    for option, value in options.items():
        apt += ["-o", f"{option}={value}"]
    run([*apt, "update"], what=f"read the package list of Debian {suite}")
    run(
        [*apt, "download", *(f"{package}/{suite}" for package in packages)],
        what=f"download {', '.join(packages)} of Debian {suite}",
        cwd=downloads,
    )
    for archive in sorted(downloads.glob("*.deb")):
        run(
            ["dpkg-deb", "--extract", archive, unpacked],
            what=f"unpack {archive.name}",
        )
    shutil.rmtree(target, ignore_errors=True)
    unpacked.rename(target)
    shutil.rmtree(state, ignore_errors=True)


def mirror() -> str:
    """The address of the Debian mirror that this machine is set up with."""
    listing = run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)"],
        what="ask apt for its mirror",
    )
    for line in listing.splitlines():
        site, _, codename = line.partition(" ")
        if "-" not in codename:  # not bookworm-security, which lives elsewhere
            return site
    raise StackError(
        "apt has no Debian mirror: its source list has no plain suite such as bookworm"
    )


def _is_root() -> bool:
    return os.geteuid() == 0


def _can_sudo() -> bool:
    if shutil.which("sudo") is None:
        return False
    return subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0


def _run_as_root(command: Sequence[str], what: str) -> None:
    prefix = ["env"] if _is_root() else ["sudo", "-n", "env"]
    run([*prefix, "DEBIAN_FRONTEND=noninteractive", *command], what=what)
