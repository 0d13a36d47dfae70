"""The text that Prometheus reads: held against its own parsers and its linter."""

import gzip
import math
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from smart_dairy_performance.core import catalogue
from smart_dairy_performance.core.exposition import (
    OPENMETRICS,
    TEXT,
    Renderer,
    accepts_gzip,
    choose_format,
    compress,
    escape_label,
    format_bound,
)
from smart_dairy_performance.core.merge import Merger
from smart_dairy_performance.core.metric import (
    COUNTER,
    GAUGE,
    HISTOGRAM,
    SUMMARY,
    Metric,
    clean_label,
)
from tests.stack.paths import PROMTOOL
from tests.unit.performance.support import (
    CALLS,
    DB_CALLS,
    IN_FLIGHT,
    SECONDS,
    SIZE,
    new_store,
)

PARSERS = {TEXT: parse_text, OPENMETRICS: parse_openmetrics}


def rendered(directory, content_type=TEXT) -> str:
    families = Merger(directory, max_series=10**6).merge().families
    return Renderer().render(families, content_type).decode()


def samples(text: str, content_type=TEXT) -> dict:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in PARSERS[content_type](text)
        for sample in family.samples
    }


# -- exact text ----------------------------------------------------------------


def test_text_of_every_type(tmp_path):
    store = new_store(tmp_path)
    store.inc(CALLS, ("a",), 2)
    store.set(IN_FLIGHT, (), 1.5)
    store.observe(SECONDS, ("a",), 0.5)
    store.observe(SECONDS, ("a",), 7)
    store.observe(SIZE, (), 100)
    assert rendered(tmp_path) == (
        "# HELP calls_total Calls.\n"
        "# TYPE calls_total counter\n"
        'calls_total{kind="a"} 2.0\n'
        "# HELP in_flight Now.\n"
        "# TYPE in_flight gauge\n"
        "in_flight 1.5\n"
        "# HELP size_bytes Size.\n"
        "# TYPE size_bytes summary\n"
        "size_bytes_count 1.0\n"
        "size_bytes_sum 100.0\n"
        "# HELP wait_seconds Wait.\n"
        "# TYPE wait_seconds histogram\n"
        'wait_seconds_bucket{kind="a",le="1.0"} 1.0\n'
        'wait_seconds_bucket{kind="a",le="5.0"} 1.0\n'
        'wait_seconds_bucket{kind="a",le="+Inf"} 2.0\n'
        'wait_seconds_sum{kind="a"} 7.5\n'
        'wait_seconds_count{kind="a"} 2.0\n'
    )


def test_openmetrics_differs_where_it_must(tmp_path):
    store = new_store(tmp_path)
    store.inc(CALLS, ("a",))
    assert rendered(tmp_path, OPENMETRICS) == (
        '# HELP calls Calls.\n# TYPE calls counter\ncalls_total{kind="a"} 1.0\n# EOF\n'
    )


def test_nothing_measured_is_an_empty_exposition(tmp_path):
    assert rendered(tmp_path) == ""
    assert rendered(tmp_path, OPENMETRICS) == "# EOF\n"


def test_a_kept_renderer_follows_new_series_and_databases(tmp_path):
    store, merger, renderer = new_store(tmp_path), Merger(tmp_path), Renderer()

    def now(content_type=TEXT):
        return renderer.render(merger.merge().families, content_type).decode()

    store.inc(DB_CALLS, ("a", "one"))
    assert 'db_calls_total{kind="a"} 1.0\n' in now()
    store.inc(DB_CALLS, ("b", "one"))
    assert 'db_calls_total{kind="b"} 1.0\n' in now()
    store.inc(DB_CALLS, ("a", "two"))
    for content_type in (TEXT, OPENMETRICS):
        text = now(content_type)
        assert 'db_calls_total{kind="a",db="two"} 1.0\n' in text
        assert text == rendered(tmp_path, content_type)


# -- escapes -------------------------------------------------------------------

HARD = {
    "backslash": "C:\\new\\temp",
    "quote": 'say "hello"',
    "percent": "100 % of %s and %(x)s %%",
    "unicode": "Grüße, 日本語 🐄",
    "braces": '{a="b",c="d"} 1',
    "comma and equals": 'a="b",le="5"',
    "hash": "# HELP no comment",
    "empty": "",
    "spaces": "  a  b  ",
    "backslash at the end": "a\\",
    "escaped n": "a\\nb",
    "next line and separators": "a\u0085b\u2028c",
}


@pytest.mark.parametrize("content_type", PARSERS)
@pytest.mark.parametrize("name", HARD)
def test_label_values_come_back_as_they_were(tmp_path, name, content_type):
    store = new_store(tmp_path)
    store.inc(CALLS, (HARD[name],), 3)
    store.observe(SECONDS, (HARD[name],), 3)
    found = samples(rendered(tmp_path, content_type), content_type)
    assert found["calls_total", (("kind", HARD[name]),)] == 3
    assert found["wait_seconds_bucket", (("kind", HARD[name]), ("le", "5.0"))] == 1


def test_newlines_are_escaped_though_the_store_has_none():
    assert escape_label('a\nb\\"') == 'a\\nb\\\\\\"'
    assert clean_label("a\nb") == "a\ufffdb"


