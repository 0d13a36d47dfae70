from contextlib import closing

import psycopg2

from odoo.exceptions import AccessError, UserError
from odoo.sql_db import connection_info_for
from odoo.tests import TransactionCase, new_test_user, tagged

GROUP = "smart_dairy_performance.smart_dairy_performance_group_"
MODELS = (
    "performance.database.advice",
    "performance.database.finding",
    "performance.database.index",
    "performance.database.lock",
    "performance.database.statement",
    "performance.database.statement.hour",
    "performance.database.table",
    "performance.database.table.size",
    "performance.database.wait",
)


@tagged("post_install", "-at_install")
class TestDatabaseAccess(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stranger = new_test_user(cls.env, "db_stranger", "base.group_user")
        cls.user = new_test_user(cls.env, "db_user", f"{GROUP}user")
        cls.manager = new_test_user(cls.env, "db_manager", f"{GROUP}manager")

    def test_members_read_and_nobody_writes(self):
        for name in MODELS:
            self.env[name].with_user(self.user).search([], limit=1)
            with self.assertRaises(AccessError):
                self.env[name].with_user(self.stranger).search([], limit=1)
            for operation in ("write", "create", "unlink"):
                model = self.env[name].with_user(self.manager)
                self.assertFalse(model.has_access(operation), (name, operation))

    def test_actions_are_the_managers_to_see(self):
        self.env["performance.database.audit"].with_user(self.manager).search([])
        with self.assertRaises(AccessError):
            self.env["performance.database.audit"].with_user(self.user).search([])

    def test_what_costs_is_for_managers(self):
        advice = self.env["performance.database.advice"].create(
            {"name": "planted_index", "table_name": "res_partner", "sql": "x"}
        )
        statement = self.env["performance.database.statement"].create(
            {"queryid": "1", "query": "SELECT ?"}
        )
        lock = self.env["performance.database.lock"].with_user(self.user)
        lock = lock.sudo().create({}).sudo(False)
        for call in (
            self.env["performance.database"].with_user(self.user).action_refresh,
            advice.with_user(self.user).action_build,
            statement.with_user(self.user).action_plan,
            lock.action_cancel,
        ):
            with self.assertRaises(AccessError):
                call()
        self.assertEqual(advice.state, "proposed")

    def test_a_manager_cancels_a_session_and_it_is_written_down(self):
        # What is written down has a cursor of its own, which knows the manager then.
        self.registry_enter_test_mode()
        _name, parameters = connection_info_for(self.env.cr.dbname)
        with closing(psycopg2.connect(**parameters)) as other:
            with other.cursor() as cursor:
                cursor.execute("SELECT 1")  # idles in its transaction from here on
            pid = other.info.backend_pid
            self.env.cr.execute(
                "SELECT extract(epoch FROM query_start)::float8 FROM pg_stat_activity"
                " WHERE pid = %s",
                (pid,),
            )
            [start] = self.env.cr.fetchone()
            model = self.env["performance.database.lock"].with_user(self.manager)
            model = model.sudo()
            values = {"pid": pid, "state": "idle in transaction", "route": "/planted"}
            audits = self.env["performance.database.audit"]
            stale = {"query_start": start - 5}
            running = {"query_start": start, "state": "active"}
            for other_now in (stale, running):
                row = model.create({**values, "query_start": start, **other_now})
                with self.assertRaises(UserError):
                    row.sudo(False).action_cancel()
                self.assertFalse(audits.search([], limit=1).succeeded)
            row = model.create({**values, "query_start": start}).sudo(False)
            colleague = new_test_user(self.env, "db_colleague", f"{GROUP}manager")
            with self.assertRaises(AccessError):
                row.with_user(colleague).action_cancel()
            action = row.action_cancel()
            self.assertEqual(action["res_model"], "performance.database.lock")
            with self.assertRaises(psycopg2.Error), other.cursor() as cursor:
                cursor.execute("SELECT 1")
        audit = self.env["performance.database.audit"].search([], limit=1)
        self.assertEqual(audit.user_id, self.manager)
        self.assertEqual(audit.what, f"pg_terminate_backend({pid})")
        self.assertIn("/planted", audit.detail)
        self.assertTrue(audit.succeeded)
