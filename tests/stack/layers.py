"""Test layers: run them, count what ran, and end with one honest line.

A layer that runs no test, skips one or cannot start has failed: otherwise a broken
set-up would look like success.
"""

from __future__ import annotations

import re
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import environment, frontend, paths
from .addons import DAIRY_ADDON
from .errors import StackError
from .stack import Stack, StackOptions

ADDONS = ("smart_dairy_performance", "smart_dairy_profiling")
_ODOO_RESULT = re.compile(r"(\d+) failed, (\d+) error\(s\) of (\d+) tests")
_ODOO_SKIPPED = re.compile(r"^\S+ \S+ \d+ INFO \S+ \S+: skipped ", re.MULTILINE)
_ODOO_FAILED = re.compile(r" ERROR \S+ \S+: (?:FAIL|ERROR): (\S+)")
_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d ")


@dataclass(frozen=True)
class LayerResult:
    """How a layer ended; ``problem`` says why it failed beside failed tests.

    :ivar names: of the tests that failed
    """

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    problem: str = ""
    names: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        return self.passed > 0 and not (self.failed or self.skipped or self.problem)


def together(*parts: LayerResult) -> LayerResult:
    """The result of a layer that runs in parts; each of them must have run."""
    return LayerResult(
        sum(part.passed for part in parts),
        sum(part.failed for part in parts),
        sum(part.skipped for part in parts),
        "; ".join(
            part.problem or "no test ran in a part"
            for part in parts
            if part.problem or not (part.passed or part.failed)
        ),
        tuple(name for part in parts for name in part.names),
    )


def run_layers(names: Sequence[str]) -> bool:
    """Run the layers in order, all of them, and print the total as the last line."""
    results = {}
    for name in names:
        print(f"=== {name}", flush=True)
        started = time.monotonic()
        try:
            results[name] = LAYERS[name]()
        except StackError as error:
            results[name] = LayerResult(problem=str(error))
        print(f"=== {name}: {time.monotonic() - started:.0f} s", flush=True)
    print()
    for line in report(results):
        print(line, flush=True)
    return all(result.is_good for result in results.values())


def report(results: dict[str, LayerResult]) -> list[str]:
    """A line for each layer, and the total; a failure beside tests counts as one."""
    lines = []
    passed = failed = 0
    for name, result in results.items():
        passed += result.passed
        failed += result.failed
        notes = [result.problem] if result.problem else []
        if result.skipped:
            notes.append(f"{result.skipped} skipped")
        if not result.is_good and not notes and not result.failed:
            notes.append("no test ran")
        if notes and not result.failed:
            failed += 1
        state = "ok" if result.is_good else "FAILED"
        lines.append(
            f"{name:<8} {state:<6} {result.passed} passed, {result.failed} failed"
        )
        lines += [f"         {note}" for note in (*notes, *result.names)]
    lines.append(f"{passed} passed, {failed} failed")
    return lines


def read_junit(path: Path) -> LayerResult:
    """Count a JUnit file of pytest; expected failures count as passed."""
    passed = skipped = 0
    names = []
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            names.append(f"{case.get('classname', '')}::{case.get('name', '')}")
        elif (skip := case.find("skipped")) is not None and skip.get(
            "type"
        ) != "pytest.xfail":
            skipped += 1
        else:
            passed += 1
    return LayerResult(passed, len(names), skipped, names=tuple(names))


def read_odoo_log(text: str) -> LayerResult:
    """Count what Odoo's test runner logged at its end.

    >>> read_odoo_log("odoo.tests.result: 1 failed, 0 error(s) of 5 tests when loading")
    LayerResult(passed=4, failed=1, skipped=0, problem='', names=())
    """
    found = _ODOO_RESULT.findall(text)
    if not found:
        return LayerResult(problem="Odoo's test runner reported no result")
    failures, errors, tests = (int(number) for number in found[-1])
    failed = failures + errors
    skipped = len(_ODOO_SKIPPED.findall(text))
    names = tuple(_ODOO_FAILED.findall(text))
    return LayerResult(max(tests - failed - skipped, 0), failed, skipped, names=names)


def failures(log: str) -> str:
    """The lines of an Odoo log that tell of failures, tracebacks included."""
    kept: list[str] = []
    telling = False
    for line in log.splitlines():
        if _LOG_LINE.match(line):
            telling = " ERROR " in line or " CRITICAL " in line
        if telling:
            kept.append(line)
    return "\n".join(kept)


