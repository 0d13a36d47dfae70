"""Recomputing stored fields and flushing, by model.

``Field.recompute`` would be the obvious seam, but each read of a stored computed field
passes it. ``compute_value`` is reached only when something is computed, ``_flush``
only when something is pending: a request that reads pays nothing.
"""

from time import perf_counter
from typing import Any

from odoo import fields, models

from ..core.recorder import FLUSH, RECOMPUTE, Unit, local
from .patching import Patches

_patches = Patches()


def install(runtime: Any) -> None:
    if _patches.installed:
        return
    _patches.replace(fields.Field, "compute_value", _compute_value)
    _patches.replace(models.BaseModel, "_flush", _flush)


def uninstall() -> None:
    _patches.restore()


def _add(unit: Unit, key: tuple[str, str], outer: float, spent: float) -> None:
    """Work ended; its own time is what no work inside it took."""
    unit.work[key] = unit.work.get(key, 0.0) + spent - unit.work_child
    unit.work_child = outer + spent


def _compute_value(original: Any) -> Any:
    def compute_value(self: Any, records: Any) -> None:
        unit = local.unit
        if unit is None or not self.store:
            return original(self, records)
        outer, unit.work_child = unit.work_child, 0.0
        start = perf_counter()
        try:
            return original(self, records)
        finally:
            _add(unit, (RECOMPUTE, self.model_name), outer, perf_counter() - start)

    return compute_value


def _flush(original: Any) -> Any:
    def _flush(self: Any) -> None:
        unit = local.unit
        if unit is None:
            return original(self)
        outer, unit.work_child = unit.work_child, 0.0
        start = perf_counter()
        try:
            return original(self)
        finally:
            _add(unit, (FLUSH, self._name), outer, perf_counter() - start)

    return _flush
