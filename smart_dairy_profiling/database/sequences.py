"""Sequences near the end of the numbers that their column can hold."""

from typing import Any

from .asking import Asker, relation
from .finding import CRITICAL, OK, WARNING, Finding

# A column of 4 bytes ends before a sequence of 8 does.
_SQL = """
SELECT s.schemaname, s.sequencename, s.last_value,
       least(s.max_value, CASE a.atttypid
           WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647
           ELSE s.max_value END) AS max_value,
       d.refobjid::regclass::text AS table_name, a.attname AS column_name
  FROM pg_sequences s
  LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass
       AND d.objid = format('%I.%I', s.schemaname, s.sequencename)::regclass
       AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
  LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE NOT s.cycle AND s.last_value > 1000000
 ORDER BY s.last_value DESC LIMIT 100
"""


def ask(asker: Asker) -> list[dict[str, Any]]:
    """Sequences that passed a million, with the ``share`` that is used up."""
    rows = asker(_SQL, name="sequences")
    for row in rows:
        row["sequence"] = relation(row.pop("schemaname"), row.pop("sequencename"))
        row["share"] = round(row["last_value"] / row["max_value"], 4)
    return rows


def findings(
    answer: list[dict[str, Any]], warning: float = 0.5, critical: float = 0.8
) -> list[Finding]:
    found = []
    for row in answer:
        if row["share"] >= warning:
            what = f"{100 * row['share']:.0f} % of {row['max_value']} numbers are used"
            todo = "Change the column (and what refers to it) to bigint in good time."
            verdict = CRITICAL if row["share"] >= critical else WARNING
            found.append(Finding("sequences", verdict, row["sequence"], what, todo))
    return found or [Finding("sequences", OK, "", "No sequence is near its end")]
