"""``baseline upload [FOLDER]``: hand a run's report in at an Odoo."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..errors import BaselineError
from ..folder import RESULTS, latest

HELP = "import a run's report into Odoo: Performance > Baselines"
_PATH = "/api/v1/performance/baselines"
_KEY = "BASELINE_API_KEY"
_TIMEOUT = 60.0  # seconds


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "folder", type=Path, nargs="?", help="of the run; the last one by default"
    )
    parser.add_argument(
        "--url", default=os.environ.get("ODOO_URL"), help="of Odoo (ODOO_URL)"
    )


def run(options: argparse.Namespace) -> int:
    """Send ``report.zip`` with the API key of a manager (``BASELINE_API_KEY``)."""
    import requests

    found = latest(RESULTS)
    folder = options.folder or (found.path if found else None)
    archive = folder / "report" / "report.zip" if folder else None
    if archive is None or not archive.is_file():
        raise BaselineError(f"{archive or RESULTS} is not there: baseline report first")
    key = os.environ.get(_KEY)
    if not options.url or not key:
        raise BaselineError(f"--url (or ODOO_URL) and {_KEY} are needed")
    try:
        answer = requests.post(
            options.url.rstrip("/") + _PATH,
            data=archive.read_bytes(),
            headers={
                "Content-Type": "application/zip",
                "Authorization": f"Bearer {key}",
            },
            timeout=_TIMEOUT,
        )
        told = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise BaselineError(
            f"{options.url} does not answer as it should: {error}"
        ) from error
    if answer.status_code not in (200, 201):
        raise BaselineError(f"{options.url} refused it: {told.get('error', told)}")
    print(f"imported  {told['name']}  ({options.url}, run {told['id']})")
    return 0
