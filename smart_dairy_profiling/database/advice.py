"""Which indexes are missing, and the proof.

    slow statements -> their plans -> candidates -> hypothetical indexes -> the best

Candidates come from what plans ask of a table (equalities, one range, the order, joins,
conditions that hold for few rows). Each is created as a hypothetical index (extension
hypopg: nothing is built) and kept only when the planner's cost falls by half at least.
Without hypopg the first candidate for a table that is read from end to end is told,
marked as not proved. What an index has already is not told again.
"""

import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg2

from ..core.fingerprint import fingerprint, without_literals
from . import plans, statements, table_facts
from .asking import (
    LIMIT_MS,
    MARK,
    TOO_SLOW,
    Asker,
    DsnAsker,
    Row,
    fetch,
)
from .candidates import Candidate, candidates, covers, mentions, serves
from .plans import LIKE, OTHER, NoPlan, Qual, Scan
from .table_facts import Table

MIN_ROWS = 1000  # of a table that an index may help
MIN_MS = 1.0  # mean time of a statement
MIN_COST = 200.0  # of its plan: what is cheaper is indexed well enough
MAX_COST_LEFT = 0.5  # an index must save half
SIMILAR = 1.1  # of candidates that cost at most so much more, the smallest wins
STATEMENTS = 40
BUDGET_SECONDS = 5.0
_ROUNDS = 2  # indexes for one statement
PREFIX_ONLY = (
    "Helps only patterns that begin with text: Odoo's own begin with %, for which it "
    "gains nothing."
)
# A cast from one to the other leaves the value, and its index, as they are.
_TEXTS = {"text", "character varying"}


@dataclass
class Advice:
    """An index to create, and why.

    :ivar proved: the planner was asked with a hypothetical index
    :ivar size_bytes: expected; None without hypopg
    :ivar statements: what gains: queryid, fingerprint, query, calls, mean_ms, and
        cost before and after
    :ivar saved_ms: of the statements' total time, if time falls as the cost does
    :ivar writes: rows inserted, updated and deleted since the statistics began, each of
        which writes the index, too; ``writes_a_day``
    """

    candidate: Candidate
    proved: bool
    size_bytes: int | None
    table_rows: float
    writes: int
    writes_a_day: float
    statements: list[dict[str, Any]] = field(default_factory=list)
    note: str = ""

    @property
    def saved_ms(self) -> float:
        return sum(
            one["total_ms"] * (1 - one["cost_after"] / one["cost_before"])
            for one in self.statements
            if one["cost_after"] is not None
        )


_SERVER = """
SELECT (SELECT n.nspname::text FROM pg_extension e
          JOIN pg_namespace n ON n.oid = e.extnamespace
         WHERE e.extname = 'hypopg') AS hypopg,
       EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') AS trigrams,
       (SELECT datcollate IN ('C', 'POSIX') FROM pg_database
         WHERE datname = current_database()) AS plain_order,
       (SELECT extract(epoch FROM now()
                       - coalesce(stats_reset, pg_postmaster_start_time()))::float8
          FROM pg_stat_database WHERE datname = current_database()) AS seconds
"""


def ask(
    asker: Asker,
    min_ms: float = MIN_MS,
    limit: int = STATEMENTS,
    budget: float = BUDGET_SECONDS,
) -> list[Advice]:
    """Indexes that would help the slow statements, the most useful first.

    :param min_ms: mean time of a statement that is looked at
    :param limit: statements looked at, those with the largest total time
    :param budget: seconds after which what was found by then is given; a statement
        has ``asking.LIMIT_MS`` of them at most
    :raises statements.Unavailable: without pg_stat_statements
    """
    with asker.keep() if isinstance(asker, DsnAsker) else nullcontext():
        rows = [row for row in statements.read(asker) if row["mean_ms"] >= min_ms]
        end = time.monotonic() + budget
        with asker.limited() as cursor:
            adviser = Adviser(cursor)
        for row in rows[:limit]:
            if time.monotonic() > end:
                break
            # One that cannot be planned in time costs the others nothing.
            with suppress(*TOO_SLOW), asker.limited() as cursor:
                adviser.look_at(row, cursor, end)
    return adviser.result()


