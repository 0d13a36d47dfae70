import hashlib
import inspect
import logging
import re
import threading

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.modules.registry import Registry

from ..database import advice, build
from ..database.finding import NOTICE, Finding, size

_logger = logging.getLogger(__name__)
_MB = 1024**2


class PerformanceDatabaseAdvice(models.Model):
    """An index that would help, why, and what became of it."""

    _name = "performance.database.advice"
    _inherit = ["performance.database.mirror"]
    _description = "Index Advice"
    _order = "state, saved_ms desc, id"

    name = fields.Char("Index", required=True, readonly=True, index=True)
    state = fields.Selection(
        [
            ("proposed", "Proposed"),
            ("building", "Being Built"),
            ("built", "Built"),
            ("failed", "Failed"),
        ],
        required=True,
        readonly=True,
        default="proposed",
    )
    table_name = fields.Char("Table", readonly=True)
    columns = fields.Char(readonly=True)
    predicate = fields.Char("Only Rows Where", readonly=True)
    method = fields.Char(readonly=True)
    model_name = fields.Char("Model", readonly=True)
    proved = fields.Boolean(
        readonly=True,
        help="The planner was asked with a hypothetical index (hypopg).",
    )
    note = fields.Char(readonly=True)
    cost_before = fields.Float(digits=(16, 1), readonly=True)
    cost_after = fields.Float(digits=(16, 1), readonly=True)
    mean_before = fields.Float("Mean Before (ms)", digits=(16, 2), readonly=True)
    mean_after = fields.Float("Mean After (ms)", digits=(16, 2), readonly=True)
    calls = fields.Float(digits=(16, 0), readonly=True)
    saved_ms = fields.Float("Saves (ms)", digits=(16, 1), readonly=True)
    size_mb = fields.Float("Size (MB)", digits=(16, 2), readonly=True)
    writes_a_day = fields.Float("Writes a Day", digits=(16, 0), readonly=True)
    write_cost = fields.Char(compute="_compute_write_cost")
    query = fields.Text("Statements", readonly=True)
    queryids = fields.Json(readonly=True)
    sql = fields.Text("SQL", readonly=True)
    odoo_way = fields.Text("In Odoo", readonly=True)
    code_line = fields.Char("Where", readonly=True)
    error = fields.Text(readonly=True)
    progress = fields.Char(compute="_compute_progress")
    built_by = fields.Many2one("res.users", readonly=True)
    built_at = fields.Datetime(readonly=True)

    _name_unique = models.Constraint("UNIQUE(name)", "An index is advised once.")

    @api.depends("writes_a_day", "size_mb", "proved")
    def _compute_write_cost(self):
        for one in self:
            one.write_cost = self.env._(
                "Each of %(writes)s rows written a day is written to it, too; updates "
                "of its columns cannot be heap-only any more.",
                writes=f"{one.writes_a_day:.0f}",
            )

    @api.depends("state")
    def _compute_progress(self):
        building = self.filtered(lambda one: one.state == "building")
        (self - building).progress = False
        for one in building:
            asker = self.env["performance.database"]._asker()
            found = build.progress(asker, *build.target(one.sql))
            one.progress = found and f"{found['phase']}, {100 * found['share']:.0f} %"

    # -- taking advice -----------------------------------------------------------------

    @api.model
    def _take(self, asker):
        """Mirror what is advised now; what was built or is being built stays.

        :returns: findings
        :raises statements.Unavailable: without pg_stat_statements
        """
        self._settle()
        rows = [self._values(one) for one in advice.ask(asker)]
        kept = self.search([("state", "!=", "proposed")]).mapped("name")
        for row in rows:
            if row["name"] not in kept:
                row["name"] = self._free_name(asker, row["name"], row["sql"])
        self._replace("name", [row for row in rows if row["name"] not in kept], kept)
        self._measure(asker)
        return [
            Finding(
                "advice",
                NOTICE,
                f"{row['table_name']} ({row['columns']})",
                "an index would save about "
                f"{row['saved_ms'] / 1000:.1f} s of the time measured by now"
                if row["proved"]
                else "an index may help (not proved)",
                "See Index Advice.",
                row["sql"],
            )
            for row in rows
            if row["name"] not in kept
        ]

    @api.model
    def _free_name(self, asker, name, sql):
        """The name, or one of our own when Odoo's stands for another definition."""
        found = build.state(asker, name, build.target(sql)[0])
        if not found or found["valid"] is False:
            return name
        return f"{name[:54]}_{_mark(sql.rstrip(';'))}"

    @api.model
    def _values(self, one):
        candidate = one.candidate
        first = max(one.statements, key=lambda row: row["total_ms"])
        model = (
            self.env["performance.database"]
            ._models_by_table()
            .get(candidate.table_name)
        )
        calls = sum(row["calls"] for row in one.statements)
        way, line = self._odoo_way(model, candidate)
        return {
            "name": index_name(candidate),
            "table_name": candidate.table_name,
            "columns": ", ".join(candidate.columns),
            "predicate": candidate.predicate or False,
            "method": candidate.method,
            "model_name": model or False,
            "proved": one.proved,
            "note": one.note or False,
            "cost_before": first["cost_before"],
            "cost_after": first["cost_after"] or 0.0,
            "mean_before": sum(row["total_ms"] for row in one.statements) / calls,
            "calls": calls,
            "saved_ms": one.saved_ms,
            "size_mb": (one.size_bytes or 0) / _MB,
            "writes_a_day": one.writes_a_day,
            "query": "\n\n".join(row["query"] for row in one.statements),
            "queryids": [str(row["queryid"]) for row in one.statements],
            "sql": candidate.sql() + ";",
            "odoo_way": way,
            "code_line": line,
        }

    @api.model
    def _odoo_way(self, model, candidate):
        """How the index is declared in Odoo, and where the field stands.

        :returns: text and ``file:line``, each False when there is none
        """
        if model is None:
            return False, False
        record = self.env[model]
        name = candidate.names[0]
        line = source_line(record, name) or False
        plain = candidate.columns == (name,) and not candidate.predicate
        if plain and candidate.method == "btree" and name in record._fields:
            return f"{model}.{name}: index=True", line
        if candidate.method == "gin" and name in record._fields:
            return f'{model}.{name}: index="trigram"', line
        where = f" WHERE {candidate.predicate}" if candidate.predicate else ""
        columns = ", ".join(candidate.columns)
        suffix = "_".join(candidate.names)
        return f'{model}: _{suffix}_idx = models.Index("({columns}){where}")', line

    # -- building ----------------------------------------------------------------------

    def action_build(self):
        """Build the index, concurrently and in the background; for managers.

        :raises UserError: when it is being built, or built, or its name is in use
        """
        self.ensure_one()
        self.env["performance.database"]._check_manager()
        if self.state not in ("proposed", "failed"):
            raise UserError(self.env._("This index is built already, or being built."))
        asker = self.env["performance.database"]._asker()
        found = build.state(asker, self.name, build.target(self.sql)[0])
        if found and found["valid"] is not False:
            raise UserError(self.env._("%(name)s is there already.", name=self.name))
        self.sudo().write(
            {
                "state": "building",
                "built_by": self.env.uid,
                "built_at": fields.Datetime.now(),
                "error": False,
            }
        )
        self.env["performance.database.audit"]._note(self.sql)
        # Not before the commit: the build waits for all older transactions, ours too.
        build_id, dbname = self.id, self.env.cr.dbname
        self.env.cr.postcommit.add(lambda: _start(dbname, build_id))
        return True

    def action_refresh(self):
        """Look how far the build is."""
        self.sudo()._settle()
        return True

    @api.model
    def _settle(self):
        """Find out what became of builds whose process is gone."""
        asker = self.env["performance.database"]._asker()
        for one in self.search([("state", "=", "building")]):
            schema, table = build.target(one.sql)
            if build.progress(asker, schema, table) is not None:
                continue
            found = build.state(asker, one.name, schema)
            age = fields.Datetime.now() - one.built_at
            if found and found["valid"]:
                one._built(found["size_bytes"])
            elif age.total_seconds() > 60:
                one.write(
                    {
                        "state": "failed",
                        "error": self.env._("The build ended without an index."),
                    }
                )

    def _built(self, size_bytes):
        self.write({"state": "built", "size_mb": size_bytes / _MB, "error": False})

    @api.model
    def _measure(self, asker):
        """Mean times of the statements since their index was built.

        pg_stat_statements only adds up; what came after is the growth by hour.
        """
        hours = self.env["performance.database.statement.hour"]
        for one in self.search([("state", "=", "built"), ("built_at", "!=", False)]):
            after = hours.search(
                [
                    ("statement_id.queryid", "in", one.queryids or []),
                    ("hour", ">", one.built_at),
                ]
            )
            # The first reading after the build has calls from before, too.
            first = min(after.mapped("hour"), default=None)
            after -= after.filtered_domain([("hour", "=", first)])
            calls = sum(after.mapped("calls"))
            if calls:
                one.mean_after = sum(after.mapped("total_ms")) / calls

    def _run_build(self):
        """Build it now, on this thread; takes as long as it takes."""
        self.ensure_one()
        name, sql = self.name, self.sql.rstrip(";")
        asker = self.env["performance.database"]._asker()
        self.env.cr.commit()  # pylint: disable=invalid-commit
        error, found = False, None
        try:
            build.create(asker, name, sql)
            found = build.state(asker, name, build.target(sql)[0])
        except Exception as problem:
            _logger.warning("Index %s was not built: %s", name, type(problem).__name__)
            error = str(problem).strip()
        if found and found["valid"]:
            self._built(found["size_bytes"])
        else:
            self.write({"state": "failed", "error": error or "?"})
        _logger.info("Index %s: %s, %s", name, self.state, size(self.size_mb * _MB))


