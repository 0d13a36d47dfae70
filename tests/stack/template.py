"""Databases that are ready to be copied: PostgreSQL's data folder and Odoo's filestore.

Levels, so that a change of our own code does not reinstall Odoo's modules: the lower
has Odoo's modules, the next (when wanted) the demo dairy and its data, the upper one
ours on top. Each is kept in a folder named by a hash of everything that went into it.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from . import paths, ports
from .addons import DAIRY_ADDON, Modules, addons_paths
from .commands import run
from .hashing import hash_of, hash_of_addon
from .odoo import Odoo, OdooConfig
from .postgres import ADMIN, OWNER, Postgres

DATABASE = "smart_dairy"
LOGIN = "admin"
_LAYOUT = 1  # raise it when what this module writes changes
_KEEP = {"upper": 3, "dairy": 3}  # templates of a level that are kept
_POSTGRES_DATA = "postgres"
_ODOO_DATA = "odoo"

_PREPARE = """
admin = env.ref('base.user_admin')
admin.password = {password!r}
# A database of a test must not report to its maker.
cron = env.ref('mail.ir_cron_module_update_notification', raise_if_not_found=False)
if cron:
    cron.active = False
env.cr.commit()
"""


@dataclass(frozen=True)
class Template:
    """A template, or a copy of one: two data folders and the secrets in them."""

    folder: Path
    passwords: dict[str, str]
    odoo_password: str

    @property
    def postgres_data(self) -> Path:
        return self.folder / _POSTGRES_DATA

    @property
    def odoo_data(self) -> Path:
        return self.folder / _ODOO_DATA

    def copy_to(self, folder: Path) -> Template:
        """A copy that a server can run on; replaces the folder."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        run(["cp", "-a", "--reflink=auto", self.folder, folder], what="copy a template")
        return Template(folder, self.passwords, self.odoo_password)

    def write(self) -> None:
        meta = {"passwords": self.passwords, "odoo_password": self.odoo_password}
        path = self.folder / "template.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(meta))

    @classmethod
    def read(cls, folder: Path) -> Template:
        meta = json.loads((folder / "template.json").read_text())
        return cls(folder, meta["passwords"], meta["odoo_password"])


def get(
    modules: Modules,
    *,
    demo: bool,
    extra_addons: Sequence[Path] = (),
    dairy: str | None = None,
) -> Template:
    """The template with these modules, built when it is not there.

    :param demo: with Odoo's demo data
    :param extra_addons: more folders with addons
    :param dairy: size of the demo dairy's data; its addon is then one of the modules
    """
    key = hash_of(_LAYOUT, _versions(), modules.odoo, demo)
    below = _lower(key, modules, demo)
    own = dict(modules.own)
    if dairy is not None:
        folder = own.pop(DAIRY_ADDON)
        # Its year ends today.
        today = datetime.now(timezone.utc).date().isoformat()
        key = hash_of(key, hash_of_addon(folder), dairy, today)
        below = _dairy(key, below, demo, extra_addons, dairy)
    if not own:
        return below
    key = hash_of(key, Modules((), own).fingerprint(), demo)

    def build(target: Path) -> None:
        template = below.copy_to(target)
        _install(template, sorted(own), demo, extra_addons)
        template.write()

    return _kept("upper", key, f"database with {', '.join(sorted(own))}", build)


def _dairy(
    key: str, below: Template, demo: bool, extra_addons: Sequence[Path], size: str
) -> Template:
    """The demo dairy and its data; ours do not matter to it and come on top."""

    def build(target: Path) -> None:
        template = below.copy_to(target)
        _install(template, [DAIRY_ADDON], demo, extra_addons, dairy=size)
        template.write()

    return _kept("dairy", key, f"database with a dairy of size {size}", build)


def _kept(level: str, key: str, title: str, build: Callable[[Path], None]) -> Template:
    """A template of a level of which the newest are kept."""
    folder = paths.TEMPLATES / f"{level}-{key}"
    if folder.exists():
        os.utime(folder)
    else:
        _build_once(folder, title, build)
        _forget_old(folder, level)
    return Template.read(folder)


def _lower(key: str, modules: Modules, demo: bool) -> Template:
    folder = paths.TEMPLATES / f"lower-{key}"

    def build(target: Path) -> None:
        passwords = {ADMIN: secrets.token_urlsafe(12), OWNER: secrets.token_urlsafe(12)}
        template = Template(target, passwords, secrets.token_urlsafe(9))
        template.postgres_data.mkdir(parents=True)
        template.odoo_data.mkdir()
        _install(template, modules.odoo, demo, (), new=True)
        template.write()

    data = " with demo data" if demo else ""
    _build_once(folder, f"database with {', '.join(modules.odoo)}{data}", build)
    return Template.read(folder)


def _install(
    template: Template,
    modules: Sequence[str],
    demo: bool,
    extra_addons: Sequence[Path],
    new: bool = False,
    dairy: str | None = None,
) -> None:
    scratch = template.folder / "build"
    scratch.mkdir()
    port = ports.choose(["postgres", "http", "gevent"])
    postgres = Postgres(
        scratch, template.postgres_data, port["postgres"], template.passwords
    )
    config = OdooConfig(
        database=DATABASE,
        db_port=port["postgres"],
        db_user=OWNER,
        db_password=template.passwords[OWNER],
        data_dir=template.odoo_data,
        addons_path=addons_paths(extra_addons),
        http_port=port["http"],
        gevent_port=port["gevent"],
        workers=0,
        max_cron_threads=0,
        server_wide=False,
    )
    odoo = Odoo(scratch, config, {})
    try:
        if new:
            postgres.create()
            postgres.create_database(DATABASE)
        else:
            postgres.start()
        data = ["--with-demo"] if demo else []
        odoo.run(["-i", ",".join(modules), *data, "--stop-after-init", "--no-http"])
        if new:
            odoo.shell(_PREPARE.format(password=template.odoo_password))
        if dairy is not None:
            odoo.run(["--size", dairy], command="dairy_data")
    finally:
        postgres.stop()
    shutil.rmtree(scratch)


def _versions() -> list[str]:
    """What Odoo and PostgreSQL are, so that an upgrade builds new templates."""
    release = (paths.ODOO_PYTHONPATH / "odoo/release.py").read_text()
    odoo = next(
        line for line in release.splitlines() if line.startswith("version_info")
    )
    packages = run(
        [paths.POSTGRES_BIN / "postgres", "--version"],
        what="ask PostgreSQL for its version",
    )
    return [odoo, packages.strip()]


def _build_once(folder: Path, title: str, build: Callable[[Path], None]) -> None:
    """Build a template folder under a lock; it appears complete or not at all."""
    with _locked(folder):
        if not folder.exists():
            started = time.monotonic()
            _say(f"building a {title} ... ")
            unfinished = folder.with_name(f"{folder.name}.new")
            shutil.rmtree(unfinished, ignore_errors=True)
            build(unfinished)
            unfinished.rename(folder)
            _say(f"done in {time.monotonic() - started:.0f} s\n")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_old(current: Path, level: str) -> None:
    """Remove all but the newest templates of a level."""
    kept = [path for path in current.parent.glob(f"{level}-*") if path.suffix == ""]
    kept.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for folder in kept[_KEEP[level] :]:
        with _locked(folder):
            shutil.rmtree(folder, ignore_errors=True)
        folder.with_name(f"{folder.name}.lock").unlink(missing_ok=True)


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
