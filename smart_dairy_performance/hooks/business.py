"""What the exporter reads of each database beside figures.

Business metrics that the cron computed, for scrapes; and what the Settings pages say,
which decides who may read the metrics port.
"""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from odoo.service.server import cron_database_list

from ..core import business, settings
from ..core.recorder import failed
from ..core.ticker import Ticker
from .database import connect

EVERY = 15.0  # seconds between readings
_EXISTS = "SELECT to_regclass('performance_metric_value') IS NOT NULL"
_VALUES = """
    SELECT metric.definition, value.labels, value.doubles
      FROM performance_metric_value AS value
      JOIN performance_metric AS metric ON metric.id = value.metric_id
     WHERE metric.active AND metric.definition IS NOT NULL
     ORDER BY metric.name, value.id
     LIMIT 10000
"""
_SETTINGS = "SELECT key, value FROM ir_config_parameter WHERE key LIKE %s"
_LIMITS = "SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = 2000"


def start(runtime: Any) -> None:
    """Begin to read, on a daemon thread."""
    reader = BusinessReader(runtime.folder, runtime.told)
    Ticker([(EVERY, "business", reader.read)]).start()


class BusinessReader:
    """Reads the values of all databases into the file that scrapes read.

    :param folder: gives the generation's folder, None while nothing is measured
    :param told: called with the settings by database
    :param databases: gives the names of the databases served
    """

    def __init__(
        self,
        folder: Callable[[], Path | None],
        told: Callable[[dict[str, dict[str, str] | None]], None],
        databases: Callable[[], list[str]] = cron_database_list,
        connecting: Callable[[str], Any] = connect,
    ) -> None:
        self._folder = folder
        self._told = told
        self._databases = databases
        self._connect = connecting
        self._read: dict[str, dict[str, Any]] = {}

    def read(self) -> None:
        """One round; a database that cannot be read keeps its last values a while."""
        folder = self._folder()
        if folder is None or not folder.is_dir():
            return
        names = self._databases()
        for name in names:
            try:
                families = self._families(name)
            except psycopg2.Error:
                failed("business")
                continue
            self._read[name] = {"read_at": time.time(), "families": families}
        self._read = {name: self._read[name] for name in names if name in self._read}
        business.write(folder, self._read)

    def _families(self, name: str) -> list[tuple[str, list[tuple[Any, Any]]]]:
        families: dict[str, list[tuple[Any, Any]]] = {}
        with closing(self._connect(name)) as connection, connection.cursor() as cursor:
            cursor.execute(_LIMITS)
            cursor.execute(_EXISTS)
            if not cursor.fetchone()[0]:
                # Without the addon: what its page said before does not hold any more.
                self._told({name: None})
            else:
                cursor.execute(_SETTINGS, [f"{settings.DATABASE_PREFIX}%"])
                start = len(settings.DATABASE_PREFIX)
                self._told({name: {key[start:]: v for key, v in cursor.fetchall()}})
                cursor.execute(_VALUES)
                for definition, labels, doubles in cursor.fetchall():
                    families.setdefault(definition, []).append((labels or [], doubles))
            connection.rollback()
        return list(families.items())
