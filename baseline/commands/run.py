"""``baseline run``: measure, then analyse and report."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

from .. import folder as folders
from ..profiles import PROFILES

HELP = "measure a server from outside and inside, then write the report"
_REPORT = f"{__package__}.report"
_STAFF = 100  # logins of customers and of employees that suffice for a mix


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile", choices=list(PROFILES), default="smoke")
    parser.add_argument("--name", default="baseline", help="a word for the folder")
    parser.add_argument(
        "--target", help="address of the server (default: ODOO_URL, or the demo)"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a host that is not this machine and may be put under load",
    )
    parser.add_argument(
        "--skip",
        type=_parts,
        default=[],
        metavar="PART,...",
        help=f"parts to leave out: {', '.join(folders.PARTS)}",
    )
    parser.add_argument("--results", type=Path, default=folders.RESULTS)
    parser.add_argument("--data", type=Path, default=folders.REPO / "k6" / "data")
    parser.add_argument("--time-scale", type=float, default=1.0, metavar="FACTOR")
    parser.add_argument(
        "--resume", metavar="FOLDER", help="go on with a run: its folder, or 'latest'"
    )
    parser.add_argument(
        "--allow-writes",
        action="store_true",
        help="let journeys write into a database that is not the demo's",
    )
    parser.add_argument(
        "--remote-write",
        action="store_true",
        help="let k6 send its figures to Prometheus, too",
    )
    parser.add_argument(
        "--env-file",
        type=Path,
        default=folders.REPO / ".run" / "env",
        help="what make demo writes of the demo that is up",
    )
    parser.add_argument("--no-report", action="store_true", help="collect only")


def run(options: argparse.Namespace) -> int:
    from ..run import collect, summary

    context = _context(options)
    print(f"{context.target.url}, profile {context.profile.name}", flush=True)
    good = collect(context, options.skip)
    if not options.no_report:
        good = _report(context.folder) and good
    print(summary(context.folder, context.run), flush=True)
    return 0 if good else 1


def _context(options: argparse.Namespace):  # type: ignore[no-untyped-def]
    from .. import demo, preflight
    from ..errors import BaselineError
    from ..parts.context import Context
    from ..run import started_now
    from ..target import find

    resumed = _resumed(options)
    profile = PROFILES[resumed[1].profile if resumed else options.profile]
    url = resumed[1].target["url"] if resumed else options.target
    target = find(url, env_file=options.env_file)
    if url is None and (target is None or target.is_demo):
        target = demo.running(options.env_file)
        if target is None:
            print(f"no demo is up: starting one, size {profile.dairy}", flush=True)
            target = demo.start(profile.dairy)
    if target is None:
        raise BaselineError("there is no target: --target or ODOO_URL names one")
    preflight.check_host(target.url, options.allow_host)
    preflight.check_answers(target.url, options.allow_host)
    data = options.data
    if target.is_demo:
        print(f"logins for {profile.users} users ...", flush=True)
        demo.make_data(target, data, min(profile.users, _STAFF), profile.users)
    elif not (data / "users.json").exists():
        raise BaselineError(
            f"{data}/users.json is missing: docs/baseline.md says what belongs there"
        )
    if resumed:
        folder, measured = resumed
    else:
        folder = folders.new_folder(options.results, profile.name, options.name)
        measured = folders.Run(
            name=options.name,
            profile=profile.name,
            target=target.public(),
            time_scale=options.time_scale,
            started=started_now(),
            git=folders.git_state(),
        )
    return Context(
        folder=folder,
        run=measured,
        profile=profile,
        target=target,
        say=lambda text: print(f"\n      {text}", end=" ", flush=True),
        data=data,
        read_only=not (target.is_demo or options.allow_writes),
        remote_write=options.remote_write,
    )


def _resumed(
    options: argparse.Namespace,
) -> tuple[folders.RunFolder, folders.Run] | None:
    if not options.resume:
        return None
    if options.resume == "latest":
        folder = folders.latest(options.results)
        if folder is None:
            raise folders.FolderError(f"there is no run in {options.results}")
    else:
        folder = folders.RunFolder(Path(options.resume))
    return folder, folder.read_run()


def _report(folder: folders.RunFolder) -> bool:
    """Analyse and render in a process of its own: its memory and faults are its own."""
    if importlib.util.find_spec(_REPORT) is None:
        print("the report is not part of this installation")
        return True
    print("Report ...", flush=True)
    command = [sys.executable, "-m", "baseline", "report", str(folder.path)]
    return subprocess.run(command, cwd=folders.REPO).returncode == 0


def _parts(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in folders.PARTS:
            raise argparse.ArgumentTypeError(
                f"{name} is no part: {', '.join(folders.PARTS)}"
            )
    return names
