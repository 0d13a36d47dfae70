"""How old the oldest transaction ids are: at two thousand million PostgreSQL stops."""

from typing import Any

from .asking import Asker, quoted, relation
from .finding import CRITICAL, OK, WARNING, Finding

# https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-WRAPAROUND
_DATABASE = """
SELECT age(datfrozenxid) AS age, mxid_age(datminmxid) AS multixact_age,
       current_setting('autovacuum_freeze_max_age')::int8 AS freeze_max_age
  FROM pg_database WHERE datname = current_database()
"""
_TABLES = """
SELECT n.nspname, c.relname, age(c.relfrozenxid) AS age
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm', 't') AND c.relfrozenxid <> '0'
 ORDER BY 3 DESC LIMIT 5
"""
STOP = 2**31 - 3_000_000  # PostgreSQL accepts no writes from here on


def ask(asker: Asker) -> dict[str, Any]:
    """Ages in transactions; the five oldest tables."""
    tables = [
        {
            "table_name": relation(row["nspname"], row["relname"]),
            "quoted_name": quoted(row["nspname"], row["relname"]),
            "age": row["age"],
        }
        for row in asker(_TABLES, name="wraparound")
    ]
    return {**asker(_DATABASE, name="wraparound")[0], "tables": tables}


def findings(answer: dict[str, Any], critical: float = 0.5) -> list[Finding]:
    """
    :param critical: share of the ids that may be used up; autovacuum freezes at 10 %
    """
    age = max(answer["age"], answer["multixact_age"])
    what = f"the oldest transaction id is {age} old, PostgreSQL stops at {STOP}"
    oldest = answer["tables"][0]["table_name"] if answer["tables"] else ""
    if age < 1.5 * answer["freeze_max_age"]:
        return [Finding("wraparound", OK, "", what)]
    return [
        Finding(
            "wraparound",
            CRITICAL if age > critical * STOP else WARNING,
            oldest,
            what,
            "Autovacuum cannot freeze: end old transactions, prepared ones and unused "
            "replication slots, then vacuum the oldest tables.",
            f"VACUUM (FREEZE, VERBOSE) {answer['tables'][0]['quoted_name']};"
            if oldest
            else "",
        )
    ]