def run_pytest(name: str, arguments: Sequence[str]) -> LayerResult:
    """Run pytest on what the arguments select, print its output."""
    junit = paths.RESULTS / f"{name}.xml"
    junit.parent.mkdir(parents=True, exist_ok=True)
    junit.unlink(missing_ok=True)
    command = [str(paths.PYTHON), "-m", "pytest", "-q", "-o", "cache_dir=.run/pytest"]
    command += [f"--junitxml={junit}", *arguments]
    env = environment.clean(PYTHONPYCACHEPREFIX=str(paths.PYCACHE))
    code = subprocess.run(
        command, cwd=paths.REPO, env=env, stdin=subprocess.DEVNULL
    ).returncode
    return _judge("pytest", code, junit)


def _judge(runner: str, code: int, junit: Path) -> LayerResult:
    """What the file says, and that the runner failed when the file does not say why."""
    problem = f"{runner} ended with exit code {code}"
    if not junit.exists():
        return LayerResult(problem=f"{problem} and no results")
    result = read_junit(junit)
    if code and not result.failed:
        return LayerResult(result.passed, 0, result.skipped, problem)
    return result


def run_unit() -> LayerResult:
    """What needs neither Odoo nor a service: unit and config tests, doctests."""
    return run_pytest("unit", ["-n2"])


def run_frontend() -> LayerResult:
    """The unit tests of the npm workspace, in a document without a browser."""
    junit = paths.RESULTS / "frontend.xml"
    junit.parent.mkdir(parents=True, exist_ok=True)
    junit.unlink(missing_ok=True)
    command = ["npm", "run", "--silent", "test", "--", "--reporter=default"]
    command += ["--reporter=junit", f"--outputFile.junit={junit}"]
    code = subprocess.run(
        command, cwd=frontend.FRONTEND, stdin=subprocess.DEVNULL
    ).returncode
    return _judge("vitest", code, junit)


def run_odoo() -> LayerResult:
    """The addons' own tests in Odoo's runner, on copies of templates.

    Ours run with nothing else installed; then the demo dairy's with all of them, and
    those of ours that are tagged ``dairy`` because they need one; both at a time.
    """
    runs = {
        "odoo-tests": (ADDONS, [f"/{name}" for name in ADDONS]),
        "odoo-tests-dairy": ((*ADDONS, DAIRY_ADDON), [f"/{DAIRY_ADDON}", "dairy"]),
    }
    with ThreadPoolExecutor() as pool:
        started = [
            pool.submit(_run_odoo_tests, name, modules, tags)
            for name, (modules, tags) in runs.items()
        ]
    return together(*(run.result() for run in started))


def _run_odoo_tests(
    name: str, modules: tuple[str, ...], tags: Sequence[str]
) -> LayerResult:
    """One run of Odoo's test runner, in a stack of the name."""
    options = StackOptions(
        name=name,
        modules=modules,
        odoo=False,
        prometheus=False,
        workers=0,
        max_cron_threads=0,
    )
    log_path = paths.RESULTS / f"{name}.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    log_path.unlink(missing_ok=True)
    problem = ""
    with Stack(options) as stack:
        arguments = ["-u", ",".join(modules), "--test-tags", ",".join(tags)]
        try:
            stack.odoo.run([*arguments, "--stop-after-init", f"--logfile={log_path}"])
        except StackError as error:
            problem = str(error)
    log = log_path.read_text() if log_path.exists() else problem
    result = read_odoo_log(log)
    if problem and not result.failed:
        result = LayerResult(result.passed, 0, result.skipped, problem)
    elif not result.passed and not result.failed and not result.problem:
        result = LayerResult(problem=f"no test ran in {name}")
    if not result.is_good:
        print(failures(log) or log[-20000:])
    print(f"{result.passed} passed, {result.failed} failed (log: {log_path})")
    return result


def run_system() -> LayerResult:
    """The product in running stacks, two at a time: most tests wait most of the time.

    Those that hold the product to a time have the machine to themselves.
    """
    return together(
        run_pytest(
            "system",
            ["tests/system", "-m", "not long and not quiet", "-n2", "--dist=loadfile"],
        ),
        run_pytest("system-quiet", ["tests/system", "-m", "quiet and not long"]),
    )


def run_browser() -> LayerResult:
    """The product's pages in Chromium, on a running stack."""
    return run_pytest("browser", ["tests/browser", "-m", "not long"])


def run_long() -> LayerResult:
    """What takes longer than a reader of ``make test`` waits."""
    return run_pytest("long", ["tests/system", "tests/browser", "-m", "long"])


LAYERS: dict[str, Callable[[], LayerResult]] = {
    "unit": run_unit,
    "frontend": run_frontend,
    "odoo": run_odoo,
    "system": run_system,
    "browser": run_browser,
    "long": run_long,
}
