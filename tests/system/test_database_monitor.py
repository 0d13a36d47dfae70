"""The database advisor's questions on a real PostgreSQL, with situations planted.

Pure PostgreSQL: no Odoo runs. The role is Odoo's, which is no superuser, unless a test
says otherwise.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import pytest

from smart_dairy_profiling.database import (
    CursorAsker,
    DatabaseMonitor,
    DsnAsker,
    advice,
    bloat,
    build,
    cache,
    checkpoints,
    connections,
    foreign_keys,
    growth,
    index_health,
    indexes,
    locks,
    missing_indexes,
    plans,
    pooler,
    privileges,
    sequences,
    settings,
    slow_queries,
    spills,
    statements,
    tables,
    transactions,
    vacuum,
    wraparound,
)
from smart_dairy_profiling.database.finding import CRITICAL, NOTICE, OK, WARNING
from tests.stack import Stack, StackOptions, paths
from tests.stack.postgres import ADMIN, OWNER

pytestmark = pytest.mark.system

OPTIONS = StackOptions(
    name="test-database",
    modules=("base", "web"),
    odoo=False,
    prometheus=False,
    redis=False,
)
SQL = paths.REPO / "smart_dairy_profiling" / "database" / "sql"

# Everything that the questions shall find, in one schema.
PLANTED = """
CREATE TABLE planted_missing AS SELECT n AS id, n % 50 AS kind
  FROM generate_series(1, 5000) n;
CREATE TABLE planted_parent (id int PRIMARY KEY);
INSERT INTO planted_parent SELECT generate_series(1, 100);
CREATE TABLE planted (
    id int PRIMARY KEY, parent_id int REFERENCES planted_parent, a int, b int,
    other_id int REFERENCES planted_parent, filler text);
INSERT INTO planted SELECT n, n % 100 + 1, n % 7, n, n % 100 + 1, repeat('x', 100)
  FROM generate_series(1, 60000) n;
CREATE INDEX planted_parent_index ON planted (parent_id);
CREATE INDEX planted_unused ON planted (filler, b);
CREATE INDEX planted_duplicate ON planted (filler, b);
CREATE INDEX "planted Idle" ON planted (filler, id);
CREATE INDEX planted_redundant ON planted (b);
CREATE INDEX planted_longer ON planted (b, a);
CREATE INDEX planted_partial ON planted (b) WHERE a = 1;
ANALYZE planted, planted_missing, planted_parent;
CREATE TABLE planted_bloat AS SELECT n AS id, repeat('y', 200) AS filler
  FROM generate_series(1, 60000) n;
ALTER TABLE planted_bloat SET (autovacuum_enabled = off);
CREATE INDEX planted_bloat_index ON planted_bloat (id);
DELETE FROM planted_bloat WHERE id % 10 > 0;
CREATE TABLE planted_never AS SELECT n AS id FROM generate_series(1, 3000) n;
ALTER TABLE planted_never SET (autovacuum_enabled = off);
CREATE SEQUENCE planted_near_end AS int;
SELECT setval('planted_near_end', 2000000000);
CREATE TABLE planted_serial (id int DEFAULT nextval('planted_near_end'));
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.planted (id int);
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(OPTIONS) as running:
        with session(running) as cursor:
            cursor.execute(PLANTED)
            # A failed concurrent build leaves an invalid index.
            with pytest.raises(psycopg2.errors.UniqueViolation):
                cursor.execute(
                    "CREATE UNIQUE INDEX CONCURRENTLY planted_invalid ON planted (a)"
                )
            for _scan in range(120):
                cursor.execute("SELECT count(*) FROM planted_missing WHERE kind = 7")
        yield running


