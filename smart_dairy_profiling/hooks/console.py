"""What the console commands do inside Odoo; their files in ``cli/`` only ask."""

import os
import socket
import sys
import threading
import time
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.service import server
from odoo.tools import config

from odoo.addons.smart_dairy_performance.core import generation, settings
from odoo.addons.smart_dairy_performance.core.recorder import failed, listen, unlisten
from odoo.addons.smart_dairy_performance.hooks import runtime

from ..core import profiles
from ..core.places import ROOT
from ..core.recording import Recording, Subject
from ..core.renderers import FORMATS
from ..core.session import Session
from . import sampling

HOST = "127.0.0.1"


class CommandError(Exception):
    """What the command's user did wrong."""


# -- where the samplers of a running Odoo write --------------------------------------


def add_place(parser: Any) -> None:
    """The options that say which Odoo is meant."""
    parser.add_argument("-c", "--config", help="Odoo's configuration file")
    parser.add_argument("-D", "--data-dir", help="Odoo's data directory")


def _configure(options: Any, *more: str, http: bool = False) -> None:
    given = [*more] if http else ["--no-http", *more]
    if options.config:
        given += ["-c", options.config]
    if options.data_dir:
        given += ["-D", options.data_dir]
    config.parse_config(given, setup_logging=True)


def place(parser: Any, options: Any) -> Path:
    """The folder of this host's profiles; ends the program without one."""
    _configure(options, "--log-level=warn")
    try:
        told = settings.load(runtime.section(), os.environ)
    except settings.SettingError as error:
        parser.error(str(error))
    root = runtime.store_root(told)
    if not root.is_dir():
        parser.error(f"no Odoo with the addon has run with {root}")
    return Path(root, generation.host_name(), sampling.FOLDER)


def recent(folder: Path, seconds: float) -> Session:
    """What was sampled in the last so many seconds."""
    return profiles.total(folder, time.time() - seconds)


def format_of(output: Path | None) -> str | None:
    """The format of a file's name; text without one, None for an unknown ending."""
    if output is None:
        return "text"
    for name, known in sorted(FORMATS.items(), key=lambda one: -len(one[1].suffix)):
        if output.name.endswith(known.suffix):
            return name
    return None


# -- running something ---------------------------------------------------------------


def _classify(path: str, name: str) -> int:
    if path == __file__ and name.rpartition(".")[2] == "_watched":
        return ROOT
    return sampling.classify(path, name)


class _Watch:
    """Records this thread while ``_watched`` runs, and all units of the process."""

    def __init__(self, kind: str, label: str, options: Any) -> None:
        self.subject = Subject(kind, label)
        self.subject.db = options.database
        self.recording = Recording(options.rate, _classify, failed)

    def begin(self, unit: Any) -> None:
        if unit.thread is not self.thread:
            self.recording.begin(unit)

    def end(self, unit: Any) -> None:
        if unit.thread is not self.thread:
            self.recording.end(unit)

    @contextmanager
    def running(self) -> Any:
        self.thread = threading.current_thread()
        listen(self)
        self.recording.begin(self.subject)
        try:
            yield
        finally:
            self.recording.end(self.subject)
            unlisten(self)


def _watched(watch: _Watch, work: Any) -> Any:
    with watch.running():
        return work()


def _start(options: Any) -> None:
    _configure(options, "-d", options.database)
    server.start(preload=[], stop=True)


@contextmanager
def _environment(database: str) -> Any:
    try:
        registry = Registry(database)
    except Exception as error:
        raise CommandError(f"{database} cannot be opened: {error}") from error
    with registry.cursor() as cursor:
        env = api.Environment(cursor, SUPERUSER_ID, {})
        yield env(context=env["res.users"].context_get())


def run_script(options: Any) -> tuple[Session, int]:
    """Run a Python file with ``env``; its own failure is told and is the exit code."""
    path = Path(options.target)
    try:
        code = compile(path.read_text("utf-8"), str(path), "exec")
    except (OSError, SyntaxError, ValueError) as error:
        raise CommandError(f"{path}: {error}") from error
    _start(options)
    watch = _Watch("script", path.name, options)
    failure = 0
    with _environment(options.database) as env:
        names = {"__name__": "__main__", "__file__": str(path), "env": env}
        arguments, sys.argv = sys.argv, [str(path), *options.rest]
        try:
            _watched(watch, lambda: exec(code, names))  # pylint: disable=exec-used
        except SystemExit as error:
            failure = error.code if isinstance(error.code, int) else 1
        except Exception:
            traceback.print_exc()
            failure = 1
        finally:
            sys.argv = arguments
        if options.commit and not failure:
            env.cr.commit()
        else:
            env.cr.rollback()
    return watch.recording.stop(), failure


def run_cron(options: Any) -> tuple[Session, int]:
    """Run a job as the scheduler would."""
    _start(options)
    with _environment(options.database) as env:
        job = _job(env, options.target)
        watch = _Watch("cron", options.target, options)
        failure = 0
        try:
            _watched(watch, job.method_direct_trigger)
        except Exception:
            traceback.print_exc()
            failure = 1
    return watch.recording.stop(), failure


def _job(env: Any, name: str) -> Any:
    if name.isdecimal():
        job = env["ir.cron"].with_context(active_test=False).browse(int(name)).exists()
    else:
        job = env.ref(name, raise_if_not_found=False)
    if not job or job._name != "ir.cron":
        raise CommandError(f"there is no job {name} in {env.cr.dbname}")
    return job


def run_test(options: Any) -> tuple[Session, int]:
    """Run tests as ``odoo --test-tags`` does; the exit code is theirs."""
    given = ["-d", options.database, "--test-tags", options.target, "--workers=0"]
    # Tests of pages ask this very process, beside a server that uses the usual port.
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    given += [f"--http-interface={HOST}", f"--http-port={port}", "--stop-after-init"]
    _configure(options, *given, *options.rest, http=True)
    watch = _Watch("test", options.target, options)
    code = _watched(watch, lambda: server.start(preload=[options.database], stop=True))
    return watch.recording.stop(), int(code or 0)