class Adviser:
    """Collects advice from statements.

    :param cursor: of psycopg2, in a transaction that is rolled back later
    """

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self._server = self._rows(_SERVER)[0]
        self._tables: dict[tuple[str, str], Table | None] = {}
        self._found: dict[Candidate, Advice] = {}
        self._end = float("inf")
        self.problems: list[str] = []

    def look_at(self, row: Row, cursor: Any = None, end: float = float("inf")) -> None:
        """Find what would help a statement of pg_stat_statements.

        :param cursor: in place of the one before
        :param end: of the monotonic clock, when to stop trying
        """
        self._cursor = cursor or self._cursor
        self._end = min(end, time.monotonic() + LIMIT_MS / 1000)
        text = row["query"] or ""
        if not row["own"]:
            self.problems.append(f"{fingerprint(text)}: {plans.NOT_OWN}")
            return
        try:
            generic = plans.explain(self._cursor, text)
            scans = [scan for scan in plans.scans(generic) if self._worth(scan)]
            for scan in scans:
                scan.quals = [self._usable(scan, one) for one in scan.quals]
            if not scans:
                return
            if self._server["hypopg"]:
                self._prove_any(row, text, scans)
            else:
                self._propose(row, text, scans)
        except NoPlan as error:
            self.problems.append(f"{fingerprint(text)}: {error}")

    def _prove_any(self, row: Row, text: str, scans: list[Scan]) -> None:
        """Prove for the patterns that Odoo sends; what helps others is told, too."""
        found = list(self._candidates(scans))
        likes = any(one.kind == LIKE for scan in scans for one in scan.quals)
        for contains in (True, False) if likes else (False,):
            values = self._values(scans, contains)
            # Conditions without parameters are printed alike; what the custom plan
            # reads may be less.
            before = plans.cost(plans.explain(self._cursor, text, values))
            if before < MIN_COST:
                break
            note = PREFIX_ONLY if likes and not contains else ""
            if self._prove(row, text, values, before, found, note):
                break
        if likes and (cost := self._cost(text, scans)) >= MIN_COST:
            self._trigrams(row, scans, cost)

    def _propose(self, row: Row, text: str, scans: list[Scan]) -> None:
        """Tell the first candidate, where all of a table is read."""
        before = self._cost(text, scans)
        if before < MIN_COST:
            return
        read = [scan for scan in scans if "Seq Scan" in scan.node]
        for candidate in self._candidates(read):
            table = self._table(candidate.schema, candidate.table)
            assert table is not None
            if any(serves(index, candidate, True) for index in table.indexes):
                break  # the planner has it, and prefers to read all
            patterns = any(
                one.endswith("text_pattern_ops") for one in candidate.columns
            )
            note = PREFIX_ONLY if patterns else ""
            self._keep(candidate, row, before, None, None, note)
            break
        self._trigrams(row, scans, before)

    def _cost(self, text: str, scans: list[Scan]) -> float:
        values = self._values(scans, True)
        return plans.cost(plans.explain(self._cursor, text, values))

    def _usable(self, scan: Scan, one: Qual) -> Qual:
        """The condition; one of no column when a cast makes another type of it, which
        no index on the column serves."""
        table = self._table(scan.schema, scan.table)
        column = table.columns.get(one.column or "") if table else None
        if column is None or not one.cast or one.cast == column.type:
            return one
        if {one.cast, column.type} <= _TEXTS:
            return one
        return Qual(None, OTHER, "", (), False, one.text)

    def result(self) -> list[Advice]:
        """All advice; an index that is the beginning of another one is left to it."""
        found = list(self._found.values())
        for short in list(found):
            for other in found:
                if other.proved < short.proved or short is other:
                    continue
                if covers(other.candidate, short.candidate):
                    other.statements += short.statements
                    found.remove(short)
                    break
        return sorted(found, key=lambda one: (not one.proved, -one.saved_ms))

    # -- proof -----------------------------------------------------------------------

    def _prove(
        self,
        row: Row,
        text: str,
        values: dict[int, str],
        before: float,
        candidates: list[Candidate],
        note: str,
    ) -> bool:
        """Keep the best candidates: at most one a table.

        :param note: why this is no proof for what Odoo sends; empty: it is one
        :returns: whether there was one
        """
        kept = False
        schema = self._server["hypopg"]
        remaining, current = candidates, before
        self._cursor.execute("SAVEPOINT smart_dairy_advice")
        try:
            for _round in range(_ROUNDS):
                tried = []
                for candidate in remaining:
                    if time.monotonic() > self._end:
                        break
                    made = self._create(schema, candidate)
                    if made is None:
                        continue
                    oid, size = made
                    after = plans.cost(plans.explain(self._cursor, text, values))
                    tried.append((after, size, candidate))
                    self._cursor.execute(
                        f'SELECT "{schema}".hypopg_drop_index(%s)', (oid,)
                    )
                good = [one for one in tried if one[0] <= MAX_COST_LEFT * current]
                if not good:
                    break
                best = min(after for after, _size, _candidate in good)
                # A cost of a page decides nothing.
                near = [one for one in good if one[0] <= max(best * SIMILAR, best + 1)]
                after, size, chosen = min(near, key=lambda one: one[1])
                self._keep(chosen, row, current, None if note else after, size, note)
                kept = True
                if after < MIN_COST:
                    break
                self._create(schema, chosen)
                current = after
                remaining = [c for c in remaining if c.table != chosen.table]
        finally:
            self._cursor.execute(f'SELECT "{schema}".hypopg_reset()')
        return kept

    def _create(self, schema: str, candidate: Candidate) -> tuple[int, int] | None:
        """Make it hypothetically: its number and size; None when that is refused."""
        self._cursor.execute("SAVEPOINT smart_dairy_hypopg")
        try:
            self._cursor.execute(
                f'SELECT indexrelid::int8, "{schema}".hypopg_relation_size(indexrelid)'
                f' FROM "{schema}".hypopg_create_index(%s)',
                (candidate.sql(concurrently=False),),
            )
            oid, size = self._cursor.fetchone()
        except psycopg2.Error as error:
            self._cursor.execute("ROLLBACK TO SAVEPOINT smart_dairy_hypopg")
            self.problems.append(f"hypopg: {error.diag.message_primary}")
            return None
        return oid, size

    def _keep(
        self,
        candidate: Candidate,
        row: Row,
        before: float,
        after: float | None,
        size: int | None,
        note: str = "",
    ) -> None:
        advice = self._found.get(candidate)
        if advice is None:
            table = self._table(candidate.schema, candidate.table)
            assert table is not None
            days = max(self._server["seconds"] / 86400, 1 / 24)
            advice = self._found[candidate] = Advice(
                candidate,
                after is not None,
                size,
                table.rows,
                table.writes,
                table.writes / days,
                note=note,
            )
        elif after is not None:
            advice.proved, advice.note = True, ""
        text = row["query"] or ""
        advice.statements.append(
            {
                "queryid": row["queryid"],
                "fingerprint": fingerprint(text),
                "query": without_literals(text),
                "calls": row["calls"],
                "mean_ms": row["mean_ms"],
                "total_ms": row["total_ms"],
                "cost_before": before,
                "cost_after": after,
            }
        )

    # -- candidates ------------------------------------------------------------------

    def _worth(self, scan: Scan) -> bool:
        table = self._table(scan.schema, scan.table)
        return (
            table is not None
            and table.rows >= MIN_ROWS
            and not scan.schema.startswith(("pg_", "information_schema"))
        )

    def _candidates(self, scans: list[Scan]) -> Iterator[Candidate]:
        known = [(scan, self._known(scan)) for scan in scans]
        return candidates(known, self._server["plain_order"])

    def _trigrams(self, row: Row, scans: list[Scan], before: float) -> None:
        """ILIKE and LIKE with a beginning wildcard need trigrams, which hypopg does not
        know: told, not proved."""
        for scan in scans:
            if "Seq Scan" not in scan.node:
                continue
            table = self._known(scan)
            for one in scan.quals:
                column = table.columns.get(one.column or "")
                if one.kind != LIKE or column is None or one.operator != "~~*":
                    continue
                wanted = f"{column.quoted} gin_trgm_ops"
                name = one.column or ""
                if any(
                    known.endswith("gin_trgm_ops") and mentions(known, name)
                    for index in table.indexes
                    for known in index.columns
                ):
                    continue
                candidate = Candidate(
                    scan.schema, scan.table, (wanted,), (name,), "", "gin"
                )
                self._keep(candidate, row, before, None, None)
                advice = self._found[candidate]
                advice.note = "hypopg knows no GIN index, so this is not proved."
                if not self._server["trigrams"]:
                    advice.note += " Needs CREATE EXTENSION pg_trgm."

    # -- what is known of tables -----------------------------------------------------

    def _values(self, scans: list[Scan], contains: bool) -> dict[int, str]:
        values: dict[int, str] = {}
        for scan in scans:
            values |= table_facts.samples(scan, self._known(scan), contains)
        return values

    def _known(self, scan: Scan) -> Table:
        """The table of a scan that is worth looking at."""
        table = self._table(scan.schema, scan.table)
        assert table is not None
        return table

    def _table(self, schema: str, name: str) -> Table | None:
        key = (schema, name)
        if key not in self._tables:
            self._tables[key] = table_facts.read(self._rows, schema, name)
        return self._tables[key]

    def _rows(self, query: str, parameters: Any = None) -> list[Row]:
        self._cursor.execute(MARK + query, parameters)
        return fetch(self._cursor)
