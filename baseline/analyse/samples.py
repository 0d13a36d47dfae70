"""k6's raw samples as one table, for runs of millions.

``--out json`` writes a line for each of nine metrics of each request: most are never
asked for. They are sorted out as bytes while the file is unpacked, what is left is
parsed by DuckDB on all processors into a Parquet file, and that is asked. Memory stays
bounded whatever the size of the run.

Columns: ``metric``, ``t`` (seconds since the epoch), ``value`` (k6's unit), ``name``
(route template), ``journey``, ``step``, ``kind``, ``scenario``, ``status``, ``method``,
``ok`` (whether k6 expected the answer), ``error`` (class of a failed step), ``page``
(address of a page, of Web Vitals), ``load`` (false: setup and teardown).
"""

from __future__ import annotations

import contextlib
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from isal import igzip, isal_zlib

from .percentile import Values

DURATION = "http_req_duration"
METRICS = (
    DURATION,
    "server_time",
    "db_latency",
    "api_latency",
    "page_load_time",
    "journey_time",
    "errors",
    "vus",
    "dropped_iterations",
    "browser_web_vital_lcp",
    "browser_web_vital_fcp",
    "browser_web_vital_cls",
    "browser_web_vital_inp",
    "browser_web_vital_fid",
    "browser_web_vital_ttfb",
)
# A line begins {"metric":"<name>","type":"Point", and this much of it tells the metric.
_NAME_AT = len('{"metric":"')
_NAME_BYTES = 16
_KEPT = frozenset(f'{name}","type":"Point"'.encode()[:_NAME_BYTES] for name in METRICS)
_DAMAGED: Any = isal_zlib.error
_CHUNK = 128 << 10  # bytes; so many before a tear are lost with it
_MEMORY = "400MB"  # of DuckDB; Python and numpy come on top

_TAGS = {
    "name": "VARCHAR",
    "journey": "VARCHAR",
    "step": "VARCHAR",
    "kind": "VARCHAR",
    "scenario": "VARCHAR",
    "status": "VARCHAR",
    "method": "VARCHAR",
    "expected_response": "VARCHAR",
    "error": "VARCHAR",
    "url": "VARCHAR",
    "group": "VARCHAR",
    "side": "VARCHAR",
}
_PARSE = """
COPY (
  SELECT metric, epoch_us(data.time::TIMESTAMP) / 1e6 AS t, data.value AS value,
         coalesce(data.tags.name, '') AS name, data.tags.journey AS journey,
         data.tags.step AS step, data.tags.kind AS kind,
         data.tags.scenario AS scenario, data.tags.status AS status,
         data.tags.method AS method,
         coalesce(data.tags.expected_response, 'true') = 'true' AS ok,
         data.tags.error AS error, data.tags.side AS side,
         CASE WHEN metric LIKE 'browser%%' THEN data.tags.url END AS page,
         coalesce(data.tags."group", '') NOT IN ('::setup', '::teardown') AS load
    FROM read_json(?, format = 'newline_delimited', ignore_errors = true,
                   maximum_object_size = 8388608,
                   columns = {metric: 'VARCHAR',
                              data: 'STRUCT(time VARCHAR, value DOUBLE,
                                            tags STRUCT(%s))'})
   WHERE metric IS NOT NULL AND data.value IS NOT NULL
     AND try_cast(data.time AS TIMESTAMP) IS NOT NULL
) TO '%s' (FORMAT parquet, COMPRESSION lz4)
"""


@dataclass
class Reading:
    """What became of a raw file.

    :ivar lines: read
    :ivar kept: lines of metrics that are asked for
    :ivar parsed: of those, understood
    :ivar problems: what was wrong with the file, in words
    """

    lines: int = 0
    kept: int = 0
    parsed: int = 0
    problems: list[str] = field(default_factory=list)