@contextmanager
def session(stack: Stack, user: str = OWNER) -> Iterator[Any]:
    """A cursor in autocommit; closing it makes PostgreSQL count what it did."""
    with closing(psycopg2.connect(dsn(stack, user))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def dsn(stack: Stack, user: str = OWNER) -> str:
    return f"{stack.dsn} user={user} password={stack.postgres.passwords[user]}"


@pytest.fixture
def asker(stack: Stack) -> DsnAsker:
    return DsnAsker(stack.dsn)


def eventually(look: Callable[[], Any], seconds: float = 5.0) -> Any:
    """What ``look`` gives once it is true; statistics come a moment later."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)
    return found


def subjects(found: list[Any], verdict: str | None = None) -> set[str]:
    return {one.subject for one in found if verdict in (None, one.verdict)}


# -- the SQL set-up --------------------------------------------------------------------


def run_sql(stack: Stack, name: str, user: str = OWNER) -> list[str]:
    """Run a script; returns what PostgreSQL warned of."""
    with session(stack, user) as cursor:
        cursor.execute((SQL / name).read_text())
        return list(cursor.connection.notices)


@pytest.fixture
def views(stack: Stack) -> Iterator[None]:
    run_sql(stack, "setup_query_profiling.sql")
    yield
    run_sql(stack, "remove_query_profiling.sql")


def test_views_show_this_database_only_weighted_and_by_queryid(
    stack: Stack, views: None
) -> None:
    with session(stack) as cursor:
        for number in range(12):
            cursor.execute(f"SELECT {number} AS planted_pattern, pg_sleep(0.02)")
    stack.postgres.psql("SELECT 1 AS elsewhere_only", database="postgres")
    rows = stack.psql(
        "SELECT query, calls, total_time_ms, avg_time_ms FROM v_slow_queries"
        " WHERE query LIKE '%planted_pattern%'"
    )
    assert [(query, calls) for query, calls, _total, _mean in rows] == [
        ("SELECT $1 AS planted_pattern, pg_sleep($2)", "12")
    ]
    patterns = stack.psql(
        "SELECT normalized_query, total_calls, share_pct FROM v_query_patterns"
    )
    shares = [float(share) for _query, _calls, share in patterns]
    assert shares == sorted(shares, reverse=True) and 50 < sum(shares) <= 100.1
    assert not [query for query, *_rest in patterns if "elsewhere_only" in query]


def test_functions_are_found_unqualified_and_judge_right(
    stack: Stack, views: None
) -> None:
    with session(stack) as cursor:
        cursor.execute("SELECT * FROM analyze_table_performance('planted_missing')")
        found = dict(cursor.fetchall())
        assert found["Table"] == "public.planted_missing"
        assert found["Total Rows"] == "5000"
        assert found["Index Scans"] == "no index"
        assert int(found["Sequential Scans"]) >= 120
        # The same name in two schemas, and one of the two by its full name.
        cursor.execute("SELECT * FROM analyze_table_performance('planted')")
        names = [value for metric, value in cursor.fetchall() if metric == "Table"]
        assert names == ["public.planted", "elsewhere.planted"]
        cursor.execute("SELECT * FROM analyze_table_performance('elsewhere.planted')")
        rows = dict(cursor.fetchall())
        assert rows["Total Rows"] == "unknown: never analysed"
        with pytest.raises(psycopg2.errors.UndefinedTable):
            cursor.execute("SELECT * FROM analyze_table_performance('no_such')")
        cursor.execute("SELECT * FROM identify_missing_indexes()")
        assert [column.name for column in cursor.description] == [
            "table_name",
            "seq_scan_count",
            "idx_scan_count",
            "seq_to_idx_ratio",
            "table_size",
            "recommendation",
        ]
        first = cursor.fetchone()
        assert first[0] == "planted_missing" and first[2] is None
        assert first[5] == "HIGH: The table has no index at all"
        cursor.execute("SELECT index_name, usage_status FROM analyze_index_usage()")
        statuses = dict(cursor.fetchall())
    # Statistics of an hour say nothing.
    assert statuses["planted_unused"].startswith("UNUSED SO FAR - Statistics are")
    assert statuses["planted_pkey"].startswith("UNUSED - Keep: it enforces")
    assert statuses["planted_parent_index"] == "UNUSED - Keep: it serves a foreign key"
    assert statuses["planted_invalid"].startswith("INVALID")


def test_functions_have_a_fixed_path_and_no_more_rights_than_needed(
    stack: Stack, views: None
) -> None:
    names = (
        "'analyze_table_performance','identify_missing_indexes','analyze_index_usage'"
    )
    rows = stack.psql(
        "SELECT proname, prosecdef, array_to_string(proconfig, ','),"
        " array_to_string(proacl, ',') FROM pg_proc"
        f" WHERE proname IN ({names}) ORDER BY 1"
    )
    assert len(rows) == 3
    for _name, definer, path, rights in rows:
        assert definer == "f" and path == "search_path=pg_catalog, pg_temp"
        # An entry for everybody begins with "=".
        assert not [entry for entry in rights.split(",") if entry.startswith("=")]
    stack.psql("CREATE ROLE planted_stranger LOGIN PASSWORD 'planted'")
    try:
        with closing(
            psycopg2.connect(f"{stack.dsn} user=planted_stranger password=planted")
        ) as connection:
            for query in (
                "SELECT * FROM v_slow_queries",
                "SELECT * FROM identify_missing_indexes()",
            ):
                with connection.cursor() as cursor:
                    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                        cursor.execute(query)
                connection.rollback()
    finally:
        stack.psql("DROP ROLE planted_stranger")


def test_set_up_runs_again_and_without_the_extension(stack: Stack) -> None:
    assert run_sql(stack, "setup_query_profiling.sql") == []
    assert run_sql(stack, "setup_query_profiling.sql") == []
    run_sql(stack, "remove_query_profiling.sql")
    stack.psql("DROP EXTENSION pg_stat_statements")
    try:
        warned = "".join(run_sql(stack, "setup_query_profiling.sql"))
        assert "CREATE EXTENSION pg_stat_statements" in warned
        assert "shared_preload_libraries" in warned
        assert stack.psql("SELECT count(*) FROM v_slow_queries") == [("0",)]
        assert stack.psql("SELECT count(*) > 0 FROM analyze_index_usage()") == [("t",)]
        report = DatabaseMonitor(stack.dsn).generate_health_report()
        assert report["slow_queries"] is None and report["table_stats"]
        [unknown] = [
            one for one in report["findings"] if one["question"] == "slow_queries"
        ]
        assert unknown["verdict"] == "unknown"
        assert "CREATE EXTENSION pg_stat_statements;" in unknown["todo"]
    finally:
        stack.psql("CREATE EXTENSION pg_stat_statements")
    # The same columns: the views need not be dropped to be filled.
    assert run_sql(stack, "setup_query_profiling.sql") == []
    assert stack.psql("SELECT count(*) > 0 FROM v_slow_queries") == [("t",)]
    run_sql(stack, "remove_query_profiling.sql")
    left = "SELECT count(*) FROM pg_class WHERE relname IN ('v_slow_queries')"
    assert stack.psql(left) == [("0",)]


def test_set_up_over_older_views_and_removal_beside_foreign_ones(
    stack: Stack,
) -> None:
    with session(stack) as cursor:
        cursor.execute("CREATE VIEW v_slow_queries AS SELECT 1 AS older")
    run_sql(stack, "setup_query_profiling.sql")
    assert stack.psql("SELECT count(*) >= 0 FROM v_slow_queries") == [("t",)]
    with session(stack) as cursor:
        cursor.execute("CREATE VIEW foreigner AS SELECT query FROM v_slow_queries")
    # A second run leaves alone what depends on it.
    assert run_sql(stack, "setup_query_profiling.sql") == []
    [warned] = [
        one
        for one in run_sql(stack, "remove_query_profiling.sql")
        if one.startswith("WARNING")
    ]
    assert "cannot drop view" in warned and "v_slow_queries" in warned
    left = (
        "SELECT count(*) FROM pg_class WHERE relname IN"
        " ('v_slow_queries', 'v_query_patterns', 'foreigner')"
    )
    assert stack.psql(left) == [("2",)]
    with session(stack) as cursor:
        cursor.execute("DROP VIEW foreigner")
    run_sql(stack, "remove_query_profiling.sql")
    assert stack.psql(left) == [("0",)]


def test_collect_db_metrics_for_psql(stack: Stack, views: None) -> None:
    output = subprocess.run(
        ["psql", "-X", "-f", str(SQL / "collect_db_metrics.sql")],
        env={**stack.postgres.client_env(stack.database, OWNER), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert output.stderr == ""
    assert output.stdout.count("== ") == 10
    assert "planted_missing" in output.stdout


def test_column_names_of_all_versions() -> None:
    old = statements.columns_sql("s", {"total_time", "max_time", "blk_read_time"})
    assert "max(max_time)" in old and "blk_read_time" in old
    new = statements.columns_sql("s", {"total_exec_time", "shared_blk_read_time"})
    assert "sum(total_exec_time)" in new and "shared_blk_read_time" in new
    assert "pg_stat_bgwriter" in checkpoints.query(160004)
    assert "pg_stat_checkpointer" in checkpoints.query(170000)
    assert "NULL::timestamptz" in locks.query(130000)
    assert "waitstart AS waitstart" in locks.query(150000)


# -- asking ----------------------------------------------------------------------------


def test_a_question_has_a_time_limit_and_leaves_nothing(stack: Stack) -> None:
    asker = DsnAsker(stack.dsn)
    began = time.monotonic()
    with pytest.raises(psycopg2.errors.QueryCanceled):
        asker("SELECT pg_sleep(5)", limit_ms=100)
    assert time.monotonic() - began < 2
    with closing(psycopg2.connect(stack.dsn)) as connection:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE kept (id int)")
            inside = CursorAsker(cursor)
            assert inside("SELECT 1 AS one") == [{"one": 1}]
            with pytest.raises(psycopg2.errors.QueryCanceled):
                inside("SELECT pg_sleep(5)", limit_ms=100)
            # The transaction goes on, without the limits.
            cursor.execute("SELECT current_setting('statement_timeout') FROM kept")
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("0",)
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        asker("CREATE TABLE never (id int)")


def test_nothing_asked_waits_for_a_lock_or_blocks_a_writer(stack: Stack) -> None:
    """A table locked exclusively, and a writer that is timed while everything is
    asked again and again."""
    stop = threading.Event()
    slowest = []

    def write() -> None:
        with session(stack) as cursor:
            cursor.execute("SET lock_timeout = '2s'")
            while not stop.is_set():
                began = time.perf_counter()
                cursor.execute("UPDATE planted SET a = a WHERE id = 1")
                slowest.append(time.perf_counter() - began)
                time.sleep(0.005)

    with closing(psycopg2.connect(stack.dsn)) as holder, holder.cursor() as lock:
        lock.execute("LOCK TABLE planted_never IN ACCESS EXCLUSIVE MODE")
        writer = threading.Thread(target=write)
        writer.start()
        try:
            monitor = DatabaseMonitor(stack.dsn)
            for _round in range(3):
                began = time.monotonic()
                answers, _found = monitor.examine()
                # Some questions give up on the locked table; none waits for it.
                assert time.monotonic() - began < 5
                assert answers["connections"] and answers["transactions"]
        finally:
            stop.set()
            writer.join()
    assert len(slowest) > 20 and max(slowest) < 1.0


# -- each question ---------------------------------------------------------------------


def test_connections(stack: Stack, asker: DsnAsker) -> None:
    with session(stack):
        found = connections.ask(asker)
    assert found["states"]["active"] >= 1 and found["states"]["idle"] >= 1
    assert found["limit"] == 197 and 0 < found["used"] < 20
    assert connections.findings({"used": 96, "limit": 100})[0].verdict == CRITICAL
    assert connections.findings({"used": 85, "limit": 100})[0].verdict == WARNING
    assert connections.findings({"used": 10, "limit": 100})[0].verdict == OK


def test_slow_queries_are_named_without_their_literals(
    stack: Stack, asker: DsnAsker
) -> None:
    with session(stack) as cursor:
        cursor.execute("SELECT pg_sleep(0.15), 'secret@example.com'")
    [slow] = [row for row in slow_queries.ask(asker) if "pg_sleep" in row["query"]]
    assert slow["calls"] == 1 and 150 <= slow["avg_time_ms"] < 1500
    assert "secret" not in json.dumps(slow)
    assert 0 < slow["share"] <= 1
    assert subjects(slow_queries.findings([slow])) == {slow["query"]}
    assert [r for r in slow_queries.ask(asker, 1e9)] == []


def test_tables(stack: Stack, asker: DsnAsker) -> None:
    found = {row["table_name"]: row for row in tables.ask(asker)}
    sizes = [row["table_size_bytes"] for row in found.values()]
    assert len(found) == 50 and sizes == sorted(sizes, reverse=True)
    planted = found["planted"]
    assert planted["row_count"] == 60000 and planted["table_size_bytes"] > 8e6
    assert planted["analysed"] and planted["index_size_bytes"] > 1e6


def test_unused_duplicate_redundant_and_invalid_indexes(asker: DsnAsker) -> None:
    found = index_health.ask(asker)
    names = {
        kind: {row["index_name"] for row in found[kind]}
        for kind in ("invalid", "duplicate", "redundant", "unused")
    }
    assert names["invalid"] == {"planted_invalid"}
    # The younger of the two; both of them is none too many.
    assert names["duplicate"] == {"planted_duplicate"}
    assert "planted_redundant" in names["redundant"]
    assert names["unused"] == set()  # statistics of an hour say nothing
    status = {row["index_name"]: row["status"] for row in found["rows"]}
    assert status["planted Idle"].startswith("UNUSED SO FAR")
    everything = set().union(*names.values())
    assert not everything & {
        "planted_pkey",  # a constraint's
        "planted_parent_index",  # a foreign key's
        "planted_partial",  # no prefix: it has a predicate
    }
    assert "planted Idle" not in subjects(index_health.findings(found))
    late = index_health.judged(found["rows"], 8 * 86400)
    # What stands in for the duplicate will be used.
    idle = {row["index_name"] for row in late["unused"]}
    assert idle == {"planted Idle", "planted_bloat_index"}
    old = index_health.findings({**found, **late})
    assert {"planted Idle", "planted_invalid"} <= subjects(old)
    [drop] = [one.statement for one in old if one.subject == "planted Idle"]
    assert drop == 'DROP INDEX CONCURRENTLY public."planted Idle";'
    assert {row["index_name"] for row in indexes.ask(asker)} >= {"planted_unused"}


def test_missing_indexes(asker: DsnAsker) -> None:
    [first, *_others] = missing_indexes.ask(asker)
    assert first["table_name"] == "planted_missing"
    assert first["level"] == "HIGH" and first["idx_scan_count"] is None
    assert "planted_missing" in subjects(missing_indexes.findings([first]), WARNING)


@pytest.mark.parametrize(
    ("seq_scan", "idx_scan", "rows", "read", "level"),
    [
        (1001, 99, 5000, 5_000_000, "HIGH"),
        (1000, 99, 5000, 5_000_000, "LOW"),
        (101, 9, 5000, 500_000, "MEDIUM"),
        (100, 9, 5000, 500_000, "LOW"),
        (101, 500, 20_000, 2_000_000, "MEDIUM"),  # used indexes, and yet full scans
        (5000, None, 999, 4_000_000, "LOW"),  # small
        (60, None, 0, 60_000, "HIGH"),  # never analysed, rows read tell its size
    ],
)
def test_rating_of_missing_indexes(
    seq_scan: int, idx_scan: int | None, rows: int, read: int, level: str
) -> None:
    row = {"seq_scan": seq_scan, "idx_scan": idx_scan, "n_live_tup": rows}
    assert missing_indexes.rating({**row, "seq_tup_read": read}) == level


def test_foreign_keys_without_index(asker: DsnAsker) -> None:
    found = foreign_keys.ask(asker)
    planted = [row["columns"] for row in found if row["table_name"] == "planted"]
    assert planted == [["other_id"]]
    assert "planted (other_id)" in subjects(foreign_keys.findings(found), NOTICE)


def test_bloat_vacuum_and_never_analysed(stack: Stack, asker: DsnAsker) -> None:
    with session(stack) as cursor:
        found = vacuum.ask(asker)
        [dead] = [row for row in found if row["table_name"] == "planted_bloat"]
        assert dead["dead"] == 54000 and dead["disabled"]
        assert "planted_bloat" in subjects(vacuum.findings(found), WARNING)
        never = {one.subject for one in vacuum.findings(found) if "never" in one.what}
        assert "planted_never" in never and "planted" not in never
        cursor.execute("VACUUM ANALYZE planted_bloat")
    rows = {row["name"]: row for row in bloat.ask(asker)}
    # 90 % of the rows went; their space is free but not given back.
    assert 0.80 < rows["planted_bloat"]["share"] < 0.95
    assert rows["planted_bloat"]["kind"] == "table"
    assert rows.get("planted", {"share": 0})["share"] < 0.1
    assert "planted_bloat" in subjects(bloat.findings(list(rows.values())), WARNING)
    stack.psql("CREATE EXTENSION IF NOT EXISTS pgstattuple")
    exact = bloat.exact(DsnAsker(dsn(stack, ADMIN)), "planted_bloat")
    assert abs(float(exact["share"]) - rows["planted_bloat"]["share"]) < 0.1


def test_transactions_that_idle_or_are_old(stack: Stack, asker: DsnAsker) -> None:
    with closing(psycopg2.connect(stack.dsn)) as idle, idle.cursor() as cursor:
        cursor.execute("SELECT 'secret' FROM planted LIMIT 1")
        time.sleep(0.3)
        found = transactions.ask(asker)
        [row] = [row for row in found["open"] if row["pid"] == idle.info.backend_pid]
        assert row["idle"] and 0.3 <= row["state_age"] < 5
        assert "secret" not in row["query"] and "planted" in row["query"]
        [seen] = transactions.findings({**found, "open": [row]}, idle=0.2)
        assert seen.verdict == WARNING and f"{row['pid']}" in seen.statement
        assert transactions.findings({**found, "open": [row]})[0].verdict == OK
    old = {**row, "idle": False, "age": 4000.0}
    [seen] = transactions.findings({"open": [old], "prepared": []})
    assert seen.verdict == WARNING


def test_transaction_id_age(asker: DsnAsker) -> None:
    found = wraparound.ask(asker)
    assert 0 < found["age"] < 1_000_000 and len(found["tables"]) == 5
    assert wraparound.findings(found)[0].verdict == OK
    # Two thousand million transactions cannot be made here: simulated.
    late = {**found, "age": 400_000_000}
    assert wraparound.findings(late)[0].verdict == WARNING
    stopping = wraparound.findings({**found, "multixact_age": 1_500_000_000})[0]
    assert stopping.verdict == CRITICAL and "VACUUM (FREEZE" in stopping.statement


def test_a_spilled_sort_is_found_with_its_statement(
    stack: Stack, asker: DsnAsker
) -> None:
    with session(stack) as cursor:
        cursor.execute("SET work_mem = '64kB'")
        cursor.execute("SELECT filler || id FROM planted ORDER BY filler || b DESC")
    found = eventually(lambda: (a := spills.ask(asker))["bytes"] and a)
    [planted] = [row for row in found["statements"] if "filler || id" in row["query"]]
    assert planted["bytes"] > 4e6
    sorts = spills.findings(found, notice=1e6)
    assert any("filler || id" in subject for subject in subjects(sorts, NOTICE))


def test_cache_hits(asker: DsnAsker) -> None:
    found = cache.ask(asker)
    assert 0 < found["ratio"] <= 1 and found["tables"]
    worse = {**found, "ratio": 0.9, "blocks": 10**6}
    assert cache.findings(worse)[0].verdict == WARNING
    assert cache.findings({**found, "ratio": None})[0].verdict == "unknown"


def test_checkpoints(asker: DsnAsker) -> None:
    assert checkpoints.ask(asker)["requested"] >= 0
    pressed = {"timed": 2, "requested": 18, "max_wal_size": "1GB"}
    assert checkpoints.findings(pressed)[0].verdict == WARNING
    assert checkpoints.findings({**pressed, "timed": 30})[0].verdict == OK


def test_sequences_near_the_end(asker: DsnAsker) -> None:
    [row] = [r for r in sequences.ask(asker) if r["sequence"] == "planted_near_end"]
    assert row["share"] == round(2_000_000_000 / (2**31 - 1), 4)
    assert subjects(sequences.findings([row]), CRITICAL) == {"planted_near_end"}


def test_settings_that_do_not_fit(asker: DsnAsker) -> None:
    found = settings.ask(asker)
    assert found["shared_buffers"] == 128 * 1024**2 and found["max_connections"] == 200
    machine = settings.Machine(memory=64 * 1024**3, odoo_connections=512)
    named = subjects(settings.findings(found, machine))
    assert named >= {"shared_buffers", "max_connections", "random_page_cost", "fsync"}
    fitting = {
        **found,
        "fsync": "on",
        "full_page_writes": "on",
        "random_page_cost": 1.1,
        "shared_buffers": 8 * 1024**3,
        "idle_in_transaction_session_timeout": 3_600_000,
    }
    machine = settings.Machine(memory=16 * 1024**3, odoo_connections=100)
    assert [one.verdict for one in settings.findings(fitting, machine)] == [OK]


def test_growth_between_two_readings() -> None:
    gained = growth.between({"a": 10**9, "b": 5}, {"a": 3 * 10**9, "b": 5}, 43200)
    assert [(row["table_name"], row["gained_bytes"]) for row in gained] == [
        ("a", 2 * 10**9)
    ]
    assert growth.findings(gained, 43200)[0].verdict == WARNING


def test_a_role_that_is_no_superuser_is_told_what_it_cannot_see(
    stack: Stack, asker: DsnAsker
) -> None:
    found = privileges.findings(privileges.ask(asker))
    assert any("GRANT pg_monitor" in one.statement for one in found)
    admin = DsnAsker(dsn(stack, ADMIN))
    assert not any(
        "GRANT" in one.statement for one in privileges.findings(privileges.ask(admin))
    )
    stack.psql("SELECT 'planted by another role' AS hidden")
    texts = [row["query"] or "" for row in statements.read(asker, limit=1000)]
    assert not [text for text in texts if "AS hidden" in text]


def test_no_pooler_here(asker: DsnAsker) -> None:
    assert pooler.ask(asker) == {"pooled": False}
    assert pooler.findings({"pooled": True})[0].verdict == NOTICE


def test_a_dead_replica_is_a_finding_and_the_primary_is_asked(
    stack: Stack, asker: DsnAsker
) -> None:
    dead = DsnAsker(f"{stack.dsn} port=1")
    answers, found = DatabaseMonitor(asker, dead).examine()
    assert answers["bloat"] is not None and answers["sequences"] is not None
    [one] = [one for one in found if "the replica cannot be reached" in one.what]
    assert one.verdict == WARNING and one.question == "replication"


# -- locks -----------------------------------------------------------------------------


def test_row_locks_are_seen_as_a_tree_with_both_sides(
    stack: Stack, asker: DsnAsker
) -> None:
    update = "UPDATE planted SET a = 99 WHERE id = 77"

    def wait(connection: Any) -> None:
        with connection.cursor() as cursor, pytest.raises(psycopg2.Error):
            cursor.execute(update)

    sessions = [psycopg2.connect(stack.dsn) for _session in range(3)]
    first, *others = sessions
    pids = [connection.info.backend_pid for connection in sessions]
    threads = [threading.Thread(target=wait, args=(one,)) for one in others]
    try:
        with first.cursor() as cursor:
            cursor.execute(update)
        for number, thread in enumerate(threads, 1):
            thread.start()
            eventually(lambda n=number: len(locks.ask(asker)) == n + 1)
        time.sleep(0.3)
        rows = locks.ask(asker)
        shown = [(depth, row["pid"]) for depth, row in locks.tree(rows)]
        assert shown == [(0, pids[0]), (1, pids[1]), (2, pids[2])]
        by_pid = {row["pid"]: row for row in rows}
        assert by_pid[pids[0]]["waits"] is None and by_pid[pids[0]]["blocked"] >= 1
        assert by_pid[pids[1]]["waits"] >= 0.3
        assert by_pid[pids[1]]["blockers"] == [pids[0]]
        assert by_pid[pids[2]]["table_name"] == "planted"
        assert by_pid[pids[1]]["query"] == "UPDATE planted SET a = ? WHERE id = ?"
        late = locks.findings(rows, notable=0.1)
        assert f"pid {pids[1]}" in subjects(late, WARNING)
        report = DatabaseMonitor(stack.dsn).generate_health_report()
        assert len(report["locks"]) == 3 and report["verdict"] != OK
        json.dumps(report)
        with session(stack) as cursor:
            for pid in pids[1:]:
                cursor.execute("SELECT pg_cancel_backend(%s)", (pid,))
    finally:
        for thread in threads:
            thread.join(10)
        for connection in sessions:
            connection.close()
    assert locks.ask(asker) == []


# -- regressions -----------------------------------------------------------------------


def test_growth_of_statements_between_readings_and_over_a_reset(
    stack: Stack,
) -> None:
    admin = DsnAsker(dsn(stack, ADMIN))

    def reading() -> dict[int, Any]:
        return statements.counters(admin)

    def named(grown: dict[int, Any]) -> dict[str, Any]:
        rows = statements.texts(admin, list(grown))
        return {row["query"]: grown[row["queryid"]] for row in rows}

    def run(times: int, query: str) -> None:
        with session(stack) as cursor:
            for _call in range(times):
                cursor.execute(query)

    run(3, "SELECT count(*) AS trend FROM planted")
    before = reading()
    run(2, "SELECT count(*) AS trend FROM planted")
    run(1, "SELECT min(id) AS newcomer FROM planted")
    after = reading()
    grown = statements.growth(before, after)
    by_text = named(grown)
    assert by_text["SELECT count(*) AS trend FROM planted"]["calls"] == 2
    assert by_text["SELECT count(*) AS trend FROM planted"]["new"] is False
    assert by_text["SELECT min(id) AS newcomer FROM planted"]["new"] is True
    old = statements.reset_at(admin)
    assert old > 0 and statements.reset_at(admin) == old
    stack.psql("SELECT pg_stat_statements_reset()")
    assert statements.reset_at(admin) > old
    run(1, "SELECT count(*) AS trend FROM planted")
    by_text = named(statements.growth(after, reading()))
    assert by_text["SELECT count(*) AS trend FROM planted"]["calls"] == 1


def test_a_reset_is_seen_although_calls_grew() -> None:
    before = {1: {"calls": 5, "total_ms": 100.0}}
    less = {1: {"calls": 8, "total_ms": 16.0}}
    [found] = statements.growth(before, less).values()
    assert found == {"calls": 8, "total_ms": 16.0, "mean_ms": 2.0, "new": False}
    more = {1: {"calls": 8, "total_ms": 160.0}}
    assert statements.growth(before, more)[1]["total_ms"] == 60.0
    assert statements.growth(before, more, was_reset=True)[1]["total_ms"] == 160.0


# -- building an index -----------------------------------------------------------------

BUILD = 'CREATE INDEX CONCURRENTLY ON "public"."planted" (other_id, a)'


@contextmanager
def older_transaction(stack: Stack) -> Iterator[None]:
    """A transaction that a concurrent build has to wait for; it holds no table lock."""
    with closing(psycopg2.connect(stack.dsn)) as other, other.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        yield


def test_building_never_drops_a_good_index(stack: Stack, asker: DsnAsker) -> None:
    with session(stack) as cursor:
        cursor.execute("CREATE INDEX planted_good ON planted (other_id)")
    with pytest.raises(build.Taken, match="planted_good is there already"):
        build.create(asker, "planted_good", BUILD)
    assert build.state(asker, "planted_good", "public")["valid"]
    with pytest.raises(build.Taken):  # a table of that name
        build.create(asker, "planted_bloat", BUILD)
    # A failure that is none of the name's.
    wrong = BUILD.replace("other_id, a", "no_such_column")
    with pytest.raises(psycopg2.errors.UndefinedColumn):
        build.create(asker, "planted_wrong", wrong)
    assert build.state(asker, "planted_wrong", "public") is None
    stack.psql("DROP INDEX planted_good")


def test_an_invalid_leftover_is_built_anew(stack: Stack, asker: DsnAsker) -> None:
    before = build.state(asker, "planted_invalid", "public")
    assert before["valid"] is False
    with session(stack) as cursor, pytest.raises(psycopg2.errors.UniqueViolation):
        cursor.execute("CREATE UNIQUE INDEX CONCURRENTLY planted_again ON planted (a)")
    build.create(asker, "planted_again", BUILD)
    assert build.state(asker, "planted_again", "public")["valid"]
    stack.psql("DROP INDEX planted_again")


def test_building_waits_longer_for_older_transactions_than_for_the_table(
    stack: Stack, asker: DsnAsker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "LOCK_MS", 300)
    with session(stack) as cursor:
        cursor.execute('CREATE SCHEMA "Planted S"; CREATE TABLE "Planted S".t (a int)')
    statement = 'CREATE INDEX CONCURRENTLY ON "Planted S"."t" (a)'
    problems: list[BaseException] = []

    def work() -> None:
        try:
            build.create(asker, "planted_late", statement)
        except BaseException as error:
            problems.append(error)

    with older_transaction(stack):
        thread = threading.Thread(target=work)
        thread.start()
        told = eventually(lambda: build.progress(asker, "Planted S", "t"))
        assert "phase" in told
        time.sleep(0.8)
        assert thread.is_alive(), problems
    thread.join(10)
    assert not problems
    assert build.state(asker, "planted_late", "Planted S")["valid"]
    with closing(psycopg2.connect(stack.dsn)) as holder, holder.cursor() as lock:
        lock.execute('LOCK TABLE "Planted S".t')
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            build.create(asker, "planted_locked", statement)
    assert build.state(asker, "planted_locked", "Planted S") is None
    stack.psql('DROP SCHEMA "Planted S" CASCADE')


def test_an_index_that_is_being_built_is_not_called_invalid(
    stack: Stack, asker: DsnAsker
) -> None:
    thread = threading.Thread(
        target=build.create, args=(asker, "planted_building", BUILD)
    )
    with older_transaction(stack):
        thread.start()

        def row() -> Any:
            rows = indexes.every(DsnAsker(stack.dsn))
            return [r for r in rows if r["index_name"] == "planted_building"]

        [seen] = eventually(row)
        assert seen["is_building"] and seen["status"] == "BUILDING"
        found = index_health.ask(DsnAsker(stack.dsn))
        invalid = {one["index_name"] for one in found["invalid"]}
        assert "planted_building" not in invalid
    thread.join(10)
    stack.psql("DROP INDEX planted_building")


# -- plans -----------------------------------------------------------------------------

TRAP = """
CREATE FUNCTION planted_trap() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM set_config('planted.trap', current_user, false);
    RETURN 1;
END $$
"""


def test_only_this_roles_statements_are_planned(stack: Stack) -> None:
    """Planning runs IMMUTABLE functions with the rights of whoever asks."""
    trapped = "SELECT b AS trapped FROM planted WHERE a = planted_trap()"
    stack.psql(TRAP)
    with session(stack, ADMIN) as cursor:
        cursor.execute(trapped)
    with session(stack) as cursor:
        cursor.execute("SELECT b AS honest FROM planted WHERE a = 1")
    stack.psql(f"GRANT pg_read_all_stats TO {OWNER}")
    try:
        asker = DsnAsker(stack.dsn)
        rows = statements.read(asker)
        [theirs] = [row for row in rows if "AS trapped" in (row["query"] or "")]
        [ours] = [row for row in rows if "AS honest" in (row["query"] or "")]
        assert ours["own"] and not theirs["own"]
        with asker.keep():
            with pytest.raises(plans.NoPlan, match="not this role's"):
                plans.explained(asker, theirs)
            assert plans.explained(asker, ours)["Node Type"]
            with asker.limited() as cursor:
                adviser = advice.Adviser(cursor)
                adviser.look_at(theirs)
                assert any("not this role's" in one for one in adviser.problems)
                cursor.execute("SELECT current_setting('planted.trap', true)")
                assert not cursor.fetchone()[0]
        # Run by both roles it is not this role's alone.
        with session(stack) as cursor:
            cursor.execute(trapped)
        found = statements.texts(asker, [theirs["queryid"]])
        assert [row["own"] for row in found] == [False]
    finally:
        stack.psql(f"REVOKE pg_read_all_stats FROM {OWNER}")
        stack.psql("DROP FUNCTION planted_trap")


# -- index advice ----------------------------------------------------------------------

ADVISED = """
CREATE TABLE advised (
    id int PRIMARY KEY, served int, missing int, other int, label text, title text,
    shape varchar, counted int);
INSERT INTO advised SELECT n, n % 5000, n % 5000, n % 5000, md5(n::text),
    'title ' || n, 'shape ' || n, n FROM generate_series(1, 20000) n;
CREATE INDEX advised_served ON advised (served, other);
CREATE INDEX advised_partial ON advised (other) WHERE served IS NOT NULL;
ANALYZE advised;
"""


@pytest.fixture
def advised(stack: Stack) -> Iterator[Callable[..., Any]]:
    """Run statements, and say what is advised for them: by columns as SQL."""

    def ask(*queries: str) -> dict[tuple[str, ...], advice.Advice]:
        stack.psql("SELECT pg_stat_statements_reset()")
        with session(stack) as cursor:
            for query in queries:
                cursor.execute(query)
        found = advice.ask(DsnAsker(stack.dsn), min_ms=0.0)
        return {one.candidate.columns: one for one in found}

    with session(stack) as cursor:
        cursor.execute(ADVISED)
    yield ask
    stack.psql("DROP TABLE advised; DROP EXTENSION IF EXISTS hypopg;")


def test_without_hypopg_what_an_index_serves_is_not_advised(
    advised: Callable[..., Any],
) -> None:
    found = advised(
        "SELECT label FROM advised WHERE missing = 77",
        # Served: by a longer index, and so well that no table is read.
        "SELECT label FROM advised WHERE served = 77",
        # Too many rows for the index that is there.
        "SELECT count(label) FROM advised WHERE served > 10",
        # No condition that an index on the column helps with.
        "SELECT id FROM advised WHERE title <> 'title 7'",
        "SELECT id FROM advised WHERE counted::text = '77'",
    )
    assert set(found) == {("missing",)}
    assert not found["missing",].proved
    # The same characters: a cast that changes nothing.
    assert set(advised("SELECT id FROM advised WHERE shape = 'shape 7'")) == {
        ("shape",)
    }


def test_a_trigram_index_is_not_advised_twice(
    stack: Stack, advised: Callable[..., Any]
) -> None:
    query = "SELECT id FROM advised WHERE label ILIKE '%abc%'"
    assert set(advised(query)) == {("label gin_trgm_ops",)}
    stack.psql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    stack.psql(
        "CREATE INDEX advised_trgm ON advised USING gin (lower(label) gin_trgm_ops)"
    )
    assert advised(query) == {}


def test_an_index_for_patterns_is_not_proved_for_what_odoo_sends(
    stack: Stack, advised: Callable[..., Any]
) -> None:
    stack.psql("CREATE EXTENSION hypopg")
    found = advised(
        "SELECT id FROM advised WHERE label LIKE 'abc77%'",
        "SELECT id FROM advised WHERE missing = 7 AND title LIKE '%7%'",
    )
    proved = {columns for columns, one in found.items() if one.proved}
    assert proved == {("missing",)}
    [pattern] = [one for columns, one in found.items() if columns not in proved]
    assert pattern.candidate.names == ("label",) and pattern.saved_ms == 0
    assert "patterns that begin with text" in pattern.note and pattern.size_bytes


def test_each_statement_has_its_own_time(stack: Stack) -> None:
    """The end is looked at while candidates are tried, too."""
    stack.psql("SELECT pg_stat_statements_reset()")
    stack.psql("CREATE EXTENSION IF NOT EXISTS hypopg")
    with session(stack) as cursor:
        cursor.execute(ADVISED)
    try:
        with session(stack) as cursor:
            cursor.execute("SELECT label FROM advised WHERE missing = 77")
        asker = DsnAsker(stack.dsn)
        rows = statements.read(asker)
        [row] = [r for r in rows if "advised WHERE missing = $1" in (r["query"] or "")]
        with asker.limited() as cursor:
            adviser = advice.Adviser(cursor)
            adviser.look_at(row, end=time.monotonic() - 1)
            assert adviser.result() == []
        with asker.limited() as cursor:
            adviser.look_at(row, cursor, time.monotonic() + 5)
            assert [one.candidate.names for one in adviser.result()] == [("missing",)]
    finally:
        stack.psql("DROP TABLE advised; DROP EXTENSION hypopg;")
