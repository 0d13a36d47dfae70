"""The clean demo under load: what is found there, and how its statements group.

The dairy's own code shall yield no finding; what Odoo's own code yields was looked at,
one by one, and is listed here with the judgement. Fingerprints are compared with
PostgreSQL's own query ids on the very statements of that load.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smart_dairy_profiling.core.fingerprint import fingerprint, normalize
from tests.stack import Stack, StackOptions, paths
from tests.stack.k6 import run_script
from tests.system.support import admin, scrape

pytestmark = [pytest.mark.system, pytest.mark.long]

SECONDS = 40
# Code that was looked at, and does ask one by one.
REAL = {
    # For each product of a page its variant is searched, and then read.
    "product/models/product_template.py _get_variant_id_for_combination",
    "product/models/product_template.py _is_combination_possible",
    # While caches are cold: bundles and templates are loaded one after the other.
    "base/models/ir_asset.py _get_related_assets",
    "base/models/ir_ui_view.py _fetch_template_views",
    "base/models/ir_ui_view.py _get_inheriting_views",
    # Ours, cold as well: each setting of the database is asked once, then remembered;
    # one query for all would be one every five seconds. Python 3.12 has no <dictcomp>.
    "smart_dairy_performance/models/performance_tracker.py <dictcomp>",
    "smart_dairy_performance/models/performance_tracker.py _tell_settings",
    # A job: for each snippet all views are searched for its use.
    "website/models/website.py _is_snippet_used",
}
_LOGGED = re.compile(r"^\x01(?P<id>-?\d+)\x01 LOG:  duration: [\d.]+ ms  statement: ")
_LINE = re.compile(r"^\x01")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = StackOptions(
        name="test-n-plus-one-demo",
        modules=(
            *("website_sale", "sale_management", "stock"),
            *("smart_dairy_performance", "smart_dairy_profiling"),
        ),
        dairy="S",
        workers=2,
        prometheus=False,
        redis=False,
    )
    with Stack(options) as stack:
        for setting, value in (
            ("log_min_duration_statement", "0"),
            ("log_line_prefix", "\x01%Q\x01 "),
            ("auto_explain.log_min_duration", "-1"),
        ):
            stack.postgres.psql(
                f"ALTER SYSTEM SET {setting} = '{value}'", database="postgres"
            )
        stack.postgres.psql("SELECT pg_reload_conf()", database="postgres")
        time.sleep(1)
        script = paths.REPO / "k6" / "smoke.js"
        summary = paths.RESULTS / "n-plus-one.json"
        variables = stack.variables() | {"DURATION": f"{SECONDS}s"}
        assert run_script(script, summary, variables).passed
        time.sleep(12)
        yield stack


def statements(log: Path) -> list[tuple[int, str]]:
    """Query id and text of each statement that the server logged."""
    found: list[tuple[int, str]] = []
    text: list[str] = []
    mark = 0
    for line in log.read_text(errors="replace").splitlines():
        match = _LOGGED.match(line)
        if match or _LINE.match(line):
            if text:
                found.append((mark, "\n".join(text)))
            text = [line[match.end() :]] if match else []
            mark = int(match["id"]) if match else 0
        elif text:
            text.append(line.removeprefix("\t"))
    return found


def test_the_clean_demo_yields_nothing_false(stack: Stack) -> None:
    found: list[dict[str, Any]] = admin(stack).value(
        "performance.finding",
        "search_read",
        [["kind", "=", "n_plus_one"]],
        ["source", "file", "function", "target", "count", "ms", "route", "trail"],
    )
    for one in found:
        print(one)
    dairy = [one for one in found if one["file"].startswith("smart_dairy_demo")]
    assert dairy == []
    judged = {f"{one['file']} {one['function']}" for one in found}
    assert judged <= REAL
    # It did look.
    figures = scrape(stack)
    assert figures.total("smart_dairy_profiling_recorder_seconds_total") > 0
    assert figures.total("smart_dairy_performance_hook_errors_total") == 0


def test_statements_group_as_postgresql_groups_them(stack: Stack) -> None:
    logged = statements(stack.postgres.service.log_path)
    data = [
        (mark, text)
        for mark, text in logged
        if mark and re.match(r"\s*(?:select|insert|update|delete|with)\b", text, re.I)
    ]
    assert len(data) > 1000
    shapes: dict[int, set[str]] = defaultdict(set)
    ids: dict[str, set[int]] = defaultdict(set)
    for mark, text in data:
        shapes[mark].add(fingerprint(text))
        ids[fingerprint(text)].add(mark)
    print(f"{len(data)} statements, {len(shapes)} query ids, {len(ids)} fingerprints")
    # One query id is one fingerprint, always.
    split = {mark: found for mark, found in shapes.items() if len(found) > 1}
    examples = {
        mark: {normalize(text) for other, text in data if other == mark}
        for mark in list(split)[:5]
    }
    assert split == {}, examples
    # One fingerprint is several query ids only where lists, rows or types of literals
    # differ.
    by_mark: dict[str, dict[int, str]] = defaultdict(dict)
    for mark, text in data:
        by_mark[fingerprint(text)].setdefault(mark, text)
    for found in by_mark.values():
        if len(found) > 1:
            bare = {re.sub(r"\s+", " ", without_lists(text)) for text in found.values()}
            assert len(bare) == 1, sorted(found.values())[:2]


def without_lists(text: str) -> str:
    """A text whose literals, lists and rows of them, are gone: what may differ."""
    text = re.sub(
        r"\bVALUES\b.*?(?=\b(?:ON|RETURNING)\b|\)\s*AS\b|\Z)", "?", text, flags=re.S
    )
    text = re.sub(r"E?'(?:[^'\\]|\\.|'')*'(?:::\w+(?: \w+)*)?", "?", text)
    text = re.sub(r"(?<![\w\"])-?\d+(?:\.\d+)?\b", "?", text)
    text = re.sub(r"\b(?:NULL|true|false)\b(?<!IS )", "?", text)
    text = re.sub(r"(?:ARRAY)?[(\[]\s*\?(?:\s*,\s*\?)*\s*[)\]]", "?", text)
    return re.sub(r"\?(?:\s*,\s*\?)+", "?", text)
