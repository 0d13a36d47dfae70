"""What one tracked ORM call and one query cost, in a loop.

``prometheus_client`` does the same updates in its multiprocess mode, which it enters
when its variable is set before it is imported: so this runs in a process of its own.

Usage: ``python -m tests.benchmarks.hot_path ROUNDS``; prints the figures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.stack import environment, paths

from .figures import Figure, differences, interleaved, median, spread

NAMES = ("core.orm_call", "core.sql_hook", "core.sql_merge")
QUERIES = Path(__file__).parent / "queries.json"
# Which of twelve methods are called, one after the other, by the web_search_read of
# contacts whose queries are in queries.json.
CALLS = (0, 1, 2, 2, 2, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11)
UNITS = 20  # a round


class Records:
    """As much of a recordset as the wrapper looks at."""

    _ids = (1, 2, 3)

    def read(self, fields: Any = None, load: str = "_classic_read") -> Records:
        return self


class Cursor:
    """As much of a cursor as the hook looks at."""

    class _obj:  # noqa: N801 - the name in Odoo's cursor
        rowcount = 3


def run(quick: bool, only: str = "") -> list[Figure]:
    """Measure in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment.clean(
            PROMETHEUS_MULTIPROC_DIR=folder, PYTHONPYCACHEPREFIX=str(paths.PYCACHE)
        )
        command = [paths.PYTHON, "-m", "tests.benchmarks.hot_path"]
        done = subprocess.run(
            [*map(str, command), "60" if quick else "600"],
            cwd=paths.REPO,
            env=env,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    return [Figure(**json.loads(line)) for line in done.stdout.splitlines()]


def measure(rounds: int, folder: Path) -> list[Figure]:
    from smart_dairy_performance.core.recorder import Process, Recorder, Target, local
    from smart_dairy_performance.core.store import Store
    from smart_dairy_performance.core.wrapping import IN_RESULT, tracked

    recorder = Process.recorder = Recorder(Store(lambda: folder))
    records, cursor = Records(), Cursor()
    plain = Records.read
    targets = [Target(f"model.{number}", "read", "base") for number in range(12)]
    wrapped = [tracked(plain, target, IN_RESULT) for target in targets]
    order = [wrapped[number] for number in CALLS]
    bare = [plain] * len(CALLS)
    templates = json.loads(QUERIES.read_text())

    def calls(methods: list[Any]) -> float:
        """Seconds a call of opening a unit, calling, and adding up, without calls."""
        spent = 0.0
        for _unit in range(UNITS):
            unit = recorder.begin("http")
            unit.db = "bench"
            start = perf_counter()
            for method in methods:
                method(records, None)
            local.unit = None
            recorder.end_job(unit)
            spent += perf_counter() - start
        return spent / UNITS / len(methods)

    def queries(hook: bool, merge: bool = False) -> float:
        """Seconds a query of what Odoo's cursor does: ask each hook of a list."""
        spent = 0.0
        for _unit in range(UNITS):
            # New strings, as the ORM makes them: none has its hash yet.
            texts = ["".join((text[:9], text[9:])) for text in templates]
            unit = recorder.begin("http")
            unit.db = "bench"
            hooks = [unit.query] if hook else []
            start = perf_counter()
            for text in texts:
                for function in hooks:
                    function(cursor, text, None, 0.0, 0.0004)
            middle = perf_counter()
            local.unit = None
            recorder.end_job(unit)
            spent += perf_counter() - middle if merge else middle - start
        return spent / UNITS / len(templates)

    found = interleaved(
        rounds,
        {
            "tracked": lambda: calls(order),
            "again": lambda: calls(order),
            "plain": lambda: calls(bare),
            "prometheus": _prometheus(targets),
            "hook": lambda: queries(True),
            "no hook": lambda: queries(False),
            "merge": lambda: queries(True, merge=True),
            "no merge": lambda: queries(False, merge=True),
        },
    )
    found = {name: [value * 1e6 for value in values] for name, values in found.items()}
    added = differences(found["tracked"], found["plain"])
    same = median(found["tracked"]) - median(found["again"])
    hook = differences(found["hook"], found["no hook"])
    merge = differences(found["merge"], found["no merge"])
    mix = f"{len(CALLS)} calls of 12 methods a unit"
    return [
        Figure(
            "core.orm_call",
            median(added),
            "us",
            "prometheus_client multiprocess, counter + histogram",
            median(found["prometheus"]),
            abs(same),
            f"{mix}, the merge into the mapped store included; noise: A/A; quartiles "
            f"{spread(added):.2f} us apart",
        ),
        Figure(
            "core.sql_hook",
            median(hook),
            "us",
            "no hook",
            median(found["no hook"]),
            spread(hook),
            f"{len(templates)} recorded texts, new strings; noise: between quartiles",
        ),
        Figure(
            "core.sql_merge",
            median(merge),
            "us",
            None,
            None,
            spread(merge),
            "a query's part of adding a unit to the store (two histograms and rows); "
            "noise: between quartiles",
        ),
    ]


def _prometheus(targets: list[Any]) -> Any:
    import prometheus_client as prometheus

    registry = prometheus.CollectorRegistry()
    labels = ("model", "method")
    counter = prometheus.Counter("calls", "Calls.", labels, registry=registry)
    from smart_dairy_performance.core.catalogue import ORM_BUCKETS

    histogram = prometheus.Histogram(
        "seconds", "Durations.", labels, registry=registry, buckets=ORM_BUCKETS
    )
    order = [targets[number] for number in CALLS]

    def side() -> float:
        start = perf_counter()
        for target in order:
            counter.labels(target.model, target.method).inc()
            histogram.labels(target.model, target.method).observe(0.0004)
        return (perf_counter() - start) / len(order)

    return side


def main(rounds: int) -> None:
    import conftest  # noqa: F401 - lets the core be imported without Odoo

    assert "PROMETHEUS_MULTIPROC_DIR" in os.environ
    with tempfile.TemporaryDirectory() as folder:
        for figure in measure(rounds, Path(folder)):
            print(json.dumps(vars(figure)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
