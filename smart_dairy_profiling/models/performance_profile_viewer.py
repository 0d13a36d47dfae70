import time

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools.misc import file_path

from ..core import frame_ops, graph
from ..core.renderers import FORMATS
from ..core.session import Session, SessionError, combine
from ..hooks import sampling

SCRIPT = "smart_dairy_profiling/static/dist/flamegraph.js"
ROWS = 200
CHANGES = 100
HOURS = 24 * 7
DOWNLOADS = ("speedscope", "folded", "pprof", "pstats")
_TABLES = {
    "addon": frame_ops.by_addon,
    "method": frame_ops.by_model_method,
    "function": frame_ops.by_function,
    "line": frame_ops.by_line,
}


class PerformanceProfileViewer(models.AbstractModel):
    """What the page that draws profiles, captures and samples asks for.

    A *source* is ``{"model", "id"}`` of a profile or capture; ``{"before", "after"}``,
    each one of those; or ``{"hours", "route", "method"}`` of the always-on sampler.
    """

    _name = "performance.profile.viewer"
    _description = "Viewer of Profiles"

    @api.model
    def open_source(self, source):
        """All that the first look at a source needs, see ``core.graph``.

        :raises UserError: when it cannot be read
        """
        built = self._is_built()
        if "before" in source:
            before, after = self._two(source)
            return {
                "built": built,
                "graph": graph.comparison(before, after),
                "about": {
                    "before": self._about(before),
                    "after": self._about(after),
                },
            }
        session, more = self._read(source)
        return {
            "built": built,
            "graph": graph.graph(session),
            "about": self._about(session),
            "downloads": self._downloads(source),
            **more,
        }

    @api.model
    def read_table(self, source, table):
        """Rows ``[name, own wall, total wall, own CPU, total CPU, samples]``."""
        if table not in _TABLES:
            raise UserError(self.env._("There is no such table."))
        session, _more = self._read(source)
        cpu = {row.name: row for row in _TABLES[table](session, True)}
        rows = [
            [
                row.name,
                *(round(x, 6) for x in (row.own, row.total)),
                *(round(x, 6) for x in (cpu[row.name].own, cpu[row.name].total)),
                row.samples,
            ]
            for row in _TABLES[table](session)
        ]
        costly = sorted(rows, key=lambda row: -max(row[1], row[3], row[2] / 1e6))
        return costly[:ROWS]

    @api.model
    def read_changes(self, source):
        """Functions whose share changed: ``[name, before, after]``, wall and CPU."""
        before, after = self._two(source)
        return {
            name: [
                [row.name, round(row.before, 6), round(row.after, 6)]
                for row in graph.changes(before, after, cpu)[:CHANGES]
            ]
            for name, cpu in (("wall", False), ("cpu", True))
        }

    @api.model
    def sampled(self, hours):
        """What was sampled lately, by kind, route and method, the most time first.

        :returns: rows ``[kind, label, model, requests, wall, cpu]``
        """
        self.env["performance.profile"].check_access("read")
        found = sampling.sessions(self._since(hours), wanted=self._is_ours)
        rows = [
            [
                label.kind,
                label.label,
                label.model,
                session.about.units,
                round(session.wall, 3),
                round(session.cpu, 3),
            ]
            for label, session in found.items()
        ]
        return sorted(rows, key=lambda row: -row[4])[:ROWS]

    # -- sources -----------------------------------------------------------------------

    @api.model
    def _session(self, source):
        """The session of a source that is no comparison."""
        return self._read(source)[0]

    @api.model
    def _read(self, source):
        """A source's session, and what else is known of it.

        :raises UserError: when it cannot be read
        """
        model = source.get("model")
        if model == "performance.profile":
            record = self.env[model].browse(int(source["id"])).exists()
            record.check_access("read")
            taken = record._taken()
            state = {
                "running": record.running,
                "units": taken.units,
                "memory": taken.memory if record.memory else None,
            }
            return taken.session, state
        if model == "performance.capture":
            return self._capture(self.env[model].browse(int(source["id"])).exists())
        if "hours" in source:
            self.env["performance.profile"].check_access("read")
            route, method = source.get("route"), source.get("method")

            def wanted(label):
                return (
                    self._is_ours(label)
                    and (not route or label.label == route)
                    and (not method or label.model == method)
                )

            found = sampling.sessions(self._since(source["hours"]), wanted=wanted)
            return combine(found.values()), {}
        raise UserError(self.env._("There is no such profile."))

    @api.model
    def _capture(self, record):
        document = record._document()
        try:
            found = document["session"]
            session = Session.from_dict(found) if found else Session()
        except SessionError as error:
            raise UserError(self.env._("This capture is broken.")) from error
        return session, {
            "sql": document["sql"],
            "queries": document["queries"],
            "findings": document["findings"],
            "split": document["split"],
            "queryTimes": document["timeline"],
            "growth": document["memory_growth"],
            "seconds": document["seconds"],
        }

    @api.model
    def _two(self, source):
        return self._session(source["before"]), self._session(source["after"])

    @api.model
    def _compare(self, records):
        """The page that compares two records."""
        if len(records) != 2:
            raise UserError(self.env._("Choose two to compare."))
        records.check_access("read")
        before, after = ({"model": one._name, "id": one.id} for one in records)
        return {
            "type": "ir.actions.client",
            "tag": "smart_dairy_profiling.comparison",
            "name": self.env._("Compare"),
            "params": {"before": before, "after": after},
        }

    @api.model
    def _since(self, hours):
        return time.time() - 3600 * min(max(float(hours), 0.02), HOURS)

    @api.model
    def _is_ours(self, label):
        return label.db == self.env.cr.dbname

    @api.model
    def _about(self, session):
        about = session.about
        return {
            "kind": about.kind,
            "label": about.label,
            "method": about.model,
            "started": about.started,
            "seconds": about.seconds,
            "interval": about.interval_seconds,
            "units": about.units,
            "samples": session.samples,
            "cut": session.cut,
            "wall": round(session.wall, 6),
            "cpu": round(session.cpu, 6),
        }

    @api.model
    def _downloads(self, source):
        """Addresses by format."""
        if "model" not in source:
            return []
        kind = source["model"].rpartition(".")[2]
        return [
            {"format": name, "url": f"/performance/{kind}/{int(source['id'])}.{name}"}
            for name in DOWNLOADS
            if name in FORMATS
        ]

    @api.model
    def _is_built(self):
        """Whether what draws the graph was built and is there."""
        try:
            return bool(file_path(SCRIPT))
        except FileNotFoundError:
            return False

    # -- the always-on sampler ---------------------------------------------------------

    @api.model
    def sampler_status(self):
        """What the sampler does on this host, and costs; asked again and again.

        Processes say what they do for as long as somebody asks.
        """
        self.env["performance.profile"].check_access("read")
        return sampling.status()

    @api.model
    def turn_sampler(self, state):
        """Switch it on or off for all workers at once; empty: as the schedule says.

        :raises AccessError: for everybody but managers
        """
        self.env["performance.profile"]._check_manager()
        if state not in ("on", "off", ""):
            raise UserError(self.env._("There is no such state."))
        try:
            sampling.turn(state)
        except OSError as error:
            raise UserError(
                self.env._("The switch cannot be written: %(why)s", why=error.strerror)
            ) from error
        return sampling.status()