def _start(dbname, advice_id):
    threading.Thread(
        target=_build, args=(dbname, advice_id), name="smart_dairy.build", daemon=True
    ).start()


def _build(dbname, advice_id):
    with Registry(dbname).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        env["performance.database.advice"].browse(advice_id)._run_build()


def index_name(candidate):
    """A name that tells table and columns, unique by what the index is.

    Like Odoo's own for one plain column, so that ``index=True`` finds it there.
    """
    name = candidate.names[0]
    table = candidate.table
    if candidate.columns == (name,) and not candidate.predicate:
        odoo = f"{table}__{name}_index"
        if candidate.method == "btree" and len(odoo) <= 63:
            return odoo
    stem = re.sub(r"\W", "_", f"{table}_{'_'.join(candidate.names)}".lower())
    return f"{stem[:50]}_{_mark(candidate.sql())}"


def _mark(sql):
    return hashlib.sha256(sql.encode()).hexdigest()[:8]


def source_line(record, name):
    """Where a model's field is declared, ``addon/file.py:line``; empty: not found."""
    declared = re.compile(
        rf"^\s+{re.escape(name)}\s*(?::[^=\n]+)?=\s*fields\.", re.MULTILINE
    )
    for cls in type(record).__mro__:
        if name not in vars(cls) or not cls.__module__.startswith("odoo.addons."):
            continue
        try:
            path = inspect.getsourcefile(cls)
            lines, first = inspect.getsourcelines(cls)
        except (OSError, TypeError):
            continue
        match = declared.search("".join(lines))
        if match:
            line = first + "".join(lines)[: match.start()].count("\n")
            if "".join(lines)[match.start()] == "\n":
                line += 1
            return f"{path.rpartition('/addons/')[2]}:{line}"
    return ""
