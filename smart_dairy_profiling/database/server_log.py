"""Slow statements from PostgreSQL's log: of ``log_min_duration_statement``, and of
auto_explain with their plans.

Read where the log is readable: as a file on this machine, or through PostgreSQL with
the rights of pg_monitor and pg_read_server_files. Literals, which the log has, are
removed at once; of bind parameters nothing is kept.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.fingerprint import fingerprint, without_literals
from . import plans
from .asking import Asker

SLOW_MS = 100.0
TAIL = 4 * 1024 * 1024  # bytes from the end that are read
MAX_ENTRIES = 500
_LEVELS = (
    r"(?P<level>LOG|DETAIL|CONTEXT|STATEMENT|ERROR|FATAL|WARNING|HINT|NOTICE|PANIC|QUERY"
    r"|INFO):  "
)
_DURATION = re.compile(
    r"duration: (?P<ms>\d+\.\d+) ms  (?P<kind>plan|statement|execute[^:]*|parse[^:]*"
    r"|bind[^:]*):(?P<rest>.*)\Z",
    re.DOTALL,
)
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: \w+)?")
_TEXT_PLAN = re.compile(r"\s*Query Text: (?P<query>.*?)(?:\n(?=\S.*\(cost=)|\Z)", re.S)


@dataclass(frozen=True)
class Entry:
    """A slow statement of the log.

    :ivar time: as the log has it; empty when its prefix has none
    :ivar query: without literals
    :ivar plan: the tree of auto_explain's JSON, readable, without literals
    """

    time: str
    ms: float
    query: str
    fingerprint: str
    plan: tuple[plans.Line, ...] = ()

    def plan_text(self) -> str:
        """The plan as text, the costly node marked."""
        return plans.text(self.plan)


def where(asker: Asker) -> dict[str, Any]:
    """The file that PostgreSQL writes to, and why it cannot be read, if so.

    :returns: ``path`` and ``problem``, one of them empty
    """
    if not asker("SELECT current_setting('logging_collector') AS on")[0]["on"] == "on":
        return {
            "path": "",
            "problem": "PostgreSQL hands its log to whoever started it "
            "(logging_collector is off): name the file in the settings.",
        }
    try:
        rows = asker(
            "SELECT current_setting('data_directory') AS data,"
            " pg_current_logfile() AS log"
        )
    except Exception as error:
        if not hasattr(error, "diag"):
            raise
        return {"path": "", "problem": "only members of pg_monitor may know the log."}
    path = Path(rows[0]["data"], rows[0]["log"] or "")
    return {"path": str(path), "problem": "" if rows[0]["log"] else "there is no log."}


class Unreadable(Exception):
    """A log from which nothing can be said of this database; its text says why."""


def read(
    path: Path,
    prefix: str,
    database: str,
    slow_ms: float = SLOW_MS,
    tail: int = TAIL,
) -> list[Entry]:
    """One database's slow statements in the last part of a log file, the latest last.

    :param prefix: the server's log_line_prefix, which tells databases apart
    :raises OSError: when it cannot be read
    :raises Unreadable: when the prefix has no database, or no record begins with it
    """
    pattern = start(prefix)
    if pattern is None:
        raise Unreadable(
            "log_line_prefix has no %d: it cannot be told which database a statement "
            "is of."
        )
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - tail))
        text = file.read().decode("utf-8", "replace")
    if size > tail:
        text = text.partition("\n")[2]  # the first line is torn
    lines = text.splitlines()
    if lines and not any(map(start(prefix, optional=True).match, lines)):
        raise Unreadable(
            "no line of the log begins as log_line_prefix says (a log in CSV or JSON "
            "is not read)."
        )
    found = [one for one in entries(lines, pattern, database) if one.ms >= slow_ms]
    return found[-MAX_ENTRIES:]


def start(prefix: str, optional: bool = False) -> Any:
    """How a record begins: a compiled expression with the groups prefix, database,
    level and text; None when the prefix has no database.

    https://www.postgresql.org/docs/current/runtime-config-logging.html

    >>> start("%m [%p] %q%u@%d ").match("x UTC [5] odoo@sales LOG:  text")["database"]
    'sales'
    >>> start("%m [%p] ") is None
    True

    :param optional: what stands behind ``%q`` may be missing, and the database
    """
    expression, seen = "", False
    session = False
    for part in re.split(r"(%-?\d*[a-zA-Z%])", prefix):
        if not part.startswith("%"):
            expression += re.escape(part)
        elif part == "%q":
            if optional:
                expression += "(?:"
                session = True
        elif part == "%%":
            expression += "%"
        elif part[-1] == "d" and not seen:
            seen = True
            expression += r" *(?P<database>\S*?) *"
        else:
            expression += ".*?"
    if not seen and not optional:
        return None
    if session:
        expression += ")?"
    return re.compile(rf"(?P<prefix>{expression}){_LEVELS}(?P<text>.*)\Z", re.DOTALL)


def entries(lines: Iterable[str], pattern: Any, database: str) -> Iterator[Entry]:
    """A database's slow statements among the lines of a log.

    >>> [one] = entries(["2026-01-02 03:04:05.678 UTC [1] a@b LOG:  duration: 150.5 ms"
    ...     "  statement: SELECT 'secret'", "\\tFROM b WHERE c = 5"],
    ...     start("%m [%p] %u@%d "), "b")
    >>> one.time, one.ms, one.query
    ('2026-01-02 03:04:05.678 UTC', 150.5, 'SELECT ? FROM b WHERE c = ?')
    """
    for record in _records(lines):
        begin = pattern.match(record)
        if begin is None or begin["level"] != "LOG" or begin["database"] != database:
            continue
        found = _DURATION.match(begin["text"])
        if found is None:
            continue
        time = _TIME.search(begin["prefix"])
        entry = _entry(time[0] if time else "", float(found["ms"]), found)
        if entry is not None:
            yield entry


def _records(lines: Iterable[str]) -> Iterator[str]:
    """Whole messages: further lines of one begin with a tab."""
    record: list[str] = []
    for line in lines:
        if line.startswith("\t"):
            record.append(line[1:])
        else:
            if record:
                yield "\n".join(record)
            record = [line]
    if record:
        yield "\n".join(record)


def _entry(time: str, ms: float, found: "re.Match[str]") -> Entry | None:
    rest = found["rest"]
    if found["kind"] != "plan":
        return Entry(time, ms, without_literals(rest), fingerprint(rest))
    try:
        document = json.loads(rest)
        query = document["Query Text"]
        plan = tuple(plans.readable(document["Plan"]))
    except (ValueError, KeyError, TypeError):
        # auto_explain.log_format = text: the statement, and a plan that we do not read.
        text = _TEXT_PLAN.match(rest.lstrip("\n"))
        if text is None:
            return None
        query, plan = text["query"], ()
    return Entry(time, ms, without_literals(query), fingerprint(query), plan)
