"""Profiles that managers start: who may, what is asked of workers, what is kept."""

import json
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import HttpCase, new_test_user, tagged

from odoo.addons.smart_dairy_performance.core.recorder import Unit

from ..core import recordings
from ..core.session import About, Frame, Session
from ..hooks import sampling

GROUP = "smart_dairy_performance.smart_dairy_performance_group_"
SHOP = Frame("Shop.list", "shop/shop.py", 12, "shop", 10, "shop.shop.list")


def session():
    found = Session(About(kind="http", label="/shop", started=time.time(), seconds=2.0))
    found.add((found.frame(SHOP),), 1.5, 0.25, 30)
    return found


@tagged("post_install", "-at_install")
class TestProfiles(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = new_test_user(cls.env, "pg_manager", f"{GROUP}manager")
        cls.user = new_test_user(cls.env, "pg_user", f"{GROUP}user")
        cls.employee = new_test_user(cls.env, "pg_employee", "base.group_user")

    def setUp(self):
        super().setUp()
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.base = Path(place.name)
        self.startPatcher(patch.object(sampling, "folder", lambda: self.base))

    def start(self, user=None, **values):
        wizards = self.env["performance.profile.start"].with_user(user or self.manager)
        action = wizards.create(values).action_start()
        # A test's transaction is never committed.
        self.env.cr.postcommit.run()
        return self.env[action["res_model"]].browse(action["res_id"])

    def record(self, profile, **unit):
        """What one worker would do."""
        worker = recordings.Recorder(
            lambda: self.base, lambda unit: session(), lambda unit, rate: None
        )
        worker.beat()
        one = Unit("http", 0.0)
        one.db, one.route, one.uid = self.env.cr.dbname, "/shop", self.manager.id
        for name, value in unit.items():
            setattr(one, name, value)
        worker.entered(one)
        worker.ended(one)
        return worker

    def source(self, profile):
        return {"model": profile._name, "id": profile.id}

    def viewer(self, user):
        return self.env["performance.profile.viewer"].with_user(user)

    def test_a_profile_from_start_to_end(self):
        profile = self.start(target="me", seconds=30)
        self.assertEqual(profile.user_id, self.manager)
        self.assertTrue(profile.running)
        [asked] = recordings.running(self.base, time.time())
        self.assertEqual((asked.kind, asked.uid), ("user", self.manager.id))
        self.assertAlmostEqual(asked.until, time.time() + 30, delta=5)
        worker = self.record(profile)
        profile.with_user(self.manager).action_stop()
        self.assertFalse(worker.beat())
        self.assertFalse(profile.running)
        found = self.viewer(self.user).open_source(self.source(profile))
        self.assertEqual(found["units"], 1)
        self.assertEqual(found["graph"]["frames"][0][0], "Shop.list")
        self.assertEqual(found["graph"]["weights"]["wall"], [1.5])

        profile.ended -= timedelta(seconds=60)
        profile._close()
        self.env.cr.postcommit.run()
        self.assertTrue(profile.with_context(bin_size=True).content)
        self.assertEqual((profile.unit_count, profile.sample_count), (1, 30))
        self.assertEqual(recordings.read(self.base, profile.profile_key).units, 0)
        kept = self.viewer(self.user).open_source(self.source(profile))
        self.assertEqual(kept["graph"], found["graph"])
        rows = self.viewer(self.user).read_table(self.source(profile), "method")
        self.assertEqual(rows, [["shop.shop.list", 1.5, 1.5, 0.25, 0.25, 30]])

    def test_one_at_a_time_of_each_target(self):
        self.start(target="route", route="/shop", seconds=30)
        with self.assertRaisesRegex(UserError, "runs already"):
            self.start(target="route", route="/shop", seconds=30)
        self.start(target="route", route="/farm", seconds=30)
        self.assertEqual(len(recordings.running(self.base, time.time())), 2)

    def test_it_ends_by_itself(self):
        profile = self.start(target="route", route="/shop", seconds=30)
        profile.until = fields.Datetime.now() - timedelta(seconds=1)
        again = self.start(target="route", route="/shop", seconds=30)
        self.assertFalse(profile.running)
        self.assertEqual(profile.ended, profile.until)
        self.assertTrue(again.running)

    def test_it_ends_with_the_last_request_that_was_wanted(self):
        profile = self.start(target="requests", wanted=1, seconds=30)
        self.assertEqual(profile.wanted, 1)
        self.record(profile)
        profile.started -= timedelta(seconds=30)
        self.assertFalse(profile._close())
        self.assertFalse(profile.running)

    def test_only_managers_start_and_stop(self):
        profile = self.start(target="me", seconds=30)
        for user in (self.user, self.employee):
            with self.assertRaises(AccessError):
                self.start(user=user, target="me", seconds=30)
            with self.assertRaises(AccessError):
                self.env["performance.profile"].with_user(user)._start(
                    {"target": "requests", "wanted": 1, "rate": 100.0}, 30
                )
            with self.assertRaises(AccessError):
                profile.with_user(user).action_stop()
            with self.assertRaises(AccessError):
                profile.with_user(user).unlink()
            with self.assertRaises(AccessError):
                self.viewer(user).turn_sampler("off")
        self.assertTrue(profile.running)
        with self.assertRaises(AccessError):
            profile.with_user(self.manager).write({"name": "another"})

    def test_who_is_no_member_reads_nothing(self):
        profile = self.start(target="me", seconds=30)
        viewer = self.viewer(self.employee)
        for ask in (
            lambda: viewer.open_source(self.source(profile)),
            lambda: viewer.read_table(self.source(profile), "line"),
            lambda: viewer.open_source({"hours": 1}),
            lambda: viewer.sampled(1),
            lambda: viewer.sampler_status(),
            lambda: profile.with_user(self.employee).poll(),
        ):
            with self.assertRaises(AccessError):
                ask()

    def test_limits(self):
        for wrong in (
            {"seconds": 0},
            {"seconds": 3601},
            {"rate": 0},
            {"rate": 1001},
            {"wanted": -1},
        ):
            with self.assertRaises(ValidationError):
                self.start(target="me", **({"seconds": 30} | wrong))
        with self.assertRaisesRegex(UserError, "Say what"):
            self.start(target="route", seconds=30)

    def test_who_is_told_that_it_runs(self):
        profiles = self.env["performance.profile"]

        def told(user):
            return profiles.with_user(user)._running_for_client()

        self.start(target="user", user_id=self.employee.id, seconds=30)
        [mine] = told(self.employee)
        self.assertEqual(
            (mine["mine"], mine["manager"], mine["name"]), (True, False, "")
        )
        self.assertEqual(told(self.user), [])
        [theirs] = told(self.manager)
        self.assertTrue(theirs["manager"])
        self.assertEqual(theirs["name"], self.employee.name)
        self.start(target="requests", wanted=5, seconds=30)
        self.assertEqual(len(told(self.user)), 1)
        public = self.env.ref("base.public_user")
        self.assertEqual(told(public), [])

    def test_the_switch_for_all_workers(self):
        viewer = self.viewer(self.manager)
        options = SimpleNamespace(profiling_rate=20.0, profiling_schedule="")
        with patch.object(sampling, "_options", lambda: options):
            status = viewer.turn_sampler("off")
            self.assertEqual((status["switch"], status["rate"]), ("off", 20.0))
            self.assertEqual((self.base / "switch").read_text(), "off")
            self.assertEqual(viewer.turn_sampler("")["switch"], "")
        with self.assertRaises(UserError):
            viewer.turn_sampler("maybe")

    def test_two_are_compared(self):
        pair = self.env["performance.profile"]
        for _time in range(2):
            profile = self.start(target="route", route="/compared", seconds=30)
            self.record(profile, route="/compared").beat()
            profile.with_user(self.manager).action_stop()
            pair |= profile
        action = pair.with_user(self.user).action_compare()
        self.assertEqual(action["params"]["before"]["id"], min(pair.ids))
        self.assertEqual(pair[1].action_compare()["params"], action["params"])
        with self.assertRaisesRegex(UserError, "two"):
            pair[0].action_compare()
        viewer = self.viewer(self.user)
        found = viewer.open_source(action["params"])
        self.assertEqual(
            set(found["graph"]["weights"]),
            {*("wall_before", "wall_after", "cpu_before", "cpu_after")},
        )
        self.assertIn("cpu", viewer.read_changes(action["params"]))

    def test_downloads(self):
        profile = self.start(target="route", route="/shop", seconds=30)
        worker = self.record(profile)
        profile.with_user(self.manager).action_stop()
        worker.beat()
        address = f"/performance/profile/{profile.id}"
        self.authenticate("pg_user", "pg_user")
        speedscope = self.url_open(f"{address}.speedscope")
        self.assertEqual(speedscope.status_code, 200)
        names = [f["name"] for f in json.loads(speedscope.text)["shared"]["frames"]]
        self.assertEqual(names, ["Shop.list"])
        folded = self.url_open(f"{address}.folded")
        self.assertEqual(folded.text, "Shop.list (shop/shop.py) 1500\n")
        self.assertIn("attachment", folded.headers["Content-Disposition"])
        self.assertEqual(self.url_open(f"{address}.pprof").content[:2], b"\x1f\x8b")
        self.assertEqual(self.url_open(f"{address}.pstats").status_code, 200)
        self.assertEqual(self.url_open(f"{address}.exe").status_code, 404)
        self.assertEqual(self.url_open("/performance/user/2.folded").status_code, 404)
        self.authenticate("pg_employee", "pg_employee")
        self.assertEqual(self.url_open(f"{address}.folded").status_code, 403)

    def test_links(self):
        starts = self.env["performance.profile.start"].with_user(self.manager)
        action = starts._open_of_route("/shop")
        self.assertEqual(action["context"]["default_route"], "/shop")
        action = starts._open_of_route("base.autovacuum_job")
        job = self.env.ref("base.autovacuum_job")
        self.assertEqual(action["context"]["default_cron_id"], job.id)
