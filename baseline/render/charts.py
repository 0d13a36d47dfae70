"""Charts as SVG texts, for HTML and PDF alike; a chart without data is left out."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..analyse.capacity import Curve

INK, GRID, MUTED = "#1f2a37", "#e3e8ee", "#6b7785"
BLUE, TEAL, AMBER, RED, GREEN = "#2457a6", "#2a9d8f", "#e09f3e", "#c8453b", "#3a8f5c"
_WIDTH = 7.4  # inches
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "path",  # the same letters wherever the report is opened
    "svg.hashsalt": "baseline",  # the same run gives the same file
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
_ROUTES = 12  # bars of a chart
Chart = Callable[[dict[str, Any]], "Figure | None"]


def draw(document: dict[str, Any]) -> dict[str, str]:
    """SVG by name of the chart; only those that have something to show."""
    drawn = {}
    with matplotlib.rc_context(_STYLE):
        for name, chart in CHARTS.items():
            figure = chart(document)
            if figure is not None:
                output = io.StringIO()
                figure.savefig(output, format="svg", metadata={"Date": None})
                # Only the element: it is put into a page.
                text = output.getvalue()
                drawn[name] = text[text.index("<svg") :]
    return drawn


def latency(document: dict[str, Any]) -> Figure | None:
    """Response times and rate over the run."""
    rows = document["api"]["timeline"]
    if len(rows) < 3:
        return None
    figure = Figure((_WIDTH, 3.2))
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    seconds = [row["t"] - rows[0]["t"] for row in rows]
    top.plot(seconds, [row["p95"] for row in rows], color=BLUE, label="P95")
    top.plot(seconds, [row["p50"] for row in rows], color=TEAL, label="median")
    top.set_ylabel("ms")
    top.set_ylim(bottom=0)
    top.legend(loc="upper left", ncols=2)
    rates = [row["per_second"] for row in rows]
    bottom.fill_between(seconds, rates, color=BLUE, alpha=0.25, linewidth=0)
    bottom.set_ylabel("requests/s")
    bottom.set_xlabel("seconds since the start")
    bottom.set_ylim(bottom=0)
    return figure


def endpoints(document: dict[str, Any]) -> Figure | None:
    """P95 of the routes that cost most, beside their target."""
    rows = [row for row in document["api"]["endpoints"] if row["p95"]][:_ROUTES]
    if not rows:
        return None
    rows = sorted(rows, key=lambda row: row["p95"])
    figure, axes = _bars(rows, [short(row["route"]) for row in rows])
    colors = [RED if row["p95"] > row["target_ms"] else GREEN for row in rows]
    axes.barh(range(len(rows)), [row["p95"] for row in rows], color=colors, height=0.6)
    for index, row in enumerate(rows):
        axes.plot([row["target_ms"]] * 2, [index - 0.4, index + 0.4], color=INK, lw=1.5)
    axes.set_xlabel("P95 in ms; the black line is the target")
    return figure


def split(document: dict[str, Any]) -> Figure | None:
    """Where the time of a request goes."""
    rows = [row for row in document["api"]["endpoints"] if row.get("split")][:_ROUTES]
    if not rows:
        return None
    rows = rows[::-1]
    figure, axes = _bars(rows, [short(row["route"]) for row in rows])
    left = [0.0] * len(rows)
    for key, label, color in (
        ("database_ms", "database", BLUE),
        ("python", "Python", TEAL),
        ("outside_ms", "waiting and network", AMBER),
    ):
        values = []
        for row in rows:
            parts = row["split"]
            database = parts["database_ms"] or 0.0
            values.append(
                max(0.0, parts["server_ms"] - database)
                if key == "python"
                else parts[key] or 0.0
            )
        axes.barh(
            range(len(rows)), values, left=left, label=label, color=color, height=0.6
        )
        left = [a + b for a, b in zip(left, values, strict=True)]
    axes.set_xlabel("mean ms of a request")
    axes.legend(loc="lower right")
    return figure


def saturation(document: dict[str, Any]) -> Figure | None:
    """Throughput and latency against load, with the fitted law and its knee."""
    capacity = document["capacity"]
    points = capacity["points"]
    if len(points) < 3:
        return None
    figure = Figure((_WIDTH, 2.9))
    left, right = figure.subplots(1, 2)
    n = [row["concurrency"] for row in points]
    left.scatter(n, [row["per_second"] for row in points], s=9, color=BLUE, alpha=0.6)
    fitted = capacity["curve"]
    if fitted:
        curve = Curve(fitted["lambda"], fitted["sigma"], fitted["kappa"])
        upper = 1.15 * max(n)
        grid = [upper * (index + 1) / 200 for index in range(200)]
        left.plot(grid, [curve.at(x) for x in grid], color=AMBER, label="fitted law")
        knee = capacity["knee"]
        if knee and knee["concurrency"] <= upper:
            left.axvline(knee["concurrency"], color=RED, lw=1, ls="--", label="knee")
        left.legend(loc="lower right")
    left.set_xlabel("requests in the server")
    left.set_ylabel("requests/s")
    left.set_xlim(left=0)
    left.set_ylim(bottom=0)
    users = [row for row in points if row["users"] is not None]
    right.scatter(
        [row["users"] for row in users],
        [row["p95_ms"] for row in users],
        s=9,
        color=BLUE,
        alpha=0.6,
    )
    right.axhline(capacity["limit_ms"], color=RED, lw=1, ls="--")
    right.set_xlabel("concurrent users")
    right.set_ylabel("P95 in ms (dashed: limit)")
    right.set_ylim(bottom=0)
    right.set_xlim(left=0)
    return figure


def statements(document: dict[str, Any]) -> Figure | None:
    """The statements that took most of the database's time."""
    rows = document["database"]["top_time_consumers"][:10][::-1]
    if not rows:
        return None
    figure, axes = _bars(rows, [short(row["query"], 58) for row in rows])
    axes.barh(
        range(len(rows)), [100 * row["share"] for row in rows], color=BLUE, height=0.6
    )
    axes.set_xlabel("% of the time of all statements")
    return figure


