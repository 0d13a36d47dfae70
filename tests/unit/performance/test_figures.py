"""Figures of one reader: replaced as a whole, shown while fresh, gone when gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from smart_dairy_performance.core import figures
from smart_dairy_performance.core.database_figures import QUESTIONS, job_label
from smart_dairy_performance.core.figures import Answer, FigureFile
from smart_dairy_performance.core.scrape import Scraper
from smart_dairy_performance.core.store import Store

STREAK = "odoo_cron_failure_streak"
AGE = "smart_dairy_performance_figures_age_seconds"


def answer(database="dairy", read_at=100.0, jobs=(("base.gc", 2.0),), question="cron"):
    found = tuple((STREAK, (job,), streak) for job, streak in jobs)
    return Answer(database, question, read_at, 15.0, found)


def shown(folder: Path, now: float, with_db: bool = False):
    file = FigureFile(folder)
    file.read()
    return {
        name: dict(zip(family.labels, family.columns[0], strict=True))
        for name, family in file.families(now, with_db).items()
    }


def test_an_answer_comes_back_with_its_age(tmp_path):
    figures.write(tmp_path, [answer()])
    assert shown(tmp_path, now=104.0) == {
        STREAK: {("base.gc",): 2.0},
        AGE: {("cron",): 4.0},
    }


def test_an_old_answer_vanishes_but_its_age_stays(tmp_path):
    figures.write(tmp_path, [answer()])
    assert STREAK in shown(tmp_path, now=145.0)
    assert shown(tmp_path, now=145.1) == {AGE: {("cron",): pytest.approx(45.1)}}


def test_several_databases_have_a_label(tmp_path):
    figures.write(tmp_path, [answer(), answer("goats", jobs=(("base.gc", 0.0),))])
    assert shown(tmp_path, 100.0, with_db=True)[STREAK] == {
        ("base.gc", "dairy"): 2.0,
        ("base.gc", "goats"): 0.0,
    }


def test_a_job_that_was_removed_is_gone_with_the_next_answer(tmp_path):
    file = FigureFile(tmp_path)
    figures.write(tmp_path, [answer(jobs=(("base.gc", 1.0), ("base.old", 1.0)))])
    file.read()
    assert len(file.families(100.0, False)[STREAK].labels) == 2
    figures.write(tmp_path, [answer(read_at=115.0)])
    file.read()
    assert file.families(115.0, False)[STREAK].labels == [("base.gc",)]


def test_families_are_kept_while_nothing_changed(tmp_path):
    """The renderer keeps templates for as long as a family is the same object."""
    figures.write(tmp_path, [answer()])
    file = FigureFile(tmp_path)
    file.read()
    first = file.families(100.0, False)[STREAK]
    file.read()
    assert file.families(110.0, False)[STREAK] is first


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 2, "answers": []}',
        '{"version": 1, "answers": [["dairy"]]}',
        '{"version": 1, "answers": [["dairy", "cron", "x", 15, []]]}',
        '{"version": 1, "answers": 3}',
    ],
)
def test_a_foreign_file_is_told_once_and_shows_nothing(tmp_path, text):
    (tmp_path / figures.NAME).write_text(text)
    file = FigureFile(tmp_path)
    with pytest.raises(ValueError):
        file.read()
    assert file.read() == []
    assert file.families(0.0, False) == {}


def test_figures_of_another_version_are_left_out(tmp_path):
    odd = Answer("dairy", "new", 100.0, 15.0, (("odoo_new", (), 1.0), (STREAK, (), 1)))
    figures.write(tmp_path, [odd])
    assert shown(tmp_path, 100.0) == {AGE: {("new",): 0.0}}


def test_no_file_no_figures(tmp_path):
    assert shown(tmp_path, 0.0) == {}


def test_a_folder_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path):
    with pytest.raises(OSError):
        figures.write(tmp_path / "missing", [answer()])
    assert list(tmp_path.iterdir()) == []


def test_a_scrape_shows_them_and_knows_the_databases(tmp_path):
    figures.write(tmp_path, [answer(), answer("goats")])
    scraper = Scraper(tmp_path, Store(lambda: None), clock=lambda: 101.0)
    text = scraper.scrape()[1].decode()
    assert f'{STREAK}{{cron="base.gc",db="dairy"}} 2.0\n' in text
    assert f'{STREAK}{{cron="base.gc",db="goats"}} 2.0\n' in text
    assert f'{AGE}{{question="cron",db="goats"}} 1.0\n' in text


# -- what rows mean ----------------------------------------------------------------

ASKED = {question.name: question.figures for question in QUESTIONS}


def test_cron_rows():
    rows = [
        (1, "base.gc", True, 0, -30.0),
        (2, None, True, 3, 90.0),
        (3, "base.off", False, 0, 9999.0),
    ]
    assert sorted(ASKED["cron"](rows)) == [
        ("odoo_cron_failure_streak", ("base.gc",), 0.0),
        ("odoo_cron_failure_streak", ("cron-2",), 3.0),
        ("odoo_cron_jobs", ("inactive",), 1.0),
        ("odoo_cron_jobs", ("overdue",), 1.0),
        ("odoo_cron_jobs", ("waiting",), 1.0),
        ("odoo_cron_overdue_seconds", ("base.gc",), 0.0),
        ("odoo_cron_overdue_seconds", ("cron-2",), 90.0),
    ]


def test_mail_rows():
    rows = [
        ("outgoing", None, 4, 61.5),
        ("scheduled", None, 2, -500.0),
        ("exception", "mail_smtp", 3, 100.0),
        ("exception", None, 1, 100.0),
    ]
    assert sorted(ASKED["mail"](rows)) == [
        ("odoo_mail_failures", ("mail_smtp",), 3.0),
        ("odoo_mail_failures", ("unknown",), 1.0),
        ("odoo_mail_queue_messages", ("exception",), 4.0),
        ("odoo_mail_queue_messages", ("outgoing",), 4.0),
        ("odoo_mail_queue_messages", ("scheduled",), 2.0),
        ("odoo_mail_queue_oldest_seconds", (), 61.5),
    ]


def test_an_empty_queue_is_zero_not_absent():
    assert ("odoo_mail_queue_oldest_seconds", (), 0.0) in ASKED["mail"]([])
    assert ("odoo_queue_jobs", ("failed",), 0.0) in ASKED["queue"]([("started", 1)])
    assert ("odoo_users_present", ("away",), 0.0) in ASKED["presence"]([])
    assert ("odoo_modules_pending", ("to_remove",), 0.0) in ASKED["modules"]([])


def test_job_label():
    assert job_label("base.gc", 7) == "base.gc"
    assert job_label(None, 7) == "cron-7"
