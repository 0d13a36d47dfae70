"""Incidents: rows, who is told, how often, and who may see them."""

import json

from odoo.exceptions import AccessError
from odoo.tests import TransactionCase, new_test_user, tagged

from ..core.dashboard import questions
from ..models.performance_incident import BUS_TYPE, HOURLY, SWITCH

GROUP = "smart_dairy_performance.smart_dairy_performance_group_"
START = 1_800_000_000  # unix time
SAMPLES = {"samples": {"requests": 20, "queries": 100, "LOAD": 5}}  # just enough
BAD = {"api": {"p95ResponseTime": 300.0}, **SAMPLES}
GOOD = {"api": {"p95ResponseTime": 50.0}, **SAMPLES}
ALL_BAD = {
    **SAMPLES,
    "api": {"p95ResponseTime": 300.0, "errorRate": 50.0},
    "database": {"p90QueryTime": 90.0},
    "frontend": {"pageLoadP95": 9000.0},
}


@tagged("post_install", "-at_install")
class TestIncidents(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Odoo's own cron may have looked before.
        cls.env["performance.incident"].search([("state", "!=", False)]).unlink()
        cls.targets = cls.env["performance.target"].search([("name", "!=", False)])
        cls.targets.write({"watched": False, "minutes": 5})
        cls.api = cls.targets.filtered(lambda target: target.name == "api_response_p95")
        cls.manager = new_test_user(
            cls.env, "incident-manager", groups=f"{GROUP}manager"
        )
        cls.user = new_test_user(cls.env, "incident-user", groups=f"{GROUP}user")
        cls.minute = 0

    def _look(self, figures, minutes=1):
        for _minute in range(minutes):
            self.env["performance.incident"]._look(figures, START + 60 * self.minute)
            self.minute += 1
            self.env.flush_all()  # each look is a transaction of its own

    def _incidents(self):
        return self.env["performance.incident"].search([("state", "!=", False)])

    def _messages(self, user):
        """What was sent to a user's web clients in this test."""
        values = self.env.cr.precommit.data.get("bus.bus.values", [])
        channel = [self.env.cr.dbname, "res.partner", user.partner_id.id]
        messages = [
            json.loads(value["message"])
            for value in values
            if json.loads(value["channel"]) == channel
        ]
        return [m["payload"] for m in messages if m["type"] == BUS_TYPE]

    def test_life_of_an_incident(self):
        self._look(GOOD, 2)
        self._look(BAD, 5)
        self.assertFalse(self._incidents())
        self._look({**BAD, "api": {"p95ResponseTime": 700.0}})
        incident = self._incidents()
        self.assertEqual(incident.state, "open")
        self.assertEqual((incident.opened - incident.since).total_seconds(), 300)
        self.assertEqual((incident.opening_value, incident.peak), (700.0, 700.0))
        self._look({**BAD, "api": {"p95ResponseTime": 900.0}})
        self._look({})
        self.assertEqual((incident.duration, incident.peak), (6.0, 900.0))
        self.assertEqual(
            incident.sentence,
            "API Response (p95): up to 900 ms, the limit is 200.",
        )
        self._look(GOOD, 6)
        self.assertEqual((incident.state, incident.duration), ("closed", 6.0))
        self.assertEqual((incident.until - incident.last_seen).total_seconds(), 120)
        self._look(BAD, 6)
        self.assertEqual(self._incidents(), incident)
        self._look(BAD)
        self.assertEqual((incident.state, incident.reopened), ("open", 1))
        self.assertEqual(incident.peak, 900.0)
        self.assertFalse(incident.until)

    def test_a_few_slow_requests_are_no_incident(self):
        few = {"samples": {"requests": 19, "queries": 99, "LOAD": 4}}
        self._look({**ALL_BAD, **few}, 60)
        self.assertFalse(self._incidents())
        # Enough of them once in three minutes do not tell of the time between.
        for _time in range(20):
            self._look(ALL_BAD)
            self._look({**ALL_BAD, **few}, 2)
        self.assertFalse(self._incidents())
        self._look(ALL_BAD, 6)
        self.assertEqual(len(self._incidents()), 4)

    def test_the_dashboard_knows_since_when(self):
        def ask(sql):
            self.env.cr.execute(sql)
            return self.env.cr.fetchall()

        self._look(BAD, 6)
        self.env.flush_all()
        self.assertEqual(questions.incidents(ask), {"api_response_p95": START})
        self._look(GOOD, 6)
        self.env.flush_all()
        self.assertEqual(questions.incidents(ask), {})

    def test_managers_are_told_once_at_each_end(self):
        self._look(BAD, 30)
        (opened,) = self._messages(self.manager)
        self.assertEqual(opened["state"], "open")
        self.assertIn("API Response (p95): up to 300 ms", opened["message"])
        self._look(GOOD, 30)
        _opened, closed = self._messages(self.manager)
        self.assertEqual((closed["id"], closed["state"]), (opened["id"], "closed"))
        self.assertFalse(self._messages(self.user))

    def test_no_storm_when_it_flaps(self):
        for _time in range(20):
            self._look(BAD, 6)
            self._look(GOOD, 6)
        self.assertEqual(len(self._messages(self.manager)), 2)
        self.assertEqual(len(self._incidents()), 1)

    def test_no_storm_when_everything_is_bad_again_and_again(self):
        self.targets.write({"minutes": 0})
        for _time in range(5):
            self._look(ALL_BAD)
            self._look(GOOD | {"api": {"p95ResponseTime": 50.0, "errorRate": 0.0}})
            self.minute += 10
            # Long ago, as far as the incidents know: each time new ones.
            for target in self.targets:
                target.watched = {
                    **(target.watched or {}),
                    "closed": START - 10_000,
                }
        self.assertGreater(len(self._incidents()), HOURLY)
        self.assertEqual(len(self._messages(self.manager)), HOURLY)
        self.minute += 60
        self._look(GOOD)
        self._look(BAD)
        self.assertEqual(len(self._messages(self.manager)), HOURLY + 1)

    def test_nobody_is_told_when_switched_off(self):
        self.env["ir.config_parameter"].set_param(SWITCH, "off")
        self._look(BAD, 6)
        self.assertTrue(self._incidents())
        self.env["ir.config_parameter"].set_param(SWITCH, "on")
        self._look(GOOD, 6)
        # Nobody knew that it began.
        self.assertFalse(self._messages(self.manager))

    def test_nobody_is_told_of_a_target_without_notification(self):
        self.api.notify = False
        self._look(BAD, 6)
        self.assertTrue(self._incidents())
        self.assertFalse(self._messages(self.manager))

    def test_a_to_do_while_it_is_open(self):
        if "mail.activity" not in self.env:
            self._look(BAD, 6)
            self.assertFalse(self._incidents().todo_id)
            return
        mails = self.env["mail.mail"].search_count([("id", "!=", False)])
        self._look(BAD, 6)
        todo = self.env["mail.activity"].browse(self._incidents().todo_id)
        self.assertIn(todo.user_id, self._incidents()._managers())
        self.assertIn("API Response (p95)", todo.summary)
        self.assertFalse(todo.res_model)
        self._look(GOOD, 6)
        self.assertFalse(todo.exists())
        self.assertEqual(
            self.env["mail.mail"].search_count([("id", "!=", False)]), mails
        )

    def test_the_job_looks_at_real_figures(self):
        self.env.ref("smart_dairy_performance.ir_cron_watch_targets")
        self.env["performance.incident"]._cron_watch()

    def test_who_may_see_them(self):
        self._look(BAD, 6)
        incident = self._incidents()
        for user in (self.user, self.manager):
            self.assertEqual(incident.with_user(user).state, "open")
            with self.assertRaises(AccessError):
                incident.with_user(user).write({"state": "closed"})
            with self.assertRaises(AccessError):
                incident.with_user(user).unlink()
            with self.assertRaises(AccessError):
                incident.with_user(user).create({"target_id": self.api.id})
        for groups in ("base.group_user", "base.group_portal"):
            other = new_test_user(self.env, groups, groups=groups)
            with self.assertRaises(AccessError):
                incident.with_user(other).read(["state"])

    def test_old_ones_are_removed(self):
        self._look(BAD, 6)
        self._look(GOOD, 6)
        incident = self._incidents()
        incident._gc_incidents()
        self.assertTrue(incident.exists())
        incident.until = "2020-01-01"
        incident._gc_incidents()
        self.assertFalse(incident.exists())
