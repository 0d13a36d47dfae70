"""From our description of a dashboard to Grafana's JSON."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    gauge,
    prometheus,
    stat,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

from .model import Board, Panel

SOURCE = models.DataSourceRef(type_val="prometheus", uid="prometheus")
HEIGHT = 7
TAG = "smart-dairy"
# Where docker-compose.monitoring.yml publishes Odoo.
ODOO_URL = "http://127.0.0.1:8069"
_VARIABLES = {
    "instance": ("Instance", "label_values(odoo_processes, instance)"),
    "db": ("Database", "label_values(odoo_http_requests_total, db)"),
    "route": ("Route", "label_values(odoo_http_requests_total, route)"),
}
_PANELS = {
    "timeseries": timeseries.Panel,
    "stat": stat.Panel,
    "bars": bargauge.Panel,
    "gauge": gauge.Panel,
}
# What changes the numbers without being their cause, as lines over every chart.
ANNOTATIONS = (
    (
        # A real start begins with new counters, a reload goes on with the old ones.
        "Deploys (server starts)",
        "blue",
        "max by (instance) (resets(odoo_process_cpu_seconds_total"
        '{instance=~"$instance", role="http"}[1m])) > 0',
    ),
    (
        "Registry loads (module upgrades)",
        "purple",
        "sum by (reason) (increase(odoo_registry_loads_total"
        '{instance=~"$instance"}[1m])) > 0',
    ),
    (
        "Workers died",
        "red",
        "sum by (kind, reason) (increase(odoo_worker_exits_total"
        '{instance=~"$instance", reason=~"crash|killed|real_time|cpu_time"}[1m])) > 0',
    ),
)


def render(board: Board) -> str:
    """The JSON of a dashboard, with a line break at its end."""
    builder = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags([TAG])
        .editable()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .time("now-1h", "now")
        .refresh("10s")
        .timezone("browser")
        .link(
            dashboard.DashboardLink("Smart Dairy dashboards")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
        .link(
            dashboard.DashboardLink("Performance menu of Odoo")
            .type(models.DashboardLinkType.LINK)
            .url("${odoo_url}/odoo/performance")
            .target_blank(True)
        )
    )
    for name in board.variables:
        builder = builder.with_variable(_variable(name))
    builder = builder.with_variable(
        dashboard.TextBoxVariable("odoo_url")
        .label("Odoo")
        .description("Address of Odoo, for the link to its Performance menu.")
        .default_value(ODOO_URL)
    )
    for title, color, expression in ANNOTATIONS:
        builder = builder.annotation(
            dashboard.AnnotationQuery()
            .name(title)
            .datasource(SOURCE)
            .enable(True)
            .icon_color(color)
            .expr(expression)
        )
    for row in board.rows:
        builder = builder.with_row(dashboard.Row(row.title))
        for panel in row.panels:
            builder = builder.with_panel(_panel(panel))
    return JSONEncoder(sort_keys=True, indent=2).encode(builder.build()) + "\n"


def _variable(name: str) -> dashboard.QueryVariable:
    label, query = _VARIABLES[name]
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        # Also series without the label: there is none while one database is served.
        .all_value(".*")
        .current(models.VariableOption(selected=True, text="All", value="$__all"))
    )


def _panel(panel: Panel) -> timeseries.Panel:
    builder = (
        _PANELS[panel.kind]()
        .title(panel.title)
        .description(panel.description)
        .datasource(SOURCE)
        .unit(panel.unit)
        .height(HEIGHT)
        .span(panel.width)
        .no_value("No data")
    )
    for number, query in enumerate(panel.queries):
        built = (
            prometheus.Dataquery()
            .expr(query.expression)
            .legend_format(query.legend)
            .ref_id(chr(ord("A") + number))
        )
        if panel.kind != "timeseries":
            built = built.instant()
        builder = builder.with_target(built)
    steps = _steps(panel)
    if steps:
        builder = builder.thresholds(
            dashboard.ThresholdsConfig()
            .mode(models.ThresholdsMode.ABSOLUTE)
            .steps(steps)
        )
    if panel.kind == "timeseries":
        builder = (
            builder.fill_opacity(30 if panel.stacked else 8)
            .min(0)
            .legend(
                common.VizLegendOptions()
                .display_mode(common_models.LegendDisplayMode.LIST)
                .placement(common_models.LegendPlacement.BOTTOM)
                .show_legend(True)
            )
        )
        if panel.stacked:
            builder = builder.stacking(
                common.StackingConfig().mode(common_models.StackingMode.NORMAL)
            )
        if steps:
            builder = builder.thresholds_style(
                common.GraphThresholdsStyleConfig().mode(
                    common_models.GraphThresholdsStyleMode.DASHED
                )
            )
    return builder


def _steps(panel: Panel) -> Sequence[models.Threshold]:
    """Green, yellow and red; upside down where large is good."""
    if panel.good is None:
        return ()
    if panel.poor is not None and panel.poor < panel.good:
        return (
            models.Threshold(value=None, color="red"),
            models.Threshold(value=panel.poor, color="yellow"),
            models.Threshold(value=panel.good, color="green"),
        )
    steps = [
        models.Threshold(value=None, color="green"),
        models.Threshold(
            value=panel.good, color="yellow" if panel.poor is not None else "red"
        ),
    ]
    if panel.poor is not None:
        steps.append(models.Threshold(value=panel.poor, color="red"))
    return steps
