"""The verdict: each cause with its level, values and time, and none without data."""

import dataclasses

import pytest

from smart_dairy_performance.core import catalogue as c
from smart_dairy_performance.core.dashboard import verdict
from smart_dairy_performance.core.dashboard.history import Point
from smart_dairy_performance.core.dashboard.windows import Reading, Window

NOW = 10_000.0
EMPTY = Point(0.0, [], {}, [], [])
MET = {"name": "db_query_p90", "met": True, "value": 3.0, "compare": "<"}


def points(**last):
    """Ten points, 10 s apart; a list gives a value's last ones, the oldest first."""
    found = []
    for index in range(10):
        values = {}
        for name, series in last.items():
            place = index - (10 - len(series))
            if place >= 0:
                values[name] = series[place]
        at = NOW - 10 * (9 - index)
        found.append(dataclasses.replace(EMPTY, time=at, **values))
    return found


def facts(numbers=None, grown=None, **given):
    numbers = {metric.name: rows for metric, rows in (numbers or {}).items()}
    grown = {metric.name: rows for metric, rows in (grown or {}).items()}
    given = {"targets": [MET], "measuring": {"on": True, "snapshotAge": 5.0}, **given}
    return verdict.Facts(Reading(NOW, numbers), Window(NOW, 300.0, grown), **given)


def only(**given):
    """The one cause, and the verdict's level."""
    found = verdict.verdict(facts(**given))
    (cause,) = found["causes"]
    assert cause["level"] == found["level"]
    return cause["code"], cause["level"], cause["params"], cause["since"]


def test_healthy_needs_a_figure_that_says_so():
    assert verdict.verdict(facts()) == {"level": "healthy", "causes": []}
    for targets in ([], [{**MET, "met": None, "value": None}]):
        found = verdict.verdict(facts(targets=targets))
        assert found == {"level": "unknown", "causes": []}


def test_nothing_is_measured():
    off = {"on": False, "reason": "disabled", "snapshotAge": None}
    found = only(targets=[], measuring=off)
    assert found == ("measuring_off", "unknown", {"reason": "disabled"}, None)


@pytest.mark.parametrize(("age", "codes"), [(31.0, []), (32.0, ["snapshots_stale"])])
def test_stale_snapshots(age, codes):
    found = verdict.verdict(facts(measuring={"on": True, "snapshotAge": age}))
    assert [cause["code"] for cause in found["causes"]] == codes
    if codes:
        assert found["causes"][0]["since"] == NOW - age


@pytest.mark.parametrize(
    ("name", "value", "target", "level"),
    [
        ("api_response_p95", 250.0, 200.0, "attention"),
        ("api_response_p95", 500.0, 200.0, "critical"),
        ("error_rate", 0.5, 0.1, "attention"),
        ("error_rate", 1.0, 0.1, "critical"),
        ("page_load_p95", 9.0, 2.0, "attention"),  # has no level called poor
    ],
)
def test_missed_target(name, value, target, level):
    entry = {
        "name": name,
        "met": False,
        "value": value,
        "target": target,
        "compare": "<",
        "unit": "u",
        "since": 77.0,
        "samples": 100,
        "least": 20,
    }
    params = {"name": name, "value": value, "target": target, "unit": "u"}
    assert only(targets=[entry]) == ("target_missed", level, params, 77.0)


@pytest.mark.parametrize(
    ("samples", "level"), [(20, "attention"), (99, "attention"), (100, "critical")]
)
def test_a_poor_figure_of_few_samples_is_not_critical(samples, level):
    entry = {
        "name": "error_rate",
        "met": False,
        "value": 5.0,
        "target": 0.1,
        "compare": "<",
        "unit": "percent",
        "samples": samples,
        "least": 20,
    }
    assert only(targets=[entry])[1] == level


def test_levels_that_were_edited_decide():
    entry = {
        "name": "lighthouse_performance",
        "met": False,
        "value": 40.0,
        "target": 90.0,
        "compare": ">",
        "unit": "score",
        "samples": None,
        "least": 0,
    }
    for poor, level in ((50.0, "critical"), (30.0, "attention"), (0.0, "attention")):
        found = only(targets=[entry], poor={"lighthouse_performance": poor})
        assert found[1] == level


@pytest.mark.parametrize(
    ("check", "level"), [("database", "critical"), ("disk", "attention")]
)
def test_failed_check(check, level):
    found = only(checks={check: 9_990.0})
    assert found == ("check_failed", level, {"check": check}, 9_990.0)


