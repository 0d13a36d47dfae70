"""What browsers send, checked by hand: a validator of JSON schemas takes milliseconds.

The form is ``data/web_vitals.schema.json``, and a test holds this code against it.
Unknown properties are ignored and never kept; a beacon with one bad metric is refused
as a whole.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from .vitals import NAMES

MAX_BODY = 64 * 1024  # bytes
MAX_METRICS = 50
MAX_MS = 3_600_000.0
MAX_COUNT = 1_000_000_000.0
_TYPES = ("application/json", "text/plain")  # what sendBeacon can send

_NAMES = frozenset(NAMES)
_LEGACY_NAMES = {**{name: name for name in NAMES}, "LongTask": "LONG_TASK"}
_RATINGS = frozenset(("good", "needs-improvement", "poor"))
_DEVICES = frozenset(("desktop", "mobile", "tablet"))
_NAVIGATIONS = frozenset(
    ("navigate", "reload", "back-forward", "prerender", "restore", "soft")
)
_LEGACY_NAVIGATIONS = {"back-forward-cache": "restore", "back_forward": "back-forward"}
_PHASES = frozenset(("mount", "update", "nested-update"))
_PAGE = re.compile(r'/[ -"$->@-~]{0,199}\Z')
_COMPONENT = re.compile(r"[A-Za-z_$][A-Za-z0-9_$.()<>, /:-]{0,79}\Z")
# Ids in selectors, queries and fragments in routes: what may tell about persons.
_ID = re.compile(r"#[^\s.>+~:\[,]*")


class BeaconError(ValueError):
    """A beacon that is refused.

    :ivar status: the HTTP status that says so
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Value:
    """One metric of a visit.

    :ivar value: ms; CLS has no unit
    :ivar server_ms: what Server-Timing said of the same page, with ``db_ms``
    """

    name: str
    value: float
    target: str
    server_ms: float | None
    db_ms: float | None


@dataclass(frozen=True, slots=True)
class Visit:
    """Metrics of one page.

    :ivar device: empty when the browser did not say
    :ivar nav: how the page was reached; empty when not known
    """

    page: str
    device: str
    nav: str
    release: str
    values: list[Value]


@dataclass(frozen=True, slots=True)
class Render:
    """What a profiled React component took, in ms.

    :ivar renders: since the batch before; of a single one, since its page was loaded;
        with the four after it
    :ivar busiest: most commits within one second
    :ivar own: average without profiled components inside
    """

    component: str
    phase: str
    actual: float
    base: float | None
    renders: float | None
    total: float | None
    average: float | None
    longest: float | None
    slow: float | None
    busiest: float | None
    own: float | None


@dataclass(frozen=True, slots=True)
class Renders:
    """What components of one page took.

    :ivar page: empty when it was not told, as ``release``
    :ivar batched: each tells what was since the batch before
    """

    page: str
    release: str
    batched: bool
    renders: list[Render]


def document(content_type: str, encoding: str, body: bytes) -> Any:
    """The body of a beacon.

    :param encoding: the header Content-Encoding, empty without one
    :raises BeaconError: for what is no JSON
    """
    if content_type.partition(";")[0].strip().lower() not in _TYPES or encoding:
        raise BeaconError(415, "Send application/json or text/plain.")
    if len(body) > MAX_BODY:
        raise BeaconError(413, f"A beacon is no longer than {MAX_BODY} bytes.")
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BeaconError(400, "The body is no JSON.") from None


def single(found: Any) -> list[Visit]:
    """One metric: of version 1, flat or in a batch of one, or of the older form.

    :raises BeaconError: when it is none of these
    """
    beacon = _object(found, "the body")
    if "v" not in beacon:
        return [_legacy(beacon, "metric")]
    if "metrics" in beacon:
        (visit,) = batch(beacon)
        if len(visit.values) > 1:
            raise _bad("metrics: one, more belong to /batch")
        return [visit]
    return [_visit(beacon, [_metric(beacon, "metric")])]