def lighthouse(document: dict[str, Any]) -> Figure | None:
    """Scores of the pages."""
    pages = [page for page in document["frontend"]["lighthouse"] if page["score"]]
    if not pages:
        return None
    pages = pages[:_ROUTES][::-1]
    figure, axes = _bars(
        pages, [f"{page['page']} ({page['preset']})" for page in pages]
    )
    colors = [
        GREEN if page["score"] > 90 else AMBER if page["score"] >= 50 else RED
        for page in pages
    ]
    scores = [page["score"] for page in pages]
    axes.barh(range(len(pages)), scores, color=colors, height=0.6)
    axes.axvline(90, color=INK, lw=1.2)
    axes.set_xlim(0, 100)
    axes.set_xlabel("Lighthouse performance; the black line is the target")
    return figure


def resources(document: dict[str, Any]) -> Figure | None:
    """Use of processors, workers and memory over the run."""
    found = {
        name: resource
        for name, resource in document["infrastructure"]["resources"].items()
        if len(resource["line"]) > 2
    }
    if not found:
        return None
    figure = Figure((_WIDTH, 2.4))
    axes = figure.subplots()
    begin = min(resource["line"][0][0] for resource in found.values())
    colors = {"cpu": RED, "workers": BLUE, "memory": TEAL}
    for name, resource in found.items():
        axes.plot(
            [moment - begin for moment, _value in resource["line"]],
            [100 * value for _moment, value in resource["line"]],
            label=name,
            color=colors.get(name, AMBER),
        )
    axes.set_ylabel("% in use")
    axes.set_xlabel("seconds since the start")
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper right", ncols=3)
    return figure


CHARTS: dict[str, Chart] = {
    "latency": latency,
    "endpoints": endpoints,
    "split": split,
    "saturation": saturation,
    "statements": statements,
    "lighthouse": lighthouse,
    "resources": resources,
}


def short(text: str, most: int = 44) -> str:
    """A label that leaves the chart some room: its middle is left out.

    >>> short("/web/dataset/call_kw/sale.order/web_search_read", 20)
    '/web/datas…arch_read'
    """
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[: most - 1 - half]}…{text[-half:]}"


def _bars(rows: list[Any], labels: list[str]) -> tuple[Figure, Axes]:
    figure = Figure((_WIDTH, 0.75 + 0.27 * len(rows)))
    axes = figure.subplots()
    # A dollar sign would begin a formula.
    axes.set_yticks(range(len(rows)), [label.replace("$", r"\$") for label in labels])
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    return figure, axes
