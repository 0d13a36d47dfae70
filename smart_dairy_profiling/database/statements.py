"""pg_stat_statements: where it is, how its columns are called, what it holds.

Only this database's statements are read: the view spans the whole cluster. A queryid
has a row for each user and (since 14) for top-level and nested calls: they are added
up, and means come from sums, so that they are weighted by calls.
"""

from dataclasses import dataclass
from typing import Any

from .asking import MARK, MAX_ROWS, REFUSED, Asker, Row

# https://www.postgresql.org/docs/current/pgstatstatements.html
_WHERE = """
SELECT format('%I.pg_stat_statements', n.nspname) AS source,
       (SELECT array_agg(attname::text) FROM pg_attribute
         WHERE attrelid = format('%I.pg_stat_statements', n.nspname)::regclass
           AND attnum > 0) AS columns
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
 WHERE e.extname = 'pg_stat_statements'
"""
_AVAILABLE = """
SELECT EXISTS (SELECT FROM pg_available_extensions
                WHERE name = 'pg_stat_statements') AS available
"""
ALL = 50_000  # statements; pg_stat_statements.max is 5,000 by default
CREATE = "CREATE EXTENSION pg_stat_statements;"


@dataclass(frozen=True)
class Source:
    """How to read the statistics; ``problem`` says why they cannot be read.

    :ivar sql: a SELECT with the columns queryid, query, calls, total_ms, max_ms, rows,
        hit, read, temp_written, io_ms, own; one row a queryid. ``own``: nobody but
        this role ran it
    """

    sql: str = ""
    problem: str = ""
    todo: str = ""


def columns_sql(source: str, columns: set[str]) -> str:
    """The SELECT for the columns that this version of the extension has."""
    total, longest = (
        ("total_exec_time", "max_exec_time")
        if "total_exec_time" in columns
        else ("total_time", "max_time")
    )
    # 17 tells shared and local blocks apart.
    prefix = "shared_blk" if "shared_blk_read_time" in columns else "blk"
    return f"""
        SELECT queryid, (array_agg(query ORDER BY {total} DESC))[1] AS query,
               sum(calls)::int8 AS calls, sum({total}) AS total_ms,
               max({longest}) AS max_ms, sum(rows)::int8 AS rows,
               sum(shared_blks_hit)::int8 AS hit, sum(shared_blks_read)::int8 AS read,
               sum(temp_blks_written)::int8 AS temp_written,
               sum({prefix}_read_time + {prefix}_write_time) AS io_ms,
               bool_and(userid = (SELECT oid FROM pg_roles
                                   WHERE rolname = current_user)) AS own
          FROM {source}
         WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND queryid IS NOT NULL AND query NOT LIKE '{MARK}%%'
         GROUP BY queryid"""


def source(asker: Asker) -> Source:
    """Look where the statistics are, and whether they may be read."""
    found = asker(_WHERE)
    if not found:
        todo = f"As superuser, in this database: {CREATE}"
        if not asker(_AVAILABLE)[0]["available"]:
            todo = (
                "Install PostgreSQL's contrib modules on the database server, then as "
                f"superuser, in this database: {CREATE}"
            )
        return Source(
            problem="The extension pg_stat_statements is not in this database.",
            todo=f"{todo} Its library has to be in shared_preload_libraries of "
            "postgresql.conf, which needs a restart of PostgreSQL.",
        )
    return Source(columns_sql(found[0]["source"], set(found[0]["columns"])))


_NOT_LOADED = Source(
    problem="The library of pg_stat_statements is not loaded.",
    todo="Add pg_stat_statements to shared_preload_libraries in postgresql.conf and "
    "restart PostgreSQL.",
)


def _asked(
    asker: Asker, query: str, parameters: Any = None, **options: Any
) -> list[Row]:
    """The rows of a query on ``{source}``.

    :raises Unavailable: when the statistics cannot be read
    """
    where = source(asker)
    if where.problem:
        raise Unavailable(where)
    try:
        return asker(
            query.replace("{source}", f"({where.sql}) statements"),
            parameters,
            name="statements",
            **options,
        )
    except REFUSED as error:
        raise Unavailable(_NOT_LOADED) from error


def read(asker: Asker, limit: int = 500) -> list[Row]:
    """The statements with the largest total time, their own texts included.

    :param limit: at most ``MAX_ROWS``
    :returns: rows as ``Source.sql`` has them, with ``mean_ms`` and their ``share`` of
        the time of all
    :raises Unavailable: when the statistics cannot be read
    """
    known = asker.remembered if asker.remembered is not None else {}
    if "statements" not in known:
        known["statements"] = _asked(asker, _READ, (MAX_ROWS,))
    rows: list[Row] = known["statements"]
    return rows[:limit]


_READ = """
SELECT statements.*, total_ms / nullif(sum(total_ms) OVER (), 0) AS share,
       total_ms / nullif(calls, 0) AS mean_ms
  FROM {source}
 ORDER BY total_ms DESC LIMIT %s
"""


def counters(asker: Asker) -> dict[int, Row]:
    """Calls and total time of every statement by queryid, without the texts.

    :raises Unavailable: when the statistics cannot be read
    """
    query = "SELECT queryid, calls, total_ms FROM {source}"
    rows = _asked(asker, query, max_rows=ALL)
    return {row.pop("queryid"): row for row in rows}


def texts(asker: Asker, queryids: list[int]) -> list[Row]:
    """The rows of some statements, texts included.

    :raises Unavailable: when the statistics cannot be read
    """
    query = "SELECT * FROM {source} WHERE queryid = ANY (%s)"
    return _asked(asker, query, (queryids,))


class Unavailable(Exception):
    """What was asked cannot be seen here; ``problem`` and ``todo`` say why."""

    def __init__(self, source: Source) -> None:
        super().__init__(source.problem)
        self.problem = source.problem
        self.todo = source.todo


def reset_at(asker: Asker) -> float:
    """When the statistics were reset as a whole (unix time); 0.0 where that is not
    known, such as before version 1.9 of the extension."""
    where = asker(_WHERE)
    if not where:
        return 0.0
    info = f"{where[0]['source']}_info"
    try:
        [row] = asker(
            f"SELECT extract(epoch FROM stats_reset)::float8 AS at FROM {info}"
        )
    except REFUSED:
        return 0.0
    return float(row["at"] or 0.0)


def growth(
    before: dict[int, Row], after: dict[int, Row], was_reset: bool = False
) -> dict[int, dict[str, Any]]:
    """What each statement did between two readings.

    A statement with fewer calls or less time than before was reset or evicted
    meanwhile, as all are with ``was_reset``: what it has now came since.

    >>> growth({1: {"calls": 5, "total_ms": 10.0}}, {1: {"calls": 7, "total_ms": 16.0}})
    {1: {'calls': 2, 'total_ms': 6.0, 'mean_ms': 3.0, 'new': False}}
    """
    found = {}
    for queryid, row in after.items():
        old = before.get(queryid)
        calls, total = row["calls"], row["total_ms"]
        if (
            old is not None
            and not was_reset
            and calls >= old["calls"]
            and total >= old["total_ms"]
        ):
            calls, total = calls - old["calls"], total - old["total_ms"]
        if calls > 0:
            found[queryid] = {
                "calls": calls,
                "total_ms": total,
                "mean_ms": total / calls,
                "new": old is None,
            }
    return found