class Samples:
    """The samples of one k6 run; a context manager, whose end removes its files.

    :param raw: k6's output, gzip or plain
    :param folder: where the table lies; a temporary folder when None
    """

    def __init__(self, raw: Path, folder: Path | None = None) -> None:
        self.raw = raw
        self.reading = Reading()
        self._stack = contextlib.ExitStack()
        if folder is None:
            folder = Path(
                self._stack.enter_context(tempfile.TemporaryDirectory(prefix="samples"))
            )
        self._folder = folder
        self._connection = self._stack.enter_context(
            contextlib.closing(duckdb.connect(":memory:"))
        )
        self._connection.execute(f"SET memory_limit = '{_MEMORY}'")
        self._connection.execute("SET preserve_insertion_order = false")
        self._connection.execute("SET enable_progress_bar = false")  # on our stdout
        self._connection.execute(f"SET temp_directory = '{_quoted(folder)}'")

    def __enter__(self) -> Samples:
        try:
            self._load()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Rows of a query of the table ``samples``."""
        found = self._connection.execute(sql, list(values))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def arrays(self, sql: str, *values: object) -> dict[str, Any]:
        """Columns of a query as numpy arrays."""
        return dict(self._connection.execute(sql, list(values)).fetchnumpy())

    def values(self, metric: str, *, setup: bool = False) -> Values:
        """All values of a metric; without those of setup unless asked for."""
        found = self.arrays(
            "SELECT value FROM samples WHERE metric = ? AND (load OR ?)", metric, setup
        )
        return np.asarray(found["value"], dtype=np.float64)

    def numbered(
        self, metric: str, columns: Sequence[str], *words: str
    ) -> tuple[dict[str, Any], dict[str, list[str]]]:
        """A metric's columns in the order of time; words as numbers.

        A million words as words take a gigabyte.

        :param words: columns of text
        :returns: arrays by column, and the texts that the numbers stand for
        """
        texts = {
            word: [
                row["k"]
                for row in self.rows(
                    f"SELECT DISTINCT coalesce({word}, '') AS k FROM samples"  # noqa: S608
                    " WHERE metric = ? AND load ORDER BY k",
                    metric,
                )
            ]
            for word in words
        }
        numbers = "".join(
            f", (list_position(?, coalesce({word}, '')) - 1)::INTEGER AS {word}"
            for word in words
        )
        found = self.arrays(
            f"SELECT {', '.join(columns)}{numbers} FROM samples"  # noqa: S608
            " WHERE metric = ? AND load ORDER BY t",
            *texts.values(),
            metric,
        )
        return found, texts

    def grouped(self, metric: str, column: str) -> Iterator[tuple[str, Values]]:
        """(group, values) of a metric by a column; rows without it are left out."""
        where = f"metric = ? AND load AND {column} IS NOT NULL AND {column} != ''"
        groups = self.rows(
            f"SELECT {column} AS k, count(*) AS n FROM samples"  # noqa: S608
            f" WHERE {where} GROUP BY k ORDER BY k",
            metric,
        )
        if not groups:
            return
        # Names as long as the values would take most of the memory.
        found = self.arrays(
            f"SELECT value FROM samples WHERE {where} ORDER BY {column}",  # noqa: S608
            metric,
        )
        numbers = np.asarray(found["value"], dtype=np.float64)
        starts = np.cumsum([group["n"] for group in groups])[:-1]
        for group, values in zip(groups, np.split(numbers, starts), strict=True):
            yield str(group["k"]), values

    @contextlib.contextmanager
    def only(self, scenario: str) -> Iterator[None]:
        """As if the run had had this scenario only."""
        word = scenario.replace("'", "''")
        self._show(f"scenario = '{word}'")
        try:
            yield
        finally:
            self._show("TRUE")

    def _show(self, condition: str) -> None:
        table = _quoted(self._folder / "samples.parquet")
        self._connection.execute(
            f"CREATE OR REPLACE VIEW samples AS SELECT * FROM read_parquet('{table}')"
            f" WHERE {condition}"
        )

    def _load(self) -> None:
        kept = self._folder / "kept.ndjson"
        with kept.open("wb") as output:
            for lines in self._kept_lines():
                output.write(lines)
        table = self._folder / "samples.parquet"
        tags = ", ".join(f'"{name}" {kind}' for name, kind in _TAGS.items())
        self._connection.execute(_PARSE % (tags, _quoted(table)), [str(kept)])
        kept.unlink()
        self._show("TRUE")
        reading = self.reading
        reading.parsed = self.rows("SELECT count(*) AS n FROM samples")[0]["n"]
        if reading.parsed < reading.kept:
            reading.problems.append(
                f"{reading.kept - reading.parsed} lines are no samples"
            )
        if not reading.parsed and not reading.problems:
            reading.problems.append("the file holds no sample")

    def _kept_lines(self) -> Iterator[bytes]:
        rest = b""
        for chunk in self._chunks():
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            self.reading.lines += len(lines)
            kept = [
                line
                for line in lines
                if line[_NAME_AT : _NAME_AT + _NAME_BYTES] in _KEPT
            ]
            if kept:
                self.reading.kept += len(kept)
                yield b"\n".join(kept) + b"\n"
        if rest.strip():
            self.reading.problems.append("the last line was cut short")

    def _chunks(self) -> Iterator[bytes]:
        """The file unpacked; what comes before a tear is still read."""
        try:
            with self.raw.open("rb") as file:
                packed = file.read(2) == b"\x1f\x8b"
            opener: Any = igzip.open if packed else open
            with opener(self.raw, "rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        except FileNotFoundError:
            self.reading.problems.append("the file is missing")
        except EOFError:
            self.reading.problems.append("the file was cut short while it was written")
        except (OSError, zlib.error, _DAMAGED) as error:
            self.reading.problems.append(f"the file is damaged: {error}")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
