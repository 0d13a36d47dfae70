"""From merged families to the text that Prometheus reads.

Two formats: the classic text format 0.0.4 and OpenMetrics 1.0. Rendering works by
series templates made once (name and labels escaped, placeholders for numbers), so a
scrape formats numbers and nothing else.
"""

import gzip
from itertools import accumulate
from operator import add

from .merge import Family
from .metric import COUNTER, GAUGE, HISTOGRAM

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})


def choose_format(accept: str) -> str:
    """The content type to answer with: OpenMetrics when the scraper prefers it."""
    ranking: list[tuple[float, str]] = []
    for part in accept.split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        if media == "application/openmetrics-text":
            ranking.append((quality, OPENMETRICS))
        elif media in ("text/plain", "text/*", "*/*"):
            ranking.append((quality, TEXT))
    best = max((quality for quality, _type in ranking), default=0.0)
    types = [kind for quality, kind in ranking if quality == best and quality > 0]
    return OPENMETRICS if types and types[0] == OPENMETRICS else TEXT


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the scraper takes a gzip body."""
    for part in accept_encoding.lower().split(","):
        coding, _, quality = part.strip().partition(";")
        if coding.strip() in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def compress(body: bytes) -> bytes:
    """Gzip at the fastest level, the same bytes for the same body."""
    return gzip.compress(body, 1, mtime=0)


def escape_label(value: str) -> str:
    """A label value as it stands between the quotes."""
    if "\\" in value or '"' in value or "\n" in value:
        return value.translate(_ESCAPES)
    return value


def format_bound(bound: float) -> str:
    """A bucket's ``le``, as the official clients write it (``0.5``, ``10.0``)."""
    return repr(float(bound))


class Renderer:
    """Renders families; keep it beside the merger whose families it renders."""

    def __init__(self) -> None:
        self._templates: dict[tuple[str, bool], tuple[Family, str, list[str]]] = {}

    def render(self, families: dict[str, Family], content_type: str = TEXT) -> bytes:
        """The whole exposition.

        :param content_type: :data:`TEXT` or :data:`OPENMETRICS`
        """
        openmetrics = content_type == OPENMETRICS
        parts: list[str] = []
        for name in sorted(families):
            self._family(families[name], openmetrics, parts)
        if openmetrics:
            parts.append("# EOF\n")
        return "".join(parts).encode()

    def _family(self, family: Family, openmetrics: bool, parts: list[str]) -> None:
        if not family.labels:
            return
        metric = family.metric
        key = (metric.name, openmetrics)
        cached = self._templates.get(key)
        if cached is None or cached[0] is not family:
            head = _head(family, openmetrics)
            cached = self._templates[key] = (family, head, [])
        _family, head, templates = cached
        if len(templates) < len(family.labels):
            pattern = _pattern(family)
            for labels in family.labels[len(templates) :]:
                templates.append(pattern.replace(_PLACE, _pairs(family, labels)))
        parts.append(head)
        columns = family.columns
        if metric.type == HISTOGRAM:
            counts = list(accumulate(columns[:-1], lambda a, b: list(map(add, a, b))))
            rows = zip(*counts, columns[-1], counts[-1], strict=True)
        elif metric.type in (COUNTER, GAUGE):
            rows = zip(columns[0], strict=True)
        else:
            rows = zip(*columns, strict=True)
        parts.extend(map(str.__mod__, templates, rows))


def _head(family: Family, openmetrics: bool) -> str:
    metric = family.metric
    name = metric.name
    if openmetrics and metric.type == COUNTER:
        name = name.removesuffix("_total")
    help_ = metric.help.translate(_ESCAPES if openmetrics else _HELP_ESCAPES)
    return f"# HELP {name} {help_}\n# TYPE {name} {metric.type}\n"


# Stands for a series' labels; no name and no label value has control characters.
_PLACE = "\0"


def _pairs(family: Family, labels: tuple[str, ...]) -> str:
    """A series' labels between the braces, as part of a format."""
    pairs = [
        f'{name}="{escape_label(value)}"'
        for name, value in zip(family.label_names, labels, strict=True)
    ]
    return ",".join(pairs).replace("%", "%%")


def _pattern(family: Family) -> str:
    """The lines of a series, as a format of its numbers."""
    metric = family.metric
    comma = "," if family.label_names else ""
    braces = f"{{{_PLACE}}}" if family.label_names else ""
    if metric.type == HISTOGRAM:
        place = _PLACE if family.label_names else ""
        lines = [
            f'{metric.name}_bucket{{{place}{comma}le="{bound}"}} %s\n'
            for bound in (*map(format_bound, metric.buckets), "+Inf")
        ]
        lines.append(f"{metric.name}_sum{braces} %s\n")
        lines.append(f"{metric.name}_count{braces} %s\n")
        return "".join(lines)
    if metric.type in (COUNTER, GAUGE):
        return f"{metric.name}{braces} %s\n"
    return f"{metric.name}_count{braces} %s\n{metric.name}_sum{braces} %s\n"
