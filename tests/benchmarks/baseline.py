"""Ten million raw samples of k6 analysed, beside a plain pandas way.

The file is as k6 writes it: nine samples of a request, eight routes, the same tags.
Each side runs in a process of its own, so that its peak of memory is its own.
"""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.stack import paths

from .figures import Figure, median, spread

NAMES = ("baseline.analyse_10m", "baseline.analyse_10m_peak")
SAMPLES, QUICK_SAMPLES = 10_000_000, 200_000
ROUNDS = 3
PIECES = 10  # of the file, equal but for the hour
# pandas holds every line: it gets one piece, and its time is taken times their number.
METRICS = (
    "http_reqs",
    "http_req_duration",
    "http_req_blocked",
    "http_req_connecting",
    "http_req_tls_handshaking",
    "http_req_sending",
    "http_req_waiting",
    "http_req_receiving",
    "http_req_failed",
)
ROUTES = (
    "/",
    "/shop",
    "/shop/<product>",
    "/shop/cart",
    "/my/orders",
    "/api/v1/products",
    "/api/v1/dashboard",
    "/web/dataset/call_kw/<path:path>",
)
# The kernel's VmHWM is this program's; ru_maxrss begins with what its parent had.
_OURS = """
import json, sys, time
from pathlib import Path
begun = time.perf_counter()
from baseline.analyse import capacity, requests
from baseline.analyse.samples import Samples
with Samples(Path(sys.argv[1])) as samples:
    found = requests.analyse(samples)
    capacity.analyse([("load", capacity.windows(samples), 1.0)])
    lines = samples.reading.lines
row = next(row for row in found["endpoints"] if row["route"] == "/shop")
"""
_PANDAS = """
import json, sys, time
from pathlib import Path
begun = time.perf_counter()
import pandas
data = pandas.read_json(sys.argv[1], lines=True, compression="gzip")
lines = len(data)
data = data[data["metric"] == "http_req_duration"]
tags = pandas.json_normalize(data["data"].tolist())
groups = tags.groupby("tags.name")["value"]
row = groups.quantile([0.5, 0.9, 0.95, 0.99]).unstack().loc["/shop"].to_dict()
row["p95"] = row[0.95]
"""
_TELL = """
print(json.dumps({
    "seconds": time.perf_counter() - begun,
    "peak_mb": int(Path("/proc/self/status").read_text().partition("VmHWM:")[2]
                   .split()[0]) / 1024,
    "lines": lines,
    "p95": row["p95"],
}))
"""


def run(quick: bool, only: str = "") -> list[Figure]:
    samples = QUICK_SAMPLES if quick else SAMPLES
    with tempfile.TemporaryDirectory(prefix="bench-baseline") as name:
        piece = _piece(samples // PIECES)
        small = Path(name) / "piece.json.gz"
        small.write_bytes(gzip.compress(piece, 1))
        whole = Path(name) / "load.json.gz"
        with whole.open("wb") as file:
            for hour in range(PIECES):
                moved = piece.replace(b"T10:", f"T{10 + hour}:".encode())
                file.write(gzip.compress(moved, 1))
        ours = [_side(_OURS, whole) for _ in range(1 if quick else ROUNDS)]
        pandas = _side(_PANDAS, small)
    assert ours[0]["lines"] == pandas["lines"] * PIECES
    # Of each value there are ten, which moves ranks a little.
    assert abs(ours[0]["p95"] / pandas["p95"] - 1) < 0.01, (ours[0], pandas)
    seconds = [side["seconds"] for side in ours]
    peaks = [side["peak_mb"] for side in ours]
    note = (
        f"{ours[0]['lines']:,} samples ({ours[0]['lines'] // len(METRICS):,} requests),"
        f" gzip, median of {len(ours)}; pandas of a tenth of them, times ten"
    )
    return [
        Figure(
            "baseline.analyse_10m",
            median(seconds),
            "s",
            "pandas",
            pandas["seconds"] * PIECES,
            spread(seconds),
            f"{note}; noise: quartiles",
        ),
        Figure(
            "baseline.analyse_10m_peak",
            max(peaks),
            "MB",
            "pandas",
            pandas["peak_mb"] * PIECES,
            spread(peaks),
            f"{note}; resident memory at its peak, DuckDB's files on disk",
        ),
    ]


def _side(code: str, path: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", code + _TELL, str(path)],
        cwd=paths.REPO,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _piece(samples: int) -> bytes:
    """An hour of so many samples, as k6 writes them."""
    chance = random.Random(7)
    requests = samples // len(METRICS)
    lines = []
    for index in range(requests):
        route = ROUTES[int(chance.random() ** 2 * len(ROUTES))]
        second = 3600 * index / requests
        stamp = f"2026-11-28T10:{int(second // 60):02}:{second % 60:09.6f}123Z"
        duration = chance.lognormvariate(4, 0.6)
        tail = (
            '"tags":{"expected_response":"true","group":"","journey":"shop",'
            f'"kind":"page","method":"GET","name":"{route}","proto":"HTTP/1.1",'
            '"scenario":"load","status":"200","step":"list",'
            f'"url":"http://127.0.0.1:8069{route}"}}}}}}\n'
        )
        for metric in METRICS:
            value = duration if metric.endswith(("duration", "waiting")) else 0.25
            lines.append(
                f'{{"metric":"{metric}","type":"Point","data":{{"time":"{stamp}",'
                f'"value":{value!r},{tail}'
            )
    return "".join(lines).encode()
