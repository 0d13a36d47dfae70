"""What the role may see, and what stays hidden from it."""

from typing import Any

from .asking import Asker
from .finding import NOTICE, OK, Finding

_SQL = """
SELECT current_user::text AS role, rolsuper AS superuser,
       pg_has_role(current_user, 'pg_monitor', 'USAGE') AS monitor,
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS statistics,
       pg_has_role(current_user, 'pg_signal_backend', 'USAGE') AS signal,
       ARRAY(SELECT extname::text FROM pg_extension) AS extensions,
       ARRAY(SELECT name::text FROM pg_available_extensions
              WHERE installed_version IS NULL
                AND name IN ('pg_stat_statements', 'hypopg', 'pgstattuple', 'pg_trgm'))
           AS available
  FROM pg_roles WHERE rolname = current_user
"""


def ask(asker: Asker) -> dict[str, Any]:
    """The role's rights, and the extensions of this database."""
    return asker(_SQL, name="privileges")[0]


def findings(answer: dict[str, Any]) -> list[Finding]:
    role = answer["role"]
    found = []
    if not (answer["superuser"] or answer["statistics"]):
        found.append(
            Finding(
                "privileges",
                NOTICE,
                role,
                "other roles' statements, transactions and replication stay hidden",
                "Make the role a member of pg_monitor (it reads statistics, no data).",
                f'GRANT pg_monitor TO "{role}";',
            )
        )
    for name, use in (
        ("pg_stat_statements", "slow statements and their trend are not known"),
        ("hypopg", "index advice cannot be proved before an index is built"),
    ):
        if name not in answer["extensions"]:
            todo = "As superuser, in this database:"
            if name not in answer["available"]:
                todo = "Install it on the database server, then as superuser:"
            create = f"CREATE EXTENSION {name};"
            found.append(Finding("privileges", NOTICE, name, use, todo, create))
    return found or [Finding("privileges", OK, role, "nothing is hidden from the role")]
