"""What the profiling addon found meanwhile: advice, findings and captures."""

from __future__ import annotations

from typing import Any

from ..client import OdooError
from ..folder import write_json
from .context import Context, Skip

ADDON = "smart_dairy_profiling"
FINDINGS = (
    "performance.finding",
    "performance.database.finding",
    "performance.database.advice",
    "performance.database.statement",
    "performance.database.index",
    "performance.database.table",
)
CAPTURES = ("performance.capture",)
_MOST = 500  # rows of a model
_LEFT_OUT = {"binary", "one2many", "many2many"}


def collect(context: Context) -> None:
    """Ask the database advisor once more, then write what each model holds.

    :raises Skip: without the addon
    """
    client = context.client()
    found = client.call(
        "ir.module.module",
        "search_count",
        [["name", "=", ADDON], ["state", "=", "installed"]],
    )
    if not found:
        raise Skip(f"{ADDON} is not installed")
    try:
        client.call("performance.database", "action_refresh")
    except OdooError as error:
        context.warn(f"profiler: the database advisor could not be asked: {error}")
    for name, models in (("findings", FINDINGS), ("captures", CAPTURES)):
        rows: dict[str, Any] = {}
        errors: dict[str, str] = {}
        for model in models:
            try:
                rows[model] = _read(context, model)
            except OdooError as error:
                errors[model] = str(error)
        write_json(context.folder.profiler(name), {"models": rows, "errors": errors})


def _read(context: Context, model: str) -> Any:
    client = context.client()
    fields = client.call(model, "fields_get", [], ["type", "store"])
    names = sorted(
        name for name, field in fields.items() if field["type"] not in _LEFT_OUT
    )
    return client.call(model, "search_read", [], names, limit=_MOST)
