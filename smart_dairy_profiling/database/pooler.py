"""Whether a connection pooler such as PgBouncer stands between us and PostgreSQL."""

from typing import Any

from .asking import Asker
from .finding import NOTICE, OK, Finding


def ask(asker: Asker) -> dict[str, Any]:
    """``pooled``: the session that libpq knows is not the one that answers.

    PgBouncer gives each client a key of its own for cancelling, in which the number of
    the process is not a backend's.
    """
    with asker.limited() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        answering = cursor.fetchone()[0]
        connection = getattr(cursor, "connection", None)
        told = connection.info.backend_pid if connection is not None else answering
    return {"pooled": told != answering}


def findings(answer: dict[str, Any]) -> list[Finding]:
    if not answer["pooled"]:
        return [Finding("pooler", OK, "", "Connections go straight to PostgreSQL")]
    what = "a connection pooler stands between Odoo and PostgreSQL"
    todo = (
        "Odoo's bus needs LISTEN/NOTIFY: connect longpolling directly, or pool by "
        "session. Sessions' process ids shown here are the pooler's."
    )
    return [Finding("pooler", NOTICE, "", what, todo)]
