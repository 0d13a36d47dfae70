"""What the tests of the load scripts share: a run of k6, and its raw samples."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baseline.parts.k6 import SCRIPT, k6_environment
from tests.stack import Stack, paths

THRESHOLDS_MISSED = 99
_CROSSED = "thresholds on metrics"  # k6 says so on the level of errors


@dataclass(frozen=True)
class Load:
    """A run that ended.

    :ivar output: what k6 printed
    :ivar summary: what handleSummary wrote; None when it wrote nothing
    """

    code: int
    output: str
    summary: dict[str, Any] | None
    raw: Path

    def points(self, metric: str) -> Iterator[dict[str, Any]]:
        """The samples of a metric: time, value, tags."""
        with gzip.open(self.raw, "rt") as lines:
            for line in lines:
                if f'"{metric}"' in line:
                    point = json.loads(line)
                    if point["type"] == "Point" and point["metric"] == metric:
                        yield point["data"]

    def count(self, metric: str, *tags: str) -> Counter[tuple[str, ...]]:
        """Samples by the values of some tags."""
        return Counter(
            tuple(point["tags"].get(tag, "") for tag in tags)
            for point in self.points(metric)
        )

    @property
    def mistakes(self) -> list[str]:
        """What k6 complains about, beside targets that were not met."""
        found = [
            line
            for line in self.output.splitlines()
            if re.search(r"level=(error|fatal)", line) and _CROSSED not in line
        ]
        if self.summary and self.metric("script_errors")["count"]:
            found.append(f"script errors: {self.count('script_errors', 'journey')}")
        return found

    def metric(self, name: str) -> dict[str, float]:
        """The values of a metric in the summary."""
        assert self.summary is not None
        values: dict[str, float] = self.summary["metrics"][name]["values"]
        return values


def run_load(
    stack: Stack,
    data: Path,
    folder: Path,
    *,
    script: Path = SCRIPT,
    limit: float = 280.0,
    **variables: str,
) -> Load:
    """Run a load script against a stack.

    :param data: folder of the data files
    :param folder: for its results
    :param limit: seconds
    """
    folder.mkdir(parents=True, exist_ok=True)
    raw, summary = folder / "raw.json.gz", folder / "summary.json"
    environ = {
        "ODOO_URL": stack.odoo_url,
        "ODOO_DB": stack.database,
        "K6_DATA": str(data),
        "SUMMARY": str(summary),
        **variables,
    }
    done = subprocess.run(
        [paths.K6, "run", "--quiet", "--address", "", "--out", f"json={raw}", script],
        env=k6_environment(**environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=limit,
    )
    print(done.stdout)
    found = json.loads(summary.read_text()) if summary.exists() else None
    return Load(done.returncode, done.stdout, found, raw)
