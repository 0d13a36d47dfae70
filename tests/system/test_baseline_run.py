"""One command measures everything into one folder, and survives what happens to it."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from baseline.folder import DONE, PARTS, RUNNING, SKIPPED, RunFolder
from baseline.parts.prometheus import QUERIES
from tests.stack import Stack, demo, environment, paths
from tests.stack.process import wait_until

pytestmark = pytest.mark.system

# The times of the milestone's scenarios at 1; less for a try.
TIME_SCALE = os.environ.get("BASELINE_TIME_SCALE", "1")
SMOKE_LIMIT = 360.0  # seconds that a smoke run may take


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(replace(demo.OPTIONS, name="load-run", max_cron_threads=0)) as running:
        yield running


@pytest.fixture(scope="module")
def env_file(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "env"
    environment.write_env_file(path, stack.variables())
    return path


def command(env_file: Path, results: Path, *arguments: str) -> list[str]:
    words = [str(paths.BASELINE), "run", "--env-file", str(env_file)]
    words += ["--results", str(results), "--data", str(env_file.parent / "data")]
    return [*words, *arguments]


def baseline(env_file: Path, results: Path, *arguments: str, limit: float = 280.0):
    done = subprocess.run(
        command(env_file, results, *arguments),
        env=environment.clean(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=limit,
    )
    print(done.stdout)
    return done


def only_run(results: Path) -> RunFolder:
    [path] = results.iterdir()
    return RunFolder(path)


def load(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.mark.long
def test_everything_is_in_one_folder(
    stack: Stack, env_file: Path, tmp_path: Path
) -> None:
    skipped = "warmup,lighthouse,browser,bundle"
    done = baseline(
        env_file,
        tmp_path,
        *("--profile", "each", "--name", "short run", "--time-scale", "0.02"),
        *("--skip", skipped, "--no-report", "--remote-write"),
    )
    assert done.returncode == 0
    assert stack.prometheus.scalar("sum(k6_http_reqs_total)")
    folder = only_run(tmp_path)
    assert folder.path.name.endswith("-each-short-run")
    run = folder.read_run()
    assert {part.name: part.state for part in run.parts} == {
        name: SKIPPED if name in skipped.split(",") else DONE for name in PARTS
    }
    assert run.ended
    assert run.target["is_demo"]

    found = load(folder.environment_file)
    assert found["versions"]["odoo"].startswith("19.0")
    assert all(found["versions"].values()), found["versions"]
    assert {"smart_dairy_demo", "website_sale"} <= {a["name"] for a in found["addons"]}
    assert found["odoo"]["workers"] == "2"
    assert found["postgresql"]["fsync"] == "off"
    assert found["data"]["tables"][0]["bytes"] > 0
    assert len(found["differences"]) >= 4

    with gzip.open(folder.k6_raw("each"), "rt") as lines:
        assert any('"journey_time"' in line for line in lines)
    assert load(folder.k6_summary("each"))["profile"]["name"] == "each"

    before, after = (load(folder.database(moment)) for moment in ("before", "after"))
    calls = [
        sum(row["calls"] for row in moment["statements"]) for moment in (before, after)
    ]
    assert calls[1] > calls[0] + 100
    assert before["errors"] == {}
    assert set(before["sections"]) == set(after["sections"]) >= {"Largest tables"}

    for query in QUERIES:
        assert load(folder.prometheus(query.name))["query"] == query.query
    routes = {
        series["metric"]["route"]
        for series in load(folder.prometheus("http_request_buckets"))["result"]
    }
    assert {"/shop", "/json/2/<__model__>/<__method__>"} <= routes
    assert load(folder.profiler("findings"))["models"]["performance.database.finding"]

    # Nothing in it tells who may log in where.
    secrets = [stack.password, stack.metrics_token, *stack.postgres.passwords.values()]
    secrets += ["TestPass123!", stack.run_dir.as_posix()]
    for path in folder.path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            text = gzip.decompress(data) if path.suffix == ".gz" else data
            assert not [one for one in secrets if one.encode() in text], path


@pytest.mark.long
def test_a_strangers_server_is_not_loaded(env_file: Path, tmp_path: Path) -> None:
    done = baseline(env_file, tmp_path, "--target", "http://shop.example.com")
    assert done.returncode == 1
    assert "--allow-host shop.example.com" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.long
def test_killed_and_resumed(env_file: Path, tmp_path: Path) -> None:
    options = ("--skip", "lighthouse,browser,bundle", "--no-report")
    process = subprocess.Popen(
        command(env_file, tmp_path, "--profile", "mix", *options),
        env=environment.clean(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )

    def loading() -> bool:
        return any(
            RunFolder(path.parent).read_run().part("k6").state == RUNNING
            for path in tmp_path.glob("*/run.json")
        )

    wait_until(loading, 120.0, "the load")
    time.sleep(5.0)
    process.send_signal(signal.SIGKILL)
    process.wait()
    folder = only_run(tmp_path)
    killed = folder.read_run()
    assert killed.part("k6").state == RUNNING
    done = baseline(
        env_file, tmp_path, "--resume", str(folder.path), *options, limit=500.0
    )
    assert done.returncode == 0
    assert "Environment record ... done before" in done.stdout
    resumed = folder.read_run()
    assert resumed.part("environment") == killed.part("environment")
    assert resumed.part("k6").state == DONE


@pytest.mark.long
def test_a_smoke_run_with_its_report(env_file: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    done = baseline(env_file, tmp_path, "--profile", "smoke", limit=2 * SMOKE_LIMIT)
    taken = time.monotonic() - began
    assert done.returncode == 0
    folder = only_run(tmp_path)
    states = {part.name: part.state for part in folder.read_run().parts}
    assert states == dict.fromkeys(PARTS, DONE)
    manifest = load(folder.lighthouse("desktop") / "manifest.json")
    assert len(manifest) == 6
    assert sum(entry["isRepresentativeRun"] for entry in manifest) == 2
    assert all(
        (folder.lighthouse("desktop") / entry["jsonPath"]).is_file()
        for entry in manifest
    )
    kinds = {path.suffix for path in (folder.path / "report").rglob("*")}
    assert {".md", ".html", ".pdf"} <= kinds
    # Nothing is planted in this dairy, so nothing is urgent.
    document = load(folder.path / "report" / "document.json")
    found = document["recommendations"] + document["others"]
    assert [row["issue"] for row in found if row["priority"] == "HIGH"] == []
    assert taken <= SMOKE_LIMIT


@pytest.mark.long
def test_the_full_run_as_the_milestone_has_it(tmp_path: Path) -> None:
    options = replace(demo.OPTIONS, name="load-full", dairy="M")
    with Stack(options) as stack:
        env_file = tmp_path / "env"
        environment.write_env_file(env_file, stack.variables())
        results = tmp_path / "results"
        done = baseline(
            env_file,
            results,
            *("--profile", "full", "--time-scale", TIME_SCALE),
            limit=3 * 3600.0,
        )
    assert done.returncode == 0
    folder = only_run(results)
    profile = load(folder.k6_summary("full"))["profile"]
    assert set(profile["scenarios"]) == {"baseline", "load_test", "stress_test"}
    assert profile["time_scale"] == float(TIME_SCALE)
    seen = set()
    with gzip.open(folder.k6_raw("full"), "rt") as lines:
        for line in lines:
            if '"http_reqs"' in line and '"Point"' in line:
                seen.add(json.loads(line)["data"]["tags"].get("scenario"))
    assert {"baseline", "load_test", "stress_test"} <= seen
    assert list((folder.path / "report").rglob("*.pdf"))
