"""What the tests of the recorder share: addons and an ORM that are made of text.

``shop()`` compiles code as if it were a file of an addon, ``ORM`` is code as if it were
Odoo's: frames are told apart by their module, as in Odoo.
"""

from __future__ import annotations

import textwrap
from types import SimpleNamespace
from typing import Any

from smart_dairy_profiling.core.sql_recorder import Queries


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Cursor:
    """A cursor of Odoo's, as far as hooks see it.

    :param seconds: that each query takes
    """

    def __init__(self, queries: Queries, clock: Clock, seconds: float = 0.001) -> None:
        self.queries = queries
        self.clock = clock
        self.seconds = seconds
        self._obj = SimpleNamespace(rowcount=1)

    def execute(
        self, query: Any, params: Any = None, rows: int = 1, seconds: float = 0.0
    ) -> None:
        start = self.clock.now
        delay = seconds or self.seconds
        self.clock.now += delay
        self._obj.rowcount = rows
        self.queries.query(self, query, params, start, delay)


ORM = """
class Field:
    def __init__(self, model_name, name):
        self.model_name = model_name
        self.name = name

    def __get__(self, record, owner=None):
        return record.env.cr.execute(
            f'SELECT id, {self.name} FROM "{record._table}" WHERE id IN %s',
            (tuple(record.prefetched),),
            len(record.prefetched),
        )

    def compute_value(self, records):
        records._compute()


class Model:
    def __init__(self, env, name, prefetched=(1,)):
        self.env = env
        self._name = name
        self._table = name.replace(".", "_")
        self.prefetched = prefetched

    def read(self, field):
        return Field.__get__(Field(self._name, field), self)

    def search(self, value, rows=1, text="partner_id = %s"):
        query = f'SELECT id FROM "{self._table}" WHERE {text} LIMIT 80'
        self.env.cr.execute(query, (value,), rows)

    def search_count(self, value):
        self.env.cr.execute(f"SELECT count(*) FROM {self._table} WHERE a=%s", (value,))

    def create(self, rows=1):
        self.env.cr.execute(
            f'INSERT INTO "{self._table}" (a, b) VALUES %s', ((1, 2),) * rows, rows
        )
"""


def compiled(text: str, module: str, **names: Any) -> dict[str, Any]:
    """The globals of a module made of text."""
    scope: dict[str, Any] = {"__name__": module, **names}
    file = f"/srv/{module.replace('.', '/')}.py"
    exec(compile(textwrap.dedent(text), file, "exec"), scope)
    return scope


def shop(text: str, **names: Any) -> dict[str, Any]:
    """The globals of ``shop/models/shop.py``, an addon's file."""
    return compiled(text, "odoo.addons.shop.models.shop", **names)


class World:
    """A recorder, a cursor and an ORM.

    :ivar commits: as a unit's
    """

    def __init__(self, seconds: float = 0.001, turn: int = 0, **context: Any) -> None:
        self.clock = Clock()
        self.commits: list[float] = []
        self.errors: list[str] = []
        self.queries = Queries(
            self.commits, self.clock, 0.1, turn, failed=self.errors.append
        )
        self.cr = Cursor(self.queries, self.clock, seconds)
        self.env = SimpleNamespace(cr=self.cr, context=context)
        self.orm = compiled(ORM, "odoo.orm.models")

    def model(self, name: str, prefetched: tuple[int, ...] = (1,)) -> Any:
        return self.orm["Model"](self.env, name, prefetched)