def batch(found: Any) -> list[Visit]:
    """Up to 50 metrics: of version 1, or of the older form.

    :raises BeaconError: when it is neither
    """
    beacon = _object(found, "the body")
    metrics = _list(beacon.get("metrics"), "metrics")
    if "v" in beacon:
        values = [_metric(entry, "metrics", n) for n, entry in enumerate(metrics)]
        return [_visit(beacon, values)]
    return [_legacy(entry, "metrics", n) for n, entry in enumerate(metrics)]


def react(found: Any) -> Renders:
    """Renders of components, one or up to 50.

    :raises BeaconError: when it is not the profiler's form
    """
    beacon = _object(found, "the body")
    if "components" not in beacon:
        return Renders("", "", False, [_render(beacon, "component")])
    page = _page(beacon["page"]) if "page" in beacon else ""
    components = _list(beacon["components"], "components")
    renders = [_render(entry, "components", n) for n, entry in enumerate(components)]
    return Renders(page, _release(beacon), True, renders)


# -- parts --------------------------------------------------------------------------


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _bad(message: str) -> BeaconError:
    return BeaconError(400, message)


def _object(value: Any, what: str) -> dict[str, Any]:
    if type(value) is not dict:
        raise _bad(f"{what}: an object is expected")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if type(value) is not list or not 1 <= len(value) <= MAX_METRICS:
        raise _bad(f"{what}: a list of 1 to {MAX_METRICS} is expected")
    return value


def _where(what: str, index: int | None) -> str:
    return what if index is None else f"{what}[{index}]"


def _page(value: Any) -> str:
    if type(value) is not str or not _PAGE.match(value):
        raise _bad("page: a path without query is expected")
    return value


def _text(value: Any, longest: int) -> str | None:
    """A text or an empty one for null; None when it is neither."""
    if value is None:
        return ""
    if type(value) is not str or len(value) > longest:
        return None
    return value


def _number(value: Any, most: float = MAX_MS) -> float | None:
    """A number from 0 on; None when it is none."""
    if type(value) not in (int, float) or not 0 <= value <= most:
        return None
    return float(value)


def _optional(
    found: dict[str, Any], name: str, where: Callable[[], str], most: float = MAX_MS
) -> float | None:
    value = found.get(name)
    if value is None:
        return None
    number = _number(value, most)
    if number is None:
        raise _bad(f"{where()}.{name}: a number from 0 to {most:g} is expected")
    return number


def _visit(beacon: dict[str, Any], values: list[Value]) -> Visit:
    # Not "in (1,)": true equals 1 in Python, but is no number in JSON.
    version = beacon["v"]
    if type(version) not in (int, float) or version != 1:
        raise _bad("v: 1 is expected")
    device = beacon.get("device", "")
    if "device" in beacon and (type(device) is not str or device not in _DEVICES):
        raise _bad("device: desktop, mobile or tablet is expected")
    nav = beacon.get("nav")
    if nav is not None and (type(nav) is not str or nav not in _NAVIGATIONS):
        raise _bad(f"nav: one of {', '.join(sorted(_NAVIGATIONS))} is expected")
    page = _page(beacon.get("page"))
    return Visit(page, device, nav or "", _release(beacon), values)


def _release(beacon: dict[str, Any]) -> str:
    release = _text(beacon.get("release"), 32)
    if release is None:
        raise _bad("release: a text of up to 32 characters is expected")
    return clean(release)


def _metric(found: Any, what: str, index: int | None = None) -> Value:
    def where() -> str:
        return _where(what, index)

    metric = _object(found, what)
    name = metric.get("name")
    if type(name) is not str or name not in _NAMES:
        raise _bad(f"{where()}.name: no such metric")
    value = _common(metric, where)
    target = _text(metric.get("target"), 128)
    if target is None:
        raise _bad(f"{where()}.target: a text of up to 128 characters is expected")
    return Value(
        name,
        value,
        clean_target(target) if target else "",
        _optional(metric, "server_ms", where),
        _optional(metric, "db_ms", where),
    )


