"""Statements that make hours out of single Web Vitals, and figures out of hours.

An hour keeps exact p50, p75 and p95, and a histogram with the store's bounds: what
several hours have in common is worked out from their histograms, as percentiles do not
add up.
"""

from typing import Any

from . import catalogue as c
from . import vitals
from .vitals import CLS, GOOD, NEEDS_IMPROVEMENT, POOR, Histograms, Ratings

COUNTS = len(c.VITALS_BUCKETS) + 1  # of the longest histogram
# One writer at a time: numbers of rows are then committed in their order, and what
# has a number up to the last one seen is all there.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('performance_web_vital'))"


def bounds(name: str) -> tuple[float, ...]:
    """Upper bounds of a metric's histogram, in the unit that browsers send."""
    if name == CLS:
        return c.SHIFT_BUCKETS
    if name in vitals.VITALS:
        return tuple(round(bound * 1000, 6) for bound in c.VITALS_BUCKETS)
    return tuple(round(bound * 1000, 6) for bound in c.BROWSER_BUCKETS)


def metrics() -> list[tuple[str, list[float], float | None, float | None]]:
    """What statements are told: name, bounds, last good and last not poor value.

    The bounds are negated and reversed: PostgreSQL's ``width_bucket`` counts bounds
    that are at most the value, a histogram's are those that are at least.
    """
    rated = vitals.thresholds()
    found = []
    for name in vitals.NAMES:
        good, poor = rated.get(name, (None, None))
        negated = [-bound for bound in reversed(bounds(name))]
        found.append((name, negated, good, poor))
    return found


def _counted(bucket: str) -> str:
    return ", ".join(
        f"count(*) FILTER (WHERE {bucket} = {number})" for number in range(COUNTS)
    )


# The figures of one hour. Parameters: metrics, hour, hour, last number, hour.
ROLL_UP = f"""
    WITH kind (metric, bounds, good, poor) AS (VALUES %s),
    found AS (
        SELECT vital.metric, vital.page, vital.device, vital.value, vital.rating,
               cardinality(kind.bounds)
                   - width_bucket(-vital.value, kind.bounds) AS bucket
          FROM performance_web_vital AS vital
          JOIN kind ON kind.metric = vital.metric
         WHERE vital.time >= %s AND vital.time < %s + interval '1 hour'
           AND vital.id <= %s
    ),
    summed AS (
        SELECT metric, page, device, count(*) AS samples, sum(value) AS total,
               percentile_cont(ARRAY[0.5, 0.75, 0.95])
                   WITHIN GROUP (ORDER BY value) AS percentiles,
               count(*) FILTER (WHERE rating = '{GOOD}') AS good,
               count(*) FILTER (WHERE rating = '{NEEDS_IMPROVEMENT}') AS middling,
               count(*) FILTER (WHERE rating = '{POOR}') AS poor,
               ARRAY[{_counted("bucket")}] AS counts
          FROM found
         GROUP BY metric, page, device
    )
    INSERT INTO performance_web_vital_hour (
        hour, metric, page, device, samples, total, p50, p75, p95, good,
        needs_improvement, poor, rating, counts
    )
    SELECT %s, summed.metric, page, device, samples, total, percentiles[1],
           percentiles[2], percentiles[3], summed.good, middling, summed.poor,
           CASE WHEN kind.poor IS NULL THEN NULL
                WHEN percentiles[2] > kind.poor THEN '{POOR}'
                WHEN percentiles[2] > kind.good THEN '{NEEDS_IMPROVEMENT}'
                ELSE '{GOOD}' END,
           counts
      FROM summed
      JOIN kind ON kind.metric = summed.metric
        ON CONFLICT (hour, metric, page, device) DO UPDATE
       SET samples = excluded.samples, total = excluded.total, p50 = excluded.p50,
           p75 = excluded.p75, p95 = excluded.p95, good = excluded.good,
           needs_improvement = excluded.needs_improvement, poor = excluded.poor,
           rating = excluded.rating, counts = excluded.counts
"""

# What hours and the values that are in none yet have in common. Parameters: metrics,
# last number that is in an hour, since when, since when.
AGGREGATE = f"""
    WITH kind (metric, bounds, good, poor) AS (VALUES %s),
    found AS (
        SELECT vital.metric, vital.page, vital.device, vital.value, vital.rating,
               cardinality(kind.bounds)
                   - width_bucket(-vital.value, kind.bounds) AS bucket
          FROM performance_web_vital AS vital
          JOIN kind ON kind.metric = vital.metric
         WHERE vital.id > %s AND vital.time >= %s
    ),
    parts AS (
        SELECT metric, page, device, sum(total) AS total, sum(good) AS good,
               sum(needs_improvement) AS middling, sum(poor) AS poor,
               ARRAY[{", ".join(f"sum(counts[{n + 1}])" for n in range(COUNTS))}]
                   AS counts
          FROM performance_web_vital_hour
         WHERE hour >= %s
         GROUP BY metric, page, device
         UNION ALL
        SELECT metric, page, device, sum(value),
               count(*) FILTER (WHERE rating = '{GOOD}'),
               count(*) FILTER (WHERE rating = '{NEEDS_IMPROVEMENT}'),
               count(*) FILTER (WHERE rating = '{POOR}'),
               ARRAY[{_counted("bucket")}]
          FROM found
         GROUP BY metric, page, device
    )
    SELECT metric, page, device, total, good, middling, poor, counts FROM parts
"""


def read(rows: list[tuple[Any, ...]]) -> tuple[Histograms, Ratings]:
    """What AGGREGATE yields, as :mod:`vitals` takes it; a page may stand there twice.

    :returns: histograms in the store's form (seconds), visits by rating
    """
    histograms: Histograms = {}
    ratings: dict[tuple[str, str, str], dict[str, int]] = {}
    for metric, page, device, total, good, middling, poor, counts in rows:
        key = (metric, page, device)
        size = len(bounds(metric)) + 1
        scale = 1.0 if metric == CLS else 1000.0
        row = [*map(float, counts[:size]), float(total or 0) / scale]
        known = histograms.get(key)
        histograms[key] = (
            [a + b for a, b in zip(known, row, strict=True)] if known else row
        )
        visits = ratings.setdefault(key, dict.fromkeys(vitals.RATINGS, 0))
        for name, count in zip(vitals.RATINGS, (good, middling, poor), strict=True):
            visits[name] += int(count or 0)
    return histograms, ratings
