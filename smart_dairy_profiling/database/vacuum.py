"""Dead rows, how far autovacuum is behind, and tables that nobody ever analysed."""

from typing import Any

from .asking import Asker, quoted, relation
from .finding import NOTICE, WARNING, Finding

# https://www.postgresql.org/docs/current/routine-vacuuming.html#AUTOVACUUM
_SQL = """
SELECT s.schemaname, s.relname, s.n_live_tup AS live, s.n_dead_tup AS dead,
       s.n_mod_since_analyze AS modified, c.reltuples::float8 AS planner_rows,
       coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions)
                  WHERE option_name = 'autovacuum_vacuum_threshold'),
                current_setting('autovacuum_vacuum_threshold'))::float8
       + coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions)
                    WHERE option_name = 'autovacuum_vacuum_scale_factor'),
                  current_setting('autovacuum_vacuum_scale_factor'))::float8
         * greatest(c.reltuples, 0) AS threshold,
       coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions)
                  WHERE option_name = 'autovacuum_enabled'), 'on') AS enabled,
       extract(epoch FROM now() - greatest(s.last_vacuum, s.last_autovacuum))::float8
           AS vacuum_age,
       greatest(s.last_analyze, s.last_autoanalyze) IS NULL AS never_analysed
  FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
 WHERE s.n_dead_tup > 1000 OR s.n_live_tup > 1000
 ORDER BY s.n_dead_tup DESC LIMIT 200
"""


def ask(asker: Asker) -> list[dict[str, Any]]:
    """Tables with rows worth a look: ``dead`` beside the ``threshold`` at which
    autovacuum starts; ``vacuum_age`` in seconds, None for never."""
    rows = asker(_SQL, name="vacuum")
    for row in rows:
        names = row.pop("schemaname"), row.pop("relname")
        row["table_name"], row["quoted_name"] = relation(*names), quoted(*names)
        row["disabled"] = row["enabled"] in ("off", "false", "no", "0")
    return rows


def findings(
    answer: list[dict[str, Any]], lag: float = 2.0, share: float = 0.1
) -> list[Finding]:
    """
    :param lag: times the threshold at which autovacuum is late
    :param share: of dead rows that is worth a word
    """
    found = []
    for row in answer:
        name, dead, live = row["table_name"], row["dead"], row["live"]
        vacuum = f"VACUUM (ANALYZE) {row['quoted_name']};"
        if dead > 1000 and dead > lag * row["threshold"]:
            todo = (
                "autovacuum is switched off for this table: switch it on."
                if row["disabled"]
                else "Autovacuum is late: an old transaction may hold it back, or it "
                "needs more workers or a higher autovacuum_vacuum_cost_limit."
            )
            what = f"{dead} dead rows beside {live} living ones"
            found.append(Finding("vacuum", WARNING, name, what, todo, vacuum))
        elif dead > 1000 and dead > share * (live + dead):
            what = f"{dead} dead rows beside {live} living ones"
            todo = "Autovacuum will come; a lower scale factor makes it come earlier."
            found.append(Finding("vacuum", NOTICE, name, what, todo, vacuum))
        if row["never_analysed"] and (live > 1000 or row["modified"] > 1000):
            what = f"never analysed, {live} rows: the planner guesses"
            found.append(
                Finding(
                    "vacuum", WARNING, name, what, "Analyse it.", f"ANALYZE {name};"
                )
            )
    return found
