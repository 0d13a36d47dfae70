import logging
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import psycopg2

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.sql_db import connection_info_for
from odoo.tools import config

from odoo.addons.smart_dairy_performance.core.recorder import failed

from ..database import DatabaseMonitor, DsnAsker, statements
from ..database.finding import UNKNOWN, Finding
from ..database.settings import Machine
from ..hooks.exporter import observe

_logger = logging.getLogger(__name__)

MANAGER = "smart_dairy_performance.smart_dairy_performance_group_manager"
SCRIPTS = Path(__file__).parents[1] / "database" / "sql"
# What the scripts create, in schema public.
OBJECTS = (
    "v_slow_queries",
    "v_query_patterns",
    "analyze_table_performance",
    "identify_missing_indexes",
    "analyze_index_usage",
)
_LOCAL = {"", "localhost", "127.0.0.1", "::1"}


class PerformanceDatabase(models.AbstractModel):
    """Asks PostgreSQL through a connection of its own, and keeps what it said."""

    _name = "performance.database"
    _description = "Database Advisor"

    def init(self):
        # At installation and each upgrade; the script may run again and again.
        self._run_script("setup_query_profiling.sql")

    @api.model
    def _run_script(self, name):
        """Run a script of ``SCRIPTS``; what it cannot do is told in the log.

        Its views and functions are for psql users: Odoo does without them.
        """
        script = (SCRIPTS / name).read_text(encoding="utf-8")
        try:
            with self.env.cr.savepoint(flush=False):
                self.env.cr.execute(script)  # pylint: disable=sql-injection
        except psycopg2.Error as error:
            why = (error.diag.message_primary or type(error).__name__).strip()
            _logger.warning(
                "%s was not run: %s. Views and functions for psql that others own: %s",
                name,
                why,
                self._owned_by_others() or "none",
            )
        notices = self.env.cr.connection.notices
        for notice in notices:
            if notice.startswith("WARNING"):
                _logger.info("%s: %s", name, notice.strip())
        del notices[:]

    @api.model
    def _owned_by_others(self):
        """Objects of the scripts that another role owns, each with its owner."""
        self.env.cr.execute(
            """
            SELECT format('%%s (%%s)', name, pg_get_userbyid(owner))
              FROM (SELECT relname::text AS name, relowner AS owner,
                           relnamespace AS schema FROM pg_class
                    UNION ALL
                    SELECT proname::text, proowner, pronamespace FROM pg_proc) objects
             WHERE name = ANY (%s) AND schema = to_regnamespace('public')
               AND owner <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
             ORDER BY 1
            """,
            (list(OBJECTS),),
        )
        return ", ".join(row[0] for row in self.env.cr.fetchall())

    # -- asking ------------------------------------------------------------------------

    @api.model
    def _asker(self, replica=False):
        """Runs SQL on connections of its own, with time limits."""
        _name, parameters = connection_info_for(self.env.cr.dbname, readonly=replica)
        given = {**parameters, "application_name": "smart_dairy_advisor"}
        return DsnAsker(given, observe)

    @api.model
    def _machine(self):
        """Memory is known when PostgreSQL runs here."""
        local = (config["db_host"] or "") in _LOCAL
        local = local or (config["db_host"] or "").startswith("/")
        # Each worker has a pool; so have the exporter and the gevent process.
        processes = (config["workers"] + config["max_cron_threads"] + 1) or 1
        if not config["workers"]:
            processes = 1
        return Machine(
            memory=psutil.virtual_memory().total if local else None,
            odoo_connections=processes * config["db_maxconn"],
        )

    @api.model
    def _check_manager(self):
        """
        :raises AccessError: for others than managers
        """
        if not (self.env.su or self.env.user.has_group(MANAGER)):
            raise AccessError(self.env._("Only managers of Performance may do that."))

    # -- refreshing --------------------------------------------------------------------

    @api.model
    def _cron_refresh(self):
        """Hourly: a reading of the statements, of sizes, and all verdicts."""
        self._refresh()

    @api.model
    def action_refresh(self):
        """Refresh now; for managers."""
        self._check_manager()
        self.sudo()._refresh()
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    @api.model
    def _refresh(self):
        """Ask everything once and keep the answers.

        What one part cannot do (a locked table, a question that takes too long) costs
        the others nothing: it is a finding.
        """
        env = self.env
        asker = self._asker()
        monitor = DatabaseMonitor(
            asker,
            self._asker(replica=True) if config["db_replica_host"] else None,
            machine=self._machine(),
        )
        with ExitStack() as stack:
            stack.enter_context(asker.keep())
            answers, found = monitor.examine()

            def take(question, name, *arguments):
                with self._part(question, found):
                    return env[f"performance.database.{name}"]._take(*arguments)

            sizes = take("tables", "table", monitor, answers)
            if sizes is not None:
                found += take("growth", "table.size", sizes) or []
            take("index_health", "index", answers)
            found += take("log", "log", asker) or []
            found += take("regressions", "statement", asker) or []
            found += take("advice", "advice", asker) or []
        env["performance.database.finding"]._take(found)
        env["performance.database.wait"]._forget_old()
        return fields.Datetime.now()

    @contextmanager
    def _part(self, question, found):
        """A part of the refresh, undone by itself when it fails."""
        try:
            with self.env.cr.savepoint():
                yield
        except statements.Unavailable:
            # The question about slow statements has said it.
            _logger.info("pg_stat_statements cannot be read")
        except psycopg2.errors.SerializationFailure:
            raise  # of Odoo's own transaction: all of it is tried again
        except Exception as error:
            failed(f"database.{question}")
            what = f"could not be refreshed: {type(error).__name__}"
            found.append(Finding(question, UNKNOWN, "", what))

    # -- names -------------------------------------------------------------------------

    @api.model
    def _models_by_table(self):
        """Names of Odoo's models by their table."""
        found = {}
        for name, model in self.env.registry.items():
            if not model._abstract:
                found.setdefault(model._table, name)
        return found
