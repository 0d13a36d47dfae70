import tempfile
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import psycopg2

from odoo import fields
from odoo.tests import TransactionCase, tagged

from ..core import database_figures, figures
from ..core.database_figures import Question
from ..hooks import database

GUARD = "odoo.addons.smart_dairy_performance.core.guard"


class Lent:
    """The test's own transaction, as if it were a new connection."""

    closed = False

    def __init__(self, cr):
        self._cr = cr
        self._savepoint = None
        self.closes = 0

    def cursor(self):
        self._savepoint = self._cr.savepoint(flush=False)
        return _Cursor(self._cr._cnx)

    def rollback(self):
        self._savepoint.rollback()
        self._savepoint.close(rollback=False)

    def close(self):
        self.closes += 1


class _Cursor:
    def __init__(self, connection):
        self._cursor = connection.cursor()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._cursor.close()

    def execute(self, query, parameters=None):
        if query != database.LIMITS:
            self._cursor.execute(query, parameters)

    def fetchmany(self, size):
        return self._cursor.fetchmany(size)


@tagged("post_install", "-at_install")
class TestDatabase(TransactionCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.now = 100.0
        self.names = ["dairy"]
        self.lent = Lent(self.env.cr)
        self.reached = []
        self.reader = self._reader()

    def _reader(self, connecting=None):
        return database.Reader(
            lambda: self.folder,
            lambda: self.names,
            connecting or self._connect,
            lambda: self.now,
        )

    def _connect(self, name):
        self.reached.append(name)
        return self.lent

    def _read(self, seconds=0.0):
        """The figures after a round: {(metric, *labels): value}."""
        self.env.flush_all()
        self.now += seconds
        self.reader.read()
        return {
            (name, *labels): value
            for answer in figures.FigureFile(self.folder).read()
            for name, labels, value in answer.figures
        }

    def test_all_questions_are_answered(self):
        found = self._read()
        self.assertGreater(found["odoo_database_size_bytes",], 1_000_000)
        self.assertEqual(found["odoo_modules_pending", "to_install"], 0)
        self.assertIn(("odoo_cron_overdue_seconds", "base.autovacuum_job"), found)
        states = ("waiting", "overdue")
        self.assertTrue(any(found["odoo_cron_jobs", state] for state in states))
        self.assertIn(("odoo_sessions",), found)
        self.assertEqual(self.lent.closes, 1)

    def test_cron(self):
        cron = self.env["ir.cron"].create(
            {
                "name": "Feed",
                "model_id": self.env.ref("base.model_res_partner").id,
                "nextcall": fields.Datetime.now() - timedelta(hours=1),
                "failure_count": 2,
            }
        )
        job = f"cron-{cron.id}"
        found = self._read()
        # The test's transaction began before the job was made.
        self.assertAlmostEqual(found["odoo_cron_overdue_seconds", job], 3600, delta=120)
        self.assertEqual(found["odoo_cron_failure_streak", job], 2)
        cron.active = False
        found = self._read(15)
        self.assertNotIn(("odoo_cron_overdue_seconds", job), found)
        self.assertGreaterEqual(found["odoo_cron_jobs", "inactive"], 1)

    def test_queue_jobs_when_there_is_such_a_table(self):
        self.assertNotIn(("odoo_queue_jobs", "pending"), self._read())
        self.env.cr.execute("CREATE TABLE queue_job (id serial, state varchar)")
        self.env.cr.execute(
            "INSERT INTO queue_job (state)"
            " VALUES ('pending'), ('pending'), ('failed'), ('done')"
        )
        found = self._read(60)
        self.assertEqual(found["odoo_queue_jobs", "pending"], 2)
        self.assertEqual(found["odoo_queue_jobs", "failed"], 1)
        self.assertEqual(found["odoo_queue_jobs", "started"], 0)
        self.assertNotIn(("odoo_queue_jobs", "done"), found)
        self.env.cr.execute("DROP TABLE queue_job")
        self.assertNotIn(("odoo_queue_jobs", "failed"), self._read(60))

    def test_each_question_in_its_time(self):
        self._read()
        self._read(5)
        self.assertEqual(len(self.reached), 1)
        self._read(10)
        self.assertEqual(len(self.reached), 2)

    def test_one_that_fails_loses_only_itself(self):
        bad = Question("mail", "ir_cron", 15.0, "SELECT 1 / 0", lambda rows: [])
        questions = (bad, *database_figures.QUESTIONS)
        with (
            patch.object(database, "QUESTIONS", questions),
            self.assertLogs(GUARD) as logs,
        ):
            found = self._read()
        self.assertIn("database.mail", logs.output[0])
        self.assertIn(("odoo_database_size_bytes",), found)

    def test_a_slow_question_is_asked_less_often(self):
        def slow(lent):
            self.now += 2.0
            return quick(lent)

        quick = Lent.rollback
        self.patch(Lent, "rollback", slow)
        size = [q for q in database_figures.QUESTIONS if q.name == "size"]
        self.patch(database, "QUESTIONS", size)
        self._read()
        self._read(60)
        self.assertEqual(len(self.reached), 1)
        self._read(200)
        self.assertEqual(len(self.reached), 2)

    def test_a_database_without_the_addon_is_left_alone(self):
        self.assertIn(("odoo_database_size_bytes",), self._read())
        module = self.env.ref("base.module_smart_dairy_performance")
        module.state = "uninstalled"
        self.assertNotIn(("odoo_database_size_bytes",), self._read(15))
        self._read(45)
        self.assertEqual(len(self.reached), 2)
        self._read(15)
        self.assertEqual(len(self.reached), 3)

    def test_a_database_that_is_no_longer_served_is_forgotten(self):
        self.assertIn(("odoo_database_size_bytes",), self._read())
        self.names = []
        self.assertNotIn(("odoo_database_size_bytes",), self._read(5))

    def test_a_dead_database(self):
        def refused(name):
            self.reached.append(name)
            raise psycopg2.OperationalError("refused")

        self._read()
        written = (self.folder / figures.NAME).read_bytes()
        alive = self.reader._connect
        self.reader._connect = refused
        with self.assertLogs(GUARD):
            self._read(15)
        self._read(5)
        self.assertEqual(len(self.reached), 2, "not hammered")
        # What was known is there, to become old and vanish.
        self.assertEqual((self.folder / figures.NAME).read_bytes(), written)
        self.reader._connect = alive
        self.assertIn(("odoo_database_size_bytes",), self._read(60))

    def test_a_successor_goes_on_from_its_predecessors_answers(self):
        self._read()
        self.reader = self._reader(connecting=self.fail)
        self.reader._due = {("dairy", ""): 10_000.0}
        self.reader._sessions = None
        self.assertIn(("odoo_database_size_bytes",), self._read())

    def test_the_limits_are_set(self):
        with self.assertRaises(psycopg2.errors.QueryCanceled):
            database._rows(self._own(), "SELECT pg_sleep(10)")
        with self.assertRaises(psycopg2.errors.ReadOnlySqlTransaction):
            database._rows(self._own(), "CREATE TABLE dairy_write (id int)")

    def _own(self):
        connection = database.connect(self.env.cr.dbname)
        self.addCleanup(connection.close)
        return connection
