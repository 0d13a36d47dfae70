"""Plans of statements that were slow, asked for afterwards and without their literals.

Nothing is run: EXPLAIN without ANALYZE, in a transaction that is read only, limited in
time and rolled back (``database.asking``). Of the literals nothing is left, so the plan
is the generic one: the statement is prepared, PostgreSQL finds the parameters' types,
and ``plan_cache_mode = force_generic_plan`` plans without values (PostgreSQL 13 and
newer; EXPLAIN's own GENERIC_PLAN is there from 16 on only).
"""

import re
from typing import NamedTuple

import psycopg2

from ..database import plans
from ..database.asking import Asker

LIMIT_MS = 1000
MISSING_INDEX, WAITING, EXPENSIVE = "missing_index", "waiting", "expensive"
CAUSES = (MISSING_INDEX, WAITING, EXPENSIVE)

_MARK = re.compile(r'"[^"]*(?:""[^"]*)*"|\?')
# In the planner's unit, reading a page in order; a plan of 1,000 takes some
# milliseconds: who waited 100 ms for one did not compute meanwhile.
_CHEAP = 1000.0
_LARGE = 500.0


class Explained(NamedTuple):
    """What a plan says.

    :ivar plan: as text, without literals; or why there is none
    :ivar cause: one of ``CAUSES``; empty: it does not tell
    """

    plan: str
    cause: str = ""


def numbered(statement: str) -> str:
    """A normalised statement with parameters that PREPARE takes.

    >>> numbered('select a from b where c=?and "d?" in(?)')
    'select a from b where c=$1 and "d?" in($2 )'
    """
    count = 0

    def number(match: "re.Match[str]") -> str:
        nonlocal count
        if match[0] != "?":
            return match[0]
        count += 1
        return f"${count} "  # what follows may be a word

    return _MARK.sub(number, statement)


def explain(asker: Asker, statement: str) -> Explained:
    """The plan of a statement of ``fingerprint.normalize``, and what it tells.

    :raises psycopg2.OperationalError: when there is no connection
    """
    try:
        with asker.limited(LIMIT_MS) as cursor:
            plan = plans.explain(cursor, numbered(statement))
    except plans.NoPlan as error:
        return Explained(f"No plan: {error}")
    except psycopg2.OperationalError:
        raise
    except psycopg2.Error as error:
        return Explained(f"No plan: {type(error).__name__}")
    return Explained(plans.text(plans.readable(plan)), cause(plan))


def cause(plan: plans.Node) -> str:
    """Why a statement with this plan took long.

    >>> cause({"Node Type": "Seq Scan", "Filter": "(a = $1)", "Total Cost": 9000.0})
    'missing_index'
    >>> cause({"Node Type": "Index Scan", "Total Cost": 8.3})
    'waiting'
    """
    whole = plans.cost(plan)
    for _depth, node in plans.nodes(plan):
        own = plans.own_cost(node)
        if node["Node Type"].endswith("Seq Scan") and node.get("Filter"):
            if own >= _LARGE and own >= whole / 2:
                return MISSING_INDEX
    return WAITING if whole < _CHEAP else EXPENSIVE
