"""What to do first: each recommendation with what it saves and how that was computed.

The benefit is waiting that would not have happened in this run: milliseconds saved each
time, times how often. What breaks a target of the key metrics is HIGH, what costs a
noticeable share (:data:`NOTICEABLE`) of all waiting is MEDIUM, the rest LOW; below
:data:`WORTH` of all waiting nobody is bothered. Ranked by priority, then benefit.

Benefits overlap where one place is reported twice (a slow route and its slow query):
they are not to be added up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from . import thresholds
from .analyse.requests import API_KINDS
from .score import NOT_MET, key_metrics

HIGH, MEDIUM, LOW = "HIGH", "MEDIUM", "LOW"
_ORDER = (HIGH, MEDIUM, LOW)
NOTICEABLE = 0.05  # of all waiting
WORTH = 0.005


_MOSTLY = 0.5
_EVIDENCE = 3  # statements shown of one line of code

_REMEDIES = {
    "prefetch": "read the field over the whole recordset: Odoo then fetches it at once",
    "mapped": "collect the records with mapped() before the loop",
    "batch_search": "search once with an 'in' domain, and look up in a dictionary",
    "read_group": "count all groups with one _read_group",
    "batch_write": "write once on the whole recordset",
    "batch_create": "create all records with one create()",
    "batch_unlink": "unlink the whole recordset at once",
    "one_query": "ask once for all of them",
    "cache": "keep the answer: it is the same each time",
}


@dataclass
class Recommendation:
    """One thing to do.

    :ivar benefit_ms: waiting of this run that it would have saved
    :ivar computed: how the benefit was worked out
    :ivar where: in the code, the configuration or the database
    :ivar verify: how to see that it helped
    """

    area: str
    issue: str
    recommendation: str
    benefit_ms: float
    computed: str
    effort: str
    where: str
    verify: str
    priority: str = LOW
    evidence: list[str] = field(default_factory=list)
    expected_impact: str = ""
    breaks_target: bool = False
    in_browser: bool = False  # beside what requests waited for
    rank: int = 0


def recommend(document: dict[str, Any]) -> list[dict[str, Any]]:
    """All recommendations, ranked; the report shows ten, and the rest apart."""
    missed = {row["key"] for row in key_metrics(document) if row["status"] == NOT_MET}
    waiting = document["api"]["all"].get("total_ms") or 0.0
    found = [
        *_n_plus_one(document, missed),
        *_indexes(document, missed),
        *_statements(document, missed),
        *_endpoints(document, missed),
        *_errors(document, missed),
        *_pages(document, missed),
        *_bundles(document),
        *_bottleneck(document, missed),
        *_database_findings(document),
    ]
    kept = []
    for one in found:
        share = one.benefit_ms / waiting if waiting and not one.in_browser else 0.0
        if one.breaks_target:
            one.priority = HIGH
        elif one.priority != MEDIUM and share >= NOTICEABLE:
            one.priority = MEDIUM
        if one.priority == LOW and one.benefit_ms and share < WORTH:
            continue
        if not one.expected_impact and not one.benefit_ms:
            one.expected_impact = "not known"
        elif not one.expected_impact:
            one.expected_impact = (
                f"{_time(one.benefit_ms)} less waiting in this run"
                + (f", {100 * share:.0f} % of all" if share >= 0.01 else "")
            )
        kept.append(one)
    kept.sort(key=lambda one: (_ORDER.index(one.priority), -one.benefit_ms))
    for rank, one in enumerate(kept, start=1):
        one.rank = rank
    return [asdict(one) for one in kept]


def _n_plus_one(document: dict[str, Any], missed: set[str]) -> Iterator[Recommendation]:
    """One for each line of code: its statements are mended together."""
    places: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in document["database"]["n_plus_one_candidates"]:
        key = (row["route"], row["where"] or row["model"], row["function"])
        places.setdefault(key, []).append(row)
    for (route, where, function), rows in places.items():
        benefit = sum(
            row["total_ms"] * (1 - 1 / row["avg_repetitions"]) for row in rows
        )
        total = sum(row["total_ms"] for row in rows)
        repeated = max(row["avg_repetitions"] for row in rows)
        requests = max(row["affected_requests"] for row in rows)
        slow = _route(document, route)
        guilty = slow is not None and slow["p95"] > slow["target_ms"]
        yield Recommendation(
            area="Database",
            issue=f"N+1: {repeated:.0f} queries one by one"
            + (f" in {function}" if function else "")
            + (f" on {route}" if route else ""),
            recommendation=_REMEDIES.get(rows[0]["remedy"], _REMEDIES["one_query"]),
            benefit_ms=benefit,
            computed=f"{total:.0f} ms in {requests} requests,"
            f" of which 1 in {repeated:.0f} queries stays"
            + (f"; {len(rows)} statements" if len(rows) > 1 else ""),
            effort="Low",
            where=" ".join(filter(None, (where, function))),
            verify="the profiler's finding disappears; SQL queries of the route fall "
            "(odoo_http_request_sql_queries)",
            priority=MEDIUM,
            breaks_target=guilty and "api" in missed and slow["kind"] in API_KINDS
            if slow
            else False,
            evidence=[
                f"query: {row['query_pattern']}" for row in rows if row["query_pattern"]
            ][:_EVIDENCE],
        )


def _indexes(document: dict[str, Any], missed: set[str]) -> Iterator[Recommendation]:
    for row in document["database"]["index_advice"]:
        saved = float(row.get("saved_ms") or 0.0)
        if not saved:
            continue  # nobody asked for it in this run
        where = f"table {row.get('table_name')}, columns {row.get('columns')}"
        yield Recommendation(
            area="Database",
            issue=f"An index is missing on {row.get('table_name')}"
            f" ({row.get('columns')})",
            recommendation=str(
                row.get("odoo_way") or row.get("sql") or "add the index"
            ),
            benefit_ms=saved,
            computed="the planner's cost with the index, times the measured time of"
            f" the statements ({_cost(row)})",
            effort="Low",
            where=str(row.get("code_line") or where),
            verify="EXPLAIN shows an index scan; the statement's mean falls",
            breaks_target="database" in missed and saved > 0,
            evidence=[str(row["query"])[:300]] if row.get("query") else [],
        )


def _statements(document: dict[str, Any], missed: set[str]) -> Iterator[Recommendation]:
    advised = {
        str(row.get("table_name")) for row in document["database"]["index_advice"]
    }
    for row in document["database"]["slow_queries"]:
        if any(table and table in row["query"] for table in advised):
            continue  # the index is recommended already
        target = thresholds.value("targets", "db_query_p90")
        benefit = (row["avg_ms"] - target) * row["count"]
        yield Recommendation(
            area="Database",
            issue=f"A statement takes {row['avg_ms']:.0f} ms on average",
            recommendation="look at its plan, then restrict its rows or add an index",
            benefit_ms=benefit,
            computed=f"({row['avg_ms']:.0f} - {target:.0f} ms) x {row['count']} calls",
            effort="Medium",
            where=row.get("where") or f"statement {row['queryid']}",
            verify="its mean in pg_stat_statements is below the target in the next run",
            breaks_target="database" in missed,
            evidence=[row["query"][:300], f"slowest call {row['max_ms']:.0f} ms"],
        )


def _endpoints(document: dict[str, Any], missed: set[str]) -> Iterator[Recommendation]:
    rows = [row for row in document["api"]["endpoints"] if row["count"] >= 10]
    whole = sum(row["over_target_ms"] for row in rows) or 1.0
    for row in rows:
        if row["p95"] is None or row["p95"] <= row["target_ms"]:
            continue
        split = row.get("split")
        inside = 1.0
        cause = "profile it: where its time goes is not known"
        if split and row["avg"]:
            inside = min(1.0, split["server_ms"] / row["avg"])
            database = (split["database_ms"] or 0.0) / max(split["server_ms"], 1e-9)
            if inside < _MOSTLY:
                cause = "its requests mostly wait for a free worker: see infrastructure"
            elif database >= _MOSTLY:
                cause = "most of it is the database: fewer and cheaper queries"
            else:
                cause = "most of it is Python: profile it, cache what stays the same"
        benefit = row["over_target_ms"] * inside
        part = row["over_target_ms"] / whole
        is_api = row["kind"] in API_KINDS
        evidence = [
            f"p50 {row['p50']:.0f} ms, p95 {row['p95']:.0f} ms, p99 {row['p99']:.0f}"
            f" ms, {row['count']} requests, Apdex {row['apdex']:.2f}"
        ]
        if split:
            evidence.append(
                f"of {row['avg']:.0f} ms on average the server took "
                f"{split['server_ms']:.0f} (database {split['database_ms'] or 0:.0f}), "
                f"waiting and network {split['outside_ms']:.0f}"
            )
        yield Recommendation(
            area="API Performance" if is_api else "Pages",
            issue=f"{row['route']}: P95 {row['p95']:.0f} ms exceeds "
            f"{row['target_ms']:.0f} ms",
            recommendation=cause,
            benefit_ms=benefit,
            computed=f"{row['over_target_ms']:.0f} ms beyond the target over "
            f"{row['count']} requests, {100 * inside:.0f} % of them inside the server",
            effort="Medium",
            where=f"route {row['route']}",
            verify=f"its P95 is below {row['target_ms']:.0f} ms in the next run "
            "(baseline compare)",
            breaks_target=part >= 0.1
            and (
                ("api" in missed and is_api) or ("page_load" in missed and not is_api)
            ),
            evidence=evidence,
        )


def _errors(document: dict[str, Any], missed: set[str]) -> Iterator[Recommendation]:
    whole = document["api"]["all"]["count"]
    routes = {row["route"]: row for row in document["api"]["endpoints"]}
    for row in document["api"]["errors"][:10]:
        requests = routes.get(row["route"], {}).get("count") or whole
        rate = 100 * row["count"] / requests if requests else 0.0
        if rate <= thresholds.value("targets", "error_rate"):
            continue
        # Who got an error has waited for nothing.
        mean = routes.get(row["route"], {}).get("avg") or 0.0
        yield Recommendation(
            area="API Reliability",
            issue=f"{row['route'] or 'requests'}: {row['count']} failures "
            f"({row['class']}), {rate:.1f} %",
            recommendation="look these requests up in Odoo's log and in the incidents, "
            "and mend the cause",
            benefit_ms=mean * row["count"],
            computed=f"{row['count']} failed requests of {mean:.0f} ms each, which"
            " were waited for in vain",
            effort="Medium",
            where=f"route {row['route']}",
            verify="no failure of this class in the next run",
            breaks_target="errors" in missed
            or rate > thresholds.value("limits", "error_prone_endpoint"),
            expected_impact=f"{row['count']} failures fewer",
        )


def _pages(document: dict[str, Any], missed: set[str]) -> Iterator[Recommendation]:
    for name, key, area in (("LCP", "lcp_ms", MEDIUM), ("CLS", "cls", MEDIUM)):
        limit = thresholds.good(name)
        for page in document["frontend"]["lighthouse"]:
            if page["preset"] != "desktop" or (page[key] or 0) <= limit:
                continue
            views = _views(document, page["page"])
            over = page[key] - limit if name == "LCP" else 0.0
            shown = f"{page[key]:.0f} ms" if name == "LCP" else f"{page[key]:.3f}"
            ideas = [row["title"] for row in page["opportunities"][:3]]
            yield Recommendation(
                area="Frontend",
                issue=f"{page['page']}: {name} {shown} exceeds "
                f"{limit:g}{' ms' if name == 'LCP' else ''}",
                recommendation="; ".join(ideas)
                or (
                    "load the largest element first"
                    if name == "LCP"
                    else "reserve space for what is loaded later"
                ),
                benefit_ms=over * views,
                computed=f"{over:.0f} ms beyond the limit x {views} views in this run",
                effort="Medium" if name == "LCP" else "Low",
                where=f"page {page['page']}",
                verify=f"{name} of the page in the next Lighthouse run",
                priority=area,
                breaks_target=name == "LCP" and "lighthouse" in missed,
                in_browser=True,
                evidence=[
                    f"{row['title']}: {row['shown']}" for row in page["opportunities"]
                ],
                expected_impact="" if over else "no more jumps while the page is read",
            )
    for name in ("LCP", "CLS"):
        row = document["frontend"]["vitals"].get(name)
        limit = thresholds.good(name)
        if row and row.get("p75", 0) > limit:
            yield Recommendation(
                area="Frontend",
                issue=f"{name} P75 {row['p75']:.3g} exceeds {limit:g}",
                recommendation="begin with the pages that Web Vitals list as slowest",
                benefit_ms=(row["p75"] - limit) * row["count"]
                if name == "LCP"
                else 0.0,
                computed=f"(p75 - limit) x {row['count']:.0f} views",
                effort="Medium",
                where="Performance > Web Vitals",
                verify="the share of good views grows",
                priority=MEDIUM,
                breaks_target=name == "LCP",
                in_browser=True,
                evidence=[f"source: {row['source']}"],
            )


def _bundles(document: dict[str, Any]) -> Iterator[Recommendation]:
    limit = thresholds.value("limits", "bundle_chunk") * 1000
    for row in document["frontend"]["bundles"]:
        if row["bytes"] > limit:
            yield Recommendation(
                area="Frontend",
                issue=f"{row['chunk']} has {row['bytes'] / 1000:.0f} kB",
                recommendation="split it, or load it when it is needed",
                benefit_ms=0.0,
                computed="size only: what it costs depends on the visitor's line",
                effort="Medium",
                where=row["chunk"],
                verify=f"the bundle report shows less than {limit / 1000:.0f} kB",
                expected_impact="a faster first visit",
            )


def _bottleneck(document: dict[str, Any], missed: set[str]) -> Iterator[Recommendation]:
    found = document["infrastructure"]["bottleneck"]
    if not found:
        return
    outside = sum(
        (row["split"]["outside_ms"] or 0.0) * row["count"]
        for row in document["api"]["endpoints"]
        if row.get("split")
    )
    words = {
        "cpu": "more processors, or less work: first what is listed here for Python",
        "workers": "more workers (as many as memory and processors allow)",
        "memory": "more memory, or fewer workers",
        "pool": "raise db_maxconn and PostgreSQL's max_connections together",
        "locks": "shorten the transactions that write the same rows",
    }
    yield Recommendation(
        area="Infrastructure",
        issue=f"The bottleneck is: {found['resource']}",
        recommendation=words[found["resource"]],
        benefit_ms=outside,
        computed="time that requests waited outside the server, network included",
        effort="Low",
        where="odoo.conf" if found["resource"] in ("workers", "pool") else "the host",
        verify="its use at the same load is below 80 % in the next run",
        priority=MEDIUM,
        breaks_target=bool(missed & {"api", "page_load"}) and outside > 0,
        evidence=[found["evidence"]],
    )


def _database_findings(document: dict[str, Any]) -> Iterator[Recommendation]:
    for row in document["database"]["findings"]:
        if row.get("question") in ("slow_queries", "missing_indexes"):
            continue
        yield Recommendation(
            area="Database",
            issue=f"{row.get('subject') or row.get('question')}: {row.get('what')}"[
                :200
            ],
            recommendation=str(row.get("todo") or "look at it in the database advisor"),
            benefit_ms=0.0,
            computed="a risk, not a delay: nothing was measured that it costs today",
            effort="Low",
            where="Performance > Database",
            verify="the advisor's question is answered ok",
            expected_impact="a risk less",
            priority=MEDIUM if row.get("verdict") == "critical" else LOW,
        )


def _route(document: dict[str, Any], route: str) -> dict[str, Any] | None:
    for row in document["api"]["endpoints"]:
        if row["route"] == route and row["p95"] is not None:
            found: dict[str, Any] = row
            return found
    return None


def _views(document: dict[str, Any], page: str) -> int:
    for row in document["api"]["endpoints"]:
        if row["route"] == page:
            return int(row["count"])
    return 0


def _cost(row: dict[str, Any]) -> str:
    before, after = row.get("cost_before"), row.get("cost_after")
    return f"cost {before} -> {after}" if before and after else "not proved"


def _time(ms: float) -> str:
    """For people.

    >>> _time(250), _time(90_000), _time(7_200_000)
    ('250 ms', '90 s', '2.0 h')
    """
    if ms < 1000:
        return f"{ms:.0f} ms"
    if ms < 600_000:
        return f"{ms / 1000:.0f} s"
    if ms < 7_200_000:
        return f"{ms / 60_000:.0f} min"
    return f"{ms / 3_600_000:.1f} h"
