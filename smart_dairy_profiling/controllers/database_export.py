import csv
import io

from odoo import http
from odoo.http import request

GROUP = "smart_dairy_performance.smart_dairy_performance_group_user"
TOP = 20
# File name, title, model, domain, order, limit, and (heading, field) of the columns.
LISTS = {
    "slow_queries": (
        "Top 20 queries by total time",
        "performance.database.statement",
        [],
        "total_ms desc, id",
        [
            ("Query", "query"),
            ("Calls", "calls"),
            ("Total ms", "total_ms"),
            ("Mean ms", "mean_ms"),
            ("Longest ms", "max_ms"),
            ("Share", "share"),
            ("Rows", "rows"),
            ("Model", "model_name"),
            ("Route", "route"),
            ("Code", "code_line"),
        ],
    ),
    "missing_indexes": (
        "Tables that need an index",
        "performance.database.table",
        [("level", "in", ("HIGH", "MEDIUM"))],
        "level, size_mb desc, id",
        [
            ("Table", "name"),
            ("Model", "model_name"),
            ("Needs an index", "level"),
            ("Why", "recommendation"),
            ("Full scans", "seq_scans"),
            ("Index scans", "index_scans"),
            ("MB", "size_mb"),
        ],
    ),
    "index_advice": (
        "Indexes to create",
        "performance.database.advice",
        [("state", "=", "proposed")],
        "saved_ms desc, id",
        [
            ("Table", "table_name"),
            ("Columns", "columns"),
            ("Only where", "predicate"),
            ("Proved", "proved"),
            ("Cost before", "cost_before"),
            ("Cost after", "cost_after"),
            ("MB", "size_mb"),
            ("Writes a day", "writes_a_day"),
            ("In Odoo", "odoo_way"),
            ("Where", "code_line"),
            ("SQL", "sql"),
        ],
    ),
}


class DatabaseExportController(http.Controller):
    @http.route(
        "/performance/database/<string:name>.<string:form>",
        type="http",
        auth="user",
        methods=["GET"],
        readonly=True,
    )
    def database_export(self, name, form):
        """A hand-off list as CSV or Markdown, for members of the Performance group."""
        if name not in LISTS or form not in ("csv", "md"):
            raise request.not_found()
        if not request.env.user.has_group(GROUP):
            return request.make_response("", status=403)
        title, model, domain, order, columns = LISTS[name]
        records = request.env[model].search(domain, order=order, limit=TOP)
        rows = [
            [_text(record[field]) for _title, field in columns] for record in records
        ]
        headings = [heading for heading, _field in columns]
        build, kind = (_csv, "csv") if form == "csv" else (_markdown, "markdown")
        return request.make_response(
            build(title, headings, rows),
            [
                ("Content-Type", f"text/{kind}; charset=utf-8"),
                ("Content-Disposition", f'attachment; filename="{name}.{form}"'),
                ("Cache-Control", "no-store"),
            ],
        )


def _text(value):
    if value is False or value is None:
        return ""
    if value is True:
        return "yes"
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return str(value)


_FORMULA = "=+-@\t\r"


def _csv(_title, headings, rows):
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow(headings)
    for row in rows:
        # A spreadsheet would run what begins like a formula.
        writer.writerow(
            [f"'{cell}" if cell[:1] in _FORMULA and cell else cell for cell in row]
        )
    return output.getvalue()


def _markdown(title, headings, rows):
    lines = [f"# {title}", "", _row(headings), _row(["---"] * len(headings))]
    lines += [_row(row) for row in rows] or ["", "None."]
    return "\n".join(lines) + "\n"


def _row(cells):
    shown = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(shown)} |"
