"""The database's state, asked question by question: the specification's
``DatabaseMonitor``.

    monitor = DatabaseMonitor("host=... dbname=...")
    monitor.get_slow_queries(min_duration_ms=100)
    monitor.generate_health_report()

Each question has its own time limit; one that cannot be answered is reported as
``unknown`` with its reason, and costs the others nothing.
"""

import contextlib
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import psycopg2

from . import (
    bloat,
    cache,
    checkpoints,
    connections,
    foreign_keys,
    index_health,
    indexes,
    locks,
    missing_indexes,
    pooler,
    privileges,
    replication,
    sequences,
    settings,
    slow_queries,
    spills,
    tables,
    transactions,
    vacuum,
    wraparound,
)
from .asking import REFUSED, TOO_SLOW, Asker, DsnAsker
from .finding import UNKNOWN, WARNING, Finding, worst
from .statements import Unavailable

# In the order of urgency of what they find.
QUESTIONS: tuple[ModuleType, ...] = (
    locks,
    transactions,
    connections,
    wraparound,
    replication,
    sequences,
    slow_queries,
    missing_indexes,
    index_health,
    foreign_keys,
    vacuum,
    bloat,
    cache,
    spills,
    checkpoints,
    settings,
    pooler,
    privileges,
)
# Answered from catalogues, which a replica has as well. Statistics are each server's
# own: what a replica counted says nothing about the primary.
ON_REPLICA = (bloat, foreign_keys, sequences)


def name_of(question: ModuleType) -> str:
    """The name of a question: that of its file."""
    return question.__name__.rpartition(".")[2]


class DatabaseMonitor:
    """Asks PostgreSQL about one database.

    :param source: libpq's connection string, or an :class:`Asker` (such as one on
        Odoo's cursor)
    :param replica: for what a replica may answer; None: there is none
    :param observe: told (question, seconds) of each question asked
    :param machine: memory and Odoo's connections, which PostgreSQL does not know
    """

    def __init__(
        self,
        source: str | Asker,
        replica: str | Asker | None = None,
        observe: Callable[[str, float], None] | None = None,
        machine: settings.Machine = settings.UNKNOWN_MACHINE,
    ) -> None:
        self._asker = self._made(source, observe)
        self._replica = self._made(replica, observe) if replica else None
        self._machine = machine

    @staticmethod
    def _made(
        source: str | Asker, observe: Callable[[str, float], None] | None
    ) -> Asker:
        return source if isinstance(source, Asker) else DsnAsker(source, observe)

    # -- the specification's questions ---------------------------------------------

    def get_connection_stats(self) -> dict[str, int]:
        """Sessions of this database by state."""
        states: dict[str, int] = connections.ask(self._asker)["states"]
        return states

    def get_slow_queries(
        self, min_duration_ms: float = slow_queries.SLOW_MS
    ) -> list[dict[str, Any]]:
        """Statements that take that long on average, by total time.

        :raises Unavailable: without pg_stat_statements
        """
        return slow_queries.ask(self._asker, min_duration_ms)

    def get_table_stats(self) -> list[dict[str, Any]]:
        """The fifty largest tables."""
        return tables.ask(self._asker)

    def get_index_stats(self) -> list[dict[str, Any]]:
        """The fifty largest indexes."""
        return indexes.ask(self._asker)

    def get_missing_index_recommendations(self) -> list[dict[str, Any]]:
        """Tables that are read from end to end."""
        return missing_indexes.ask(self._asker)

    def get_lock_info(self) -> list[dict[str, Any]]:
        """Sessions that wait for locks, and those that make them wait."""
        return locks.ask(self._asker)

    def generate_health_report(self) -> dict[str, Any]:
        """All of it, ready for JSON, with verdicts.

        :returns: the specification's keys; ``answers`` by question, ``findings``, and
            the worst ``verdict``
        """
        with self._kept():
            report: dict[str, Any] = {"timestamp": time.time()}
            unknown: list[Finding] = []
            for key, call in (
                ("connections", self.get_connection_stats),
                ("table_stats", self.get_table_stats),
                ("index_stats", self.get_index_stats),
                ("slow_queries", self.get_slow_queries),
                ("missing_indexes", self.get_missing_index_recommendations),
                ("locks", self.get_lock_info),
            ):
                report[key], problem = guarded(key, call)
                unknown += problem
            answers, found = self.examine()
        if answers["index_health"]:
            # Thousands, of which the fifty largest are in the report.
            del answers["index_health"]["rows"]
        report["answers"] = answers
        report["findings"] = [finding.as_dict() for finding in found]
        report["verdict"] = worst([*found, *unknown])
        return report

    # -- everything ----------------------------------------------------------------

    def examine(self) -> tuple[dict[str, Any], list[Finding]]:
        """Ask every question.

        :returns: answers by question (None where there is none), and the findings
        """
        answers: dict[str, Any] = {}
        found: list[Finding] = []
        with self._kept():
            replica = self._reached(found)
            for question in QUESTIONS:
                name = name_of(question)
                asker = self._asker
                if question in ON_REPLICA and replica is not None:
                    asker = replica
                answers[name], problem = guarded(name, question.ask, asker)
                if answers[name] is None:
                    found += problem
                elif question is settings:
                    found += settings.findings(answers[name], self._machine)
                else:
                    found += question.findings(answers[name])
        return answers, found

    @contextlib.contextmanager
    def _kept(self) -> Any:
        with contextlib.ExitStack() as stack:
            if isinstance(self._asker, DsnAsker):
                stack.enter_context(self._asker.keep())
            if isinstance(self._replica, DsnAsker):
                # Without it the primary is asked: see _reached().
                with contextlib.suppress(psycopg2.OperationalError):
                    stack.enter_context(self._replica.keep())
            yield

    def _reached(self, found: list[Finding]) -> Asker | None:
        """The replica if it answers; a finding when it does not."""
        if self._replica is None:
            return None
        try:
            self._replica("SELECT 1")
        except psycopg2.Error:
            what = "the replica cannot be reached: the primary is asked instead"
            todo = "See whether it runs, and db_replica_host of Odoo's configuration."
            found.append(Finding("replication", WARNING, "", what, todo))
            return None
        return self._replica


def guarded(
    name: str, call: Callable[..., Any], *arguments: Any
) -> tuple[Any, list[Finding]]:
    """The answer, or None and why there is none.

    :raises psycopg2.OperationalError: when the connection is lost
    """
    try:
        return call(*arguments), []
    except Unavailable as error:
        return None, [Finding(name, UNKNOWN, "", error.problem, error.todo)]
    except REFUSED as error:
        why = (error.diag.message_primary or "refused").strip()
        todo = "Membership in pg_monitor lets Odoo's role see it."
        return None, [Finding(name, UNKNOWN, "", f"not to be seen: {why}", todo)]
    except TOO_SLOW:
        what = "took longer than its time limit and was given up"
        return None, [Finding(name, UNKNOWN, "", what)]
    except (psycopg2.DataError, psycopg2.InternalError) as error:
        why = (error.diag.message_primary or "").strip()
        return None, [Finding(name, UNKNOWN, "", f"cannot be computed: {why}")]
    except psycopg2.OperationalError as error:
        if error.pgcode is None:  # no answer of the server
            raise
        why = (error.diag.message_primary or "").strip()
        return None, [Finding(name, UNKNOWN, "", f"could not be asked: {why}")]