@pytest.mark.parametrize("content_type", PARSERS)
def test_help_texts_are_escaped(tmp_path, content_type):
    text = 'A "quoted" back\\slash\nand 100 %s.'
    new = Metric("m", GAUGE, text)
    store = new_store(tmp_path)
    store.set(new, (), 1)
    (family,) = PARSERS[content_type](rendered(tmp_path, content_type))
    assert family.documentation == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.0"),
        (1e16, "1e+16"),
        (123456789.25, "123456789.25"),
        (5e-7, "5e-07"),
        (-1.5, "-1.5"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
    ],
)
def test_numbers(tmp_path, value, text):
    store = new_store(tmp_path)
    store.set(IN_FLIGHT, (), value)
    for content_type in PARSERS:
        body = rendered(tmp_path, content_type)
        assert f"in_flight {text}\n" in body
        found = samples(body, content_type)["in_flight", ()]
        assert found == value or math.isnan(found) and math.isnan(value)


@pytest.mark.parametrize(
    ("bound", "text"),
    [(1, "1.0"), (0.005, "0.005"), (0.25, "0.25"), (10.0, "10.0"), (900, "900.0")],
)
def test_bounds_are_written_as_the_official_clients_do(bound, text):
    assert format_bound(bound) == text


# -- properties ----------------------------------------------------------------

LABELS = st.text(max_size=30).map(clean_label)
AMOUNTS = st.integers(0, 2**40).map(float)
UPDATES = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from("chs"), LABELS, AMOUNTS), max_size=40
)


@given(UPDATES)
def test_what_goes_into_stores_comes_out_of_the_text(updates):
    """Three processes, any labels, any amounts: exact sums in both formats."""
    with tempfile.TemporaryDirectory() as folder:
        stores = [new_store(Path(folder)) for _n in range(3)]
        expected: dict = {}

        def add(name, labels, amount):
            key = (name, tuple(sorted(labels.items())))
            expected[key] = expected.get(key, 0) + amount

        for process, kind, label, amount in updates:
            labels = {"kind": label}
            if kind == "c":
                stores[process].inc(CALLS, (label,), amount)
                add("calls_total", labels, amount)
            elif kind == "s":
                stores[process].observe(SIZE, (), amount)
                add("size_bytes_count", {}, 1)
                add("size_bytes_sum", {}, amount)
            else:
                stores[process].observe(SECONDS, (label,), amount)
                add("wait_seconds_count", labels, 1)
                add("wait_seconds_sum", labels, amount)
                for bound in (1.0, 5.0, math.inf):
                    le = "+Inf" if bound == math.inf else str(bound)
                    add("wait_seconds_bucket", labels | {"le": le}, amount <= bound)
        for content_type in PARSERS:
            text = rendered(Path(folder), content_type)
            assert samples(text, content_type) == expected
        for store in stores:
            store.close()


# -- our own metrics -----------------------------------------------------------


def everything(directory):
    """A folder with a series of each declared metric, in two databases."""
    store = new_store(directory)
    for metric in catalogue.all_metrics():
        for db in ("one", "two"):
            labels = tuple(f"some {name}" for name in metric.labels)
            labels += (db,) if metric.per_db else ()
            if metric.type == COUNTER:
                store.inc(metric, labels)
            elif metric.type == GAUGE:
                store.set(metric, labels, 1)
            else:
                store.observe(metric, labels, 0.02)
    return store


@pytest.mark.parametrize("content_type", PARSERS)
def test_every_declared_metric_is_read_by_the_parsers(tmp_path, content_type):
    store = everything(tmp_path)
    families = list(PARSERS[content_type](rendered(tmp_path, content_type)))
    found = {family.name: family for family in families}
    for metric in catalogue.all_metrics():
        name = metric.name.removesuffix("_total" if metric.type == COUNTER else "")
        family = found.pop(name)
        assert (family.type, family.documentation) == (metric.type, metric.help)
        expected = {*metric.labels, *(("db",) if metric.per_db else ())}
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == expected
    assert found == {}
    store.close()


def promtool() -> str | None:
    return str(PROMTOOL) if PROMTOOL.exists() else shutil.which("promtool")


def test_promtool_has_nothing_to_say(tmp_path):
    store = everything(tmp_path)
    text = rendered(tmp_path)
    store.close()
    tool = promtool()
    if tool is None:
        assert text  # make setup brings promtool; a bare checkout has the parsers
        return
    done = subprocess.run(
        [tool, "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


def test_declared_types_cover_all_there_are():
    types = {metric.type for metric in catalogue.all_metrics()}
    assert types == {COUNTER, GAUGE, HISTOGRAM, SUMMARY}


# -- negotiation ---------------------------------------------------------------

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
    "encoding=delimited;q=0.7," + PROMETHEUS_2
)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/plain", TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT),
        ("application/json", TEXT),
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", OPENMETRICS),
        (PROMETHEUS_2, OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
        (PROTOBUF, OPENMETRICS),
        ("text/plain;q=0.9, application/openmetrics-text;q=0.1", TEXT),
        ("application/openmetrics-text;q=0, text/plain;q=0.1", TEXT),
        ("application/openmetrics-text;q=0", TEXT),
        ("application/openmetrics-text;q=nonsense, */*;q=0.1", TEXT),
        ("application/openmetrics-text;q=nan", TEXT),
        (",;,;;q=", TEXT),
    ],
)
def test_content_negotiation(accept, content_type):
    assert choose_format(accept) == content_type


@pytest.mark.parametrize(
    ("accept_encoding", "taken"),
    [
        ("", False),
        ("identity", False),
        ("gzip", True),
        ("GZIP", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=0.001", True),
        ("*", True),
        ("*;q=0", False),
        ("br", False),
        ("xgzip", False),
    ],
)
def test_gzip_is_used_when_it_is_taken(accept_encoding, taken):
    assert accepts_gzip(accept_encoding) is taken


def test_gzip_gives_the_body_back_and_is_the_same_each_time():
    body = b"metric 1.0\n" * 1000
    packed = compress(body)
    assert gzip.decompress(packed) == body
    assert packed == compress(body) and len(packed) < len(body) / 20
