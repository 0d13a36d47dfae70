"""The benchmark runs, and its lines have the form that others read."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.stack import environment, paths

pytestmark = pytest.mark.system

NAMES = {
    "core.orm_call": "us",
    "core.sql_hook": "us",
    "core.request_fixed": "us",
    "core.scrape_2_files": "ms",
    "core.scrape_9_files": "ms",
    "core.scrape_9_live_1000_dead": "ms",
    "core.scrape_cold_9_files": "ms",
    "core.scrape_saturated": "ms",
    "core.cpu_login": "ratio",
    "core.cpu_shop": "ratio",
    "core.cpu_rpc": "ratio",
    "core.rpc_added": "us",
}
KEYS = "name value unit against against_value ratio noise note".split()


@pytest.mark.long
def test_every_figure_is_measured_and_written_in_its_form() -> None:
    command = [str(paths.PYTHON), "-m", "tests.benchmarks", "--quick"]
    env = environment.clean(PYTHONPYCACHEPREFIX=str(paths.PYCACHE))
    done = subprocess.run(
        [*command, "--only", "core."],
        cwd=paths.REPO,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    units = {line["name"]: line["unit"] for line in lines}
    assert units.items() >= NAMES.items()
    for line in lines:
        assert list(line) == KEYS
        assert isinstance(line["value"], float), line
        assert line["noise"] >= 0 and line["note"], line
        if line["against"] is not None:
            ratio = line["value"] / line["against_value"]
            assert line["ratio"] == pytest.approx(ratio, rel=0.01), line
    written = (paths.RUN / "bench-quick.jsonl").read_text().splitlines()
    assert {line["name"] for line in lines} <= {
        json.loads(line)["name"] for line in written
    }