def _common(metric: dict[str, Any], where: Callable[[], str]) -> float:
    """The value; what is checked and not kept, beside it."""
    value = _number(metric.get("value"))
    if value is None:
        raise _bad(f"{where()}.value: a number from 0 to {MAX_MS:g} is expected")
    rating = metric.get("rating")
    if rating is not None and (type(rating) is not str or rating not in _RATINGS):
        raise _bad(f"{where()}.rating: no such rating")
    identity = metric.get("id", "")
    if type(identity) is not str or len(identity) > 64:
        raise _bad(f"{where()}.id: a text of up to 64 characters is expected")
    delta = metric.get("delta")
    if delta is not None and (
        type(delta) not in (int, float) or not -MAX_MS <= delta <= MAX_MS
    ):
        raise _bad(f"{where()}.delta: a number is expected")
    return value


def _legacy(found: Any, what: str, index: int | None = None) -> Visit:
    def where() -> str:
        return _where(what, index)

    metric = _object(found, what)
    given = metric.get("name")
    name = _LEGACY_NAMES.get(given) if type(given) is str else None
    if name is None:
        raise _bad(f"{where()}.name: no such metric")
    value = _common(metric, where)
    kind = _text(metric.get("navigationType"), 32)
    if kind is None:
        raise _bad(f"{where()}.navigationType: a text is expected")
    timestamp = metric.get("timestamp")
    if timestamp is not None and type(timestamp) not in (int, float):
        raise _bad(f"{where()}.timestamp: a number is expected")
    nav = _LEGACY_NAVIGATIONS.get(kind, kind)
    return Visit(
        _page(metric.get("page")),
        "",
        nav if nav in _NAVIGATIONS else "",
        "",
        [Value(name, value, "", None, None)],
    )


def _render(found: Any, what: str, index: int | None = None) -> Render:
    def where() -> str:
        return _where(what, index)

    entry = _object(found, what)
    component = entry.get("componentId")
    if type(component) is not str or not _COMPONENT.match(component):
        raise _bad(f"{where()}.componentId: a component's name is expected")
    metrics = _object(entry.get("metrics"), f"{where()}.metrics")
    phase = metrics.get("phase", "update")
    if type(phase) is not str or phase not in _PHASES:
        raise _bad(f"{where()}.metrics.phase: mount or update is expected")
    actual = _number(metrics.get("actualDuration"))
    if actual is None:
        raise _bad(f"{where()}.metrics.actualDuration: a number is expected")
    return Render(
        component,
        phase,
        actual,
        _optional(metrics, "baseDuration", where),
        _optional(metrics, "renderCount", where, MAX_COUNT),
        _optional(metrics, "totalDuration", where, MAX_COUNT),
        _optional(metrics, "avgDuration", where),
        _optional(metrics, "maxDuration", where),
        _optional(metrics, "slowRenders", where, MAX_COUNT),
        _optional(metrics, "busiestSecond", where, MAX_COUNT),
        _optional(metrics, "ownDuration", where),
    )


# -- texts ----------------------------------------------------------------------------


def clean(text: str) -> str:
    """A text that any database takes: printable, without lone surrogates.

    >>> clean("2.1\\x00\\ud800")
    '2.1??'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isprintable() else "?" for char in text)


def clean_target(text: str) -> str:
    """A selector without ids, or a route without its query.

    >>> clean_target("div#partner-7.o_form > img#logo"), clean_target("/shop?q=milk")
    ('div.o_form > img', '/shop')
    """
    return clean(_ID.sub("", text.partition("?")[0]).strip())


def device_of(user_agent: str) -> str:
    """The class of a device that did not say it, from its browser's name.

    >>> device_of("Mozilla/5.0 (iPhone; ...) Mobile/15E148"), device_of("")
    ('mobile', 'desktop')
    """
    if "iPad" in user_agent or "Tablet" in user_agent:
        return "tablet"
    if "Mobi" in user_agent:
        return "mobile"
    return "tablet" if "Android" in user_agent else "desktop"
