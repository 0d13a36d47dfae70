from odoo import fields, models
from odoo.tools import mute_logger

from ..core import timescale

_MS = {"readonly": True, "digits": (12, 3)}
PHASES = [
    ("mount", "Mount"),
    ("update", "Update"),
    ("nested-update", "Nested update"),
]


class PerformanceReactRender(models.Model):
    """What a profiled React component took, as its page told now and then."""

    _name = "performance.react.render"
    _description = "React Component"
    _log_access = False
    _order = "id desc"
    _rec_name = "component"

    time = fields.Datetime(required=True, readonly=True)
    component = fields.Char(required=True, readonly=True)
    phase = fields.Selection(PHASES, required=True, readonly=True)
    page = fields.Char(readonly=True)
    release = fields.Char(readonly=True, help="What was deployed.")
    actual_ms = fields.Float(
        string="Last (ms)", help="Of the last render.", aggregator="avg", **_MS
    )
    base_ms = fields.Float(
        string="Base (ms)",
        help="Estimate without memoization.",
        aggregator="avg",
        **_MS,
    )
    avg_ms = fields.Float(
        string="Average (ms)",
        help="Of the renders since the page's last report.",
        aggregator="avg",
        **_MS,
    )
    own_ms = fields.Float(
        string="Own (ms)",
        help="Average without the profiled components inside.",
        aggregator="avg",
        **_MS,
    )
    max_ms = fields.Float(
        string="Slowest (ms)",
        help="Of the renders since the page's last report.",
        aggregator="max",
        **_MS,
    )
    total_ms = fields.Float(
        string="Total (ms)",
        help="Of the renders since the page's last report.",
        aggregator="sum",
        **_MS,
    )
    renders = fields.Integer(
        readonly=True, aggregator="sum", help="Since the page's last report."
    )
    slow_renders = fields.Integer(
        readonly=True, aggregator="sum", help="That took longer than a frame, 16 ms."
    )
    busiest_second = fields.Integer(
        readonly=True,
        aggregator="max",
        help="Most commits within one second. A person who types causes about ten; a"
        " component that renders in a loop many more.",
    )

    _time = models.Index("USING brin (time) WITH (pages_per_range = 32)")

    def init(self):
        """Convert the table where TimescaleDB is installed."""
        with mute_logger("odoo.sql_db"):  # what it refuses is no error here
            timescale.convert(self.env.cr, self._table, "component")