def saturated(seconds, backlog=0, busy=4):
    series = [4.0] * (seconds // 10 + 1)
    return facts(
        points=points(busy=series, total=[4.0] * 10),
        workers={"busy": busy, "total": 4, "backlog": backlog, "oldestSeconds": 7.5},
    )


@pytest.mark.parametrize(
    ("seconds", "backlog", "level"),
    [
        (20, 9, None),
        (30, 0, "attention"),
        (30, 2, "critical"),
        (90, 0, "attention"),
    ],
)
def test_saturated_workers(seconds, backlog, level):
    found = verdict.verdict(saturated(seconds, backlog))
    if level is None:
        assert found["causes"] == []
        return
    (cause,) = found["causes"]
    assert (cause["code"], cause["level"]) == ("workers_saturated", level)
    assert cause["since"] == NOW - seconds
    assert cause["params"] == {
        "busy": 4,
        "total": 4,
        "oldestSeconds": 7.5,
        "backlog": backlog,
    }


def test_saturated_for_two_minutes_is_critical():
    given = saturated(90)
    given.now = Reading(NOW + 30, {})
    assert verdict.verdict(given)["level"] == "critical"


def test_a_worker_that_is_free_again_ends_saturation():
    assert verdict.verdict(saturated(90, busy=3))["causes"] == []


@pytest.mark.parametrize(
    ("reason", "count", "level"),
    [
        ("killed", 1, "attention"),
        ("crash", 3, "critical"),
        ("real_time", 1, "attention"),
        ("request_count", 50, None),
        ("memory", 5, None),
        ("reload", 4, None),
    ],
)
def test_worker_deaths(reason, count, level):
    given = facts(
        points=points(exits=[{reason: 1.0}] * 7 + [{reason: 1.0 + count}] * 3),
        workers={"exits": [{"reason": reason, "count": count}]},
    )
    causes = verdict.verdict(given)["causes"]
    if level is None:
        assert causes == []
    else:
        params = {"reason": reason, "count": count}
        assert causes == [
            {
                "code": "worker_deaths",
                "level": level,
                "params": params,
                "since": NOW - 20,
            }
        ]


@pytest.mark.parametrize(("streak", "level"), [(1, "attention"), (3, "critical")])
def test_failing_job(streak, level):
    found = only(
        numbers={c.CRON_STREAK: {("a.job",): (streak, 0), ("b.job",): (0, 0)}},
        points=points(failing=[{}, {"a.job": 1}, {"a.job": streak}]),
    )
    params = {"name": "a.job", "streak": streak}
    assert found == ("cron_failing", level, params, NOW - 10)


def test_disabled_job():
    found = only(
        grown={c.CRON_DISABLED: {("a.job",): [1.0]}},
        points=points(disabled=[0.0, 1.0, 1.0]),
    )
    assert found == ("cron_disabled", "critical", {"name": "a.job"}, NOW - 10)


@pytest.mark.parametrize(
    ("late", "began", "level"),
    [
        (300.0, 0.0, None),
        (301.0, 0.0, "attention"),
        (901.0, 0.0, "critical"),
        (9_000.0, NOW - 200, None),  # the server was down
    ],
)
def test_late_job(late, began, level):
    rows = {("a.job",): (late, 0), ("b.job",): (310.0 if level else 0.0, 0)}
    given = facts(numbers={c.CRON_OVERDUE: rows}, began=began)
    causes = verdict.verdict(given)["causes"]
    if level is None:
        assert causes == []
    elif late > 310:
        params = {"name": "a.job", "seconds": 901, "jobs": 2}
        assert (causes[0]["level"], causes[0]["params"]) == (level, params)
        assert causes[0]["since"] == NOW - late
    else:
        assert causes[0]["params"] == {"name": "b.job", "seconds": 310, "jobs": 2}


@pytest.mark.parametrize(
    ("oldest", "level"),
    [(7_200.0, None), (7_201.0, "attention"), (86_401.0, "critical")],
)
def test_stuck_mail(oldest, level):
    numbers = {
        c.MAIL_OLDEST: {(): (oldest, 0)},
        c.MAIL_QUEUE: {("outgoing",): (12.0, 0)},
    }
    causes = verdict.verdict(facts(numbers))["causes"]
    if level is None:
        assert causes == []
    else:
        assert causes == [
            {
                "code": "mail_stuck",
                "level": level,
                "params": {"waiting": 12.0, "oldestSeconds": round(oldest)},
                "since": NOW - oldest,
            }
        ]


def test_failing_mail_is_what_failed_within_the_window():
    assert verdict.verdict(facts(points=points(mail_failed=[5.0] * 10)))["causes"] == []
    found = only(points=points(mail_failed=[5.0] * 8 + [7.0] * 2))
    assert found == ("mail_failing", "attention", {"count": 2}, NOW - 10)


def test_dropped_series():
    found = only(
        numbers={c.SELF_DROPPED: {("x_total",): (3.0,), ("a_total",): (1.0,)}},
        points=points(dropped=[0.0, 4.0]),
    )
    params = {"count": 4, "metrics": ["a_total", "x_total"]}
    assert found == ("series_dropped", "attention", params, NOW)


def test_busy_host():
    found = only(points=points(cpu=[85.0] * 7))
    params = {"name": "cpu_usage", "value": 85.0, "limit": 80.0}
    assert found == ("host_busy", "attention", params, NOW - 60)
    assert verdict.verdict(facts(points=points(cpu=[85.0] * 6)))["causes"] == []
    # A disk does not become full for a moment.
    assert only(points=points(disk=[90.0]))[2]["name"] == "disk_usage"
    assert verdict.verdict(facts(points=points(cpu=[79.9] * 10)))["causes"] == []


def test_the_worst_comes_first():
    found = verdict.verdict(
        facts(
            checks={"disk": 1.0, "database": 2.0},
            grown={c.CRON_DISABLED: {("a.job",): [1.0]}},
        )
    )
    assert [cause["level"] for cause in found["causes"]] == [
        "critical",
        "critical",
        "attention",
    ]
    assert found["level"] == "critical"


def test_a_judge_that_fails_costs_the_others_nothing():
    told = []
    broken = facts(checks={"disk": 1.0}, workers={"exits": [None]})
    found = verdict.verdict(broken, told.append)
    assert [cause["code"] for cause in found["causes"]] == ["check_failed"]
    assert told == ["verdict.worker_deaths"]
