"""Many rows at once by COPY, complete as the ORM would have written them.

A *prototype* is a row that the ORM itself made, default and computed columns included.
New rows are copies of one, in which only the given columns differ. So a column that
some other module added is right too, without this code knowing of it.
"""

import io
import json
from datetime import date, datetime

from odoo.tools import SQL

_STAGE = "dairy_stage"
_PROTOTYPES = "dairy_prototype"
_KEY = "prototype"
_ROWS = 5_000  # a COPY
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def row_of(record):
    """The stored row of a record, as text that keeps every column exactly."""
    record.env.flush_all()
    query = SQL(
        "SELECT to_jsonb(record)::text FROM %s record WHERE id = %s",
        SQL.identifier(record._table),
        record.id,
    )
    [(row,)] = record.env.execute_query(query)
    return row


def new_ids(cr, table, number):
    """``number`` ids that nothing else gets."""
    cr.execute(
        "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
        [table, number],
    )
    return [new for (new,) in cr.fetchall()]


def insert(cr, table, columns, rows, prototypes=None, advance=lambda number: None):
    """Insert rows, each a sequence of values in the order of ``columns``.

    :param prototypes: key -> row as from :func:`row_of`; then each row begins with the
        key of its prototype, before the columns
    :param advance: told how many rows were copied
    """
    prototypes = prototypes or {}
    given = [SQL.identifier(column) for column in columns]
    cr.execute(
        SQL(
            "CREATE TEMP TABLE %s ON COMMIT DROP AS SELECT %s %s FROM %s WHERE FALSE",
            SQL.identifier(_STAGE),
            SQL("NULL::text AS %s,", SQL.identifier(_KEY)) if prototypes else SQL(),
            SQL(", ").join(given),
            SQL.identifier(table),
        )
    )
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS]
        text = "".join("\t".join(map(_encode, row)) + "\n" for row in part)
        cr.copy_expert(f"COPY {_STAGE} FROM STDIN", io.StringIO(text))
        advance(len(part))
    if prototypes:
        _insert_copies(cr, table, columns, prototypes)
    else:
        cr.execute(
            SQL(
                "INSERT INTO %s (%s) SELECT * FROM %s",
                SQL.identifier(table),
                SQL(", ").join(given),
                SQL.identifier(_STAGE),
            )
        )
    cr.execute(SQL("DROP TABLE %s", SQL.identifier(_STAGE)))
    cr.execute(SQL("ANALYZE %s", SQL.identifier(table)))


def _insert_copies(cr, table, columns, prototypes):
    name = SQL.identifier(table)
    stored = list(json.loads(next(iter(prototypes.values()))))
    for number, (key, row) in enumerate(prototypes.items()):
        cr.execute(
            SQL(
                "%s SELECT %s::text AS %s,"
                " (jsonb_populate_record(NULL::%s, %s::jsonb)).*",
                SQL(
                    "INSERT INTO %s"
                    if number
                    else "CREATE TEMP TABLE %s ON COMMIT DROP AS",
                    SQL.identifier(_PROTOTYPES),
                ),
                key,
                SQL.identifier(_KEY),
                name,
                row,
            )
        )
    sources = [
        SQL.identifier("s" if column in columns else "p", column) for column in stored
    ]
    cr.execute(
        SQL(
            "INSERT INTO %s (%s) SELECT %s FROM %s s JOIN %s p USING (%s)",
            name,
            SQL(", ").join(map(SQL.identifier, stored)),
            SQL(", ").join(sources),
            SQL.identifier(_STAGE),
            SQL.identifier(_PROTOTYPES),
            SQL.identifier(_KEY),
        )
    )
    cr.execute(SQL("DROP TABLE %s", SQL.identifier(_PROTOTYPES)))


def _encode(value):
    """A value in PostgreSQL's text format."""
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | int | float):
        return str(value)
    return value.translate(_ESCAPES)
