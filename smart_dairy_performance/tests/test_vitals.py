"""Web Vitals: who sees them, hours that are right, what is removed, what pages know."""

import json
import random
import re
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import Form, HttpCase, TransactionCase, new_test_user, tagged
from odoo.tools import SQL

from ..core import catalogue, spool, timescale, vitals, vitals_history, vitals_intake
from ..hooks import runtime, spooling
from ..hooks import vitals as hook
from ..hooks.vitals_rows import insert_renders, insert_values
from ..models import performance_web_vital
from ..models.ir_http import IrHttp
from .figures import figures

GROUP = "smart_dairy_performance.smart_dairy_performance_group_"
HOUR = datetime(2026, 3, 4, 10)
MODELS = (
    "performance.web.vital",
    "performance.web.vital.hour",
    "performance.react.render",
)


def _record(when, values, page="/shop", device="desktop"):
    """What the intake leaves in the spool, see core.vitals_intake."""
    rows = [
        (name, value, vitals.rating(name, value), "", None, None)
        for name, value in values
    ]
    seconds = (when - datetime(1970, 1, 1)).total_seconds()
    return [1, seconds, page, device, "navigate", "", rows]


def _percentile(values, share):
    values = sorted(values)
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


class VitalsCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vitals = cls.env["performance.web.vital"]
        cls.hours = cls.env["performance.web.vital.hour"]
        for model in MODELS:
            cls.env[model].search([("id", "!=", False)]).unlink()
        # What commits would end the test.
        cls.startClassPatcher(
            patch.object(cls.registry["ir.cron"], "_commit_progress", lambda *_a: 60.0)
        )
        cls.startClassPatcher(
            patch.object(
                cls.registry["performance.web.vital"],
                "_cutoff",
                lambda _self, name: HOUR - timedelta(days=cls.days[name]),
            )
        )
        cls.days = {"vitals_days": 30, "vitals_hour_days": 400}

    def _insert(self, *records):
        with closing(self.env.cr._cnx.cursor()) as cursor:
            insert_values(cursor, list(records))
        self.env.invalidate_all()


@tagged("post_install", "-at_install")
class TestVitals(VitalsCase):
    def test_rows_are_written_in_bulk(self):
        record = _record(HOUR, [("LCP", 2600.0), ("CLS", 0.3)])
        record[6][0] = ("LCP", 2600.0, "needs-improvement", "main>img", 120, 30)
        self._insert(record, [99, "of another version"])
        first, second = self.vitals.search([], order="id")
        self.assertRecordValues(
            first + second,
            [
                {
                    "time": HOUR,
                    "metric": "LCP",
                    "value": 2600.0,
                    "rating": "needs-improvement",
                    "page": "/shop",
                    "device": "desktop",
                    "navigation": "navigate",
                    "target": "main>img",
                    "server_ms": 120.0,
                    "db_ms": 30.0,
                },
                {
                    "time": HOUR,
                    "metric": "CLS",
                    "value": 0.3,
                    "rating": "poor",
                    "page": "/shop",
                    "device": "desktop",
                    "navigation": "navigate",
                    "target": False,
                    "server_ms": 0.0,
                    "db_ms": 0.0,
                },
            ],
        )

    def test_renders_are_written_in_bulk(self):
        render = ["Cart", "update", 17.2, 20, 10, 90, 9, 17.2, 1, 4, 8]
        seconds = (HOUR - datetime(1970, 1, 1)).total_seconds()
        with closing(self.env.cr._cnx.cursor()) as cursor:
            older = [[1, seconds, "", [render[:-2]]]]  # of a process not yet restarted
            insert_renders(cursor, [[1, seconds, "", [render], "2.1"], *older])
        renders = self.env["performance.react.render"].search([], order="id")
        self.assertEqual(renders.mapped("release"), ["2.1", False])
        self.assertEqual(renders.mapped("busiest_second"), [4, 0])
        self.assertEqual(renders.mapped("own_ms"), [8.0, 0.0])
        self.assertRecordValues(
            renders[0],
            [
                {
                    "component": "Cart",
                    "phase": "update",
                    "page": False,
                    "actual_ms": 17.2,
                    "avg_ms": 9.0,
                    "total_ms": 90.0,
                    "renders": 10,
                    "slow_renders": 1,
                }
            ],
        )

    def test_an_hour_says_what_its_values_say(self):
        source = random.Random(3)
        values = [round(source.uniform(500, 6000), 1) for _ in range(401)]
        values += [2500.0, 4000.0]  # bounds belong to the better side
        minutes = [timedelta(minutes=source.randrange(60)) for _ in values]
        self._insert(
            *(
                _record(HOUR + minute, [("LCP", value), ("RPC", value)])
                for minute, value in zip(minutes, values, strict=True)
            )
        )
        self.vitals._roll_up()
        hour = self.hours.search([("metric", "=", "LCP")])
        self.assertEqual((hour.hour, hour.page), (HOUR, "/shop"))
        self.assertEqual(hour.samples, len(values))
        for name, share in (("p50", 0.5), ("p75", 0.75), ("p95", 0.95)):
            self.assertAlmostEqual(hour[name], _percentile(values, share), 2)
        self.assertEqual(hour.good, sum(value <= 2500 for value in values))
        self.assertEqual(hour.poor, sum(value > 4000 for value in values))
        self.assertEqual(hour.good + hour.needs_improvement + hour.poor, 403)
        self.assertEqual(hour.rating, vitals.rating("LCP", hour.p75))
        call = self.hours.search([("metric", "=", "RPC")])
        self.assertEqual((call.samples, call.rating, call.good), (403, False, 0))
        # The histogram has the store's bounds: the same answer from both.
        (row, _others) = self._figures()
        self.assertAlmostEqual(row["p75"], hour.p75, delta=500)

    def _figures(self, since=HOUR):
        rows, together = self.vitals._figures(since)
        return (*rows, together) if rows else ({}, together)

    def test_late_rows_renew_their_hour(self):
        self._insert(_record(HOUR, [("TTFB", 100.0)] * 3))
        self.vitals._roll_up()
        later = HOUR + timedelta(hours=2)
        self._insert(
            _record(later, [("TTFB", 900.0)]), _record(HOUR, [("TTFB", 5000.0)] * 9)
        )
        self.vitals._roll_up()
        first, second = self.hours.search([("metric", "=", "TTFB")], order="hour")
        self.assertEqual((first.hour, first.samples), (HOUR, 12))
        self.assertEqual((first.rating, first.p75), ("poor", 5000.0))
        self.assertEqual((second.hour, second.samples), (later, 1))
        self.vitals._roll_up()  # nothing new: nothing changes
        self.assertEqual(self.hours.search_count([]), 2)

    def test_each_hour_is_worked_out_once(self):
        """However many records brought its rows."""
        values = [("FCP", float(value)) for value in range(1, 5)]
        for turn in range(9):
            self._insert(_record(HOUR + timedelta(hours=turn % 3), values))
        statements = []

        def noted(text, *arguments, **named):
            statements.append(text)
            return SQL(text, *arguments, **named)

        with patch.object(performance_web_vital, "SQL", noted):
            self.vitals._roll_up()
        self.assertEqual(statements.count(vitals_history.ROLL_UP), 3)
        self.assertEqual(self.hours.search([]).mapped("samples"), [12, 12, 12])

    def test_retention_keeps_up_with_what_may_come(self):
        """In a run of five minutes, with 100 processes at their budget."""
        arriving = 100 * vitals_intake.ROWS_AN_HOUR / 12
        self.assertGreaterEqual(performance_web_vital._MOST_DELETED, arriving)

    def test_figures_are_of_hours_and_of_what_is_in_none_yet(self):
        self._insert(_record(HOUR, [("LCP", 1000.0)] * 30))
        self.vitals._roll_up()
        self._insert(
            _record(HOUR + timedelta(minutes=5), [("LCP", 5000.0)] * 70),
            _record(HOUR - timedelta(hours=3), [("LCP", 5000.0)] * 7),
            _record(HOUR, [("CLS", 0.3)], "/cart", "mobile"),
        )
        rows, together = self.vitals._figures(HOUR + timedelta(minutes=30))
        found = {(row["metric"], row["page"], row["device"]): row for row in rows}
        row = found["LCP", "/shop", "desktop"]
        self.assertEqual((row["samples"], row["good"], row["poor"]), (100, 30, 70))
        self.assertEqual(row["rating"], "poor")
        self.assertEqual(found["CLS", "/cart", "mobile"]["rating"], "poor")
        self.assertEqual(together["LCP"]["samples"], 100)
        self.assertEqual(together["INP"]["p75"], None)
        before = self.vitals._figures(HOUR - timedelta(hours=3))[1]
        self.assertEqual(before["LCP"]["samples"], 107)

    def test_what_is_too_old_is_removed_in_batches(self):
        old, kept = HOUR - timedelta(days=31), HOUR - timedelta(days=29)
        self._insert(
            _record(old, [("LCP", 1.0)] * 25), _record(kept, [("LCP", 1.0)] * 4)
        )
        with closing(self.env.cr._cnx.cursor()) as cursor:
            render = ["Cart", "mount", 1.0, None, None, None, None, None, None]
            for when in (old, kept):
                seconds = (when - datetime(1970, 1, 1)).total_seconds()
                insert_renders(cursor, [[1, seconds, "", [render]]])
        for when in (HOUR - timedelta(days=401), HOUR - timedelta(days=399)):
            self.hours.create(
                {"hour": when, "metric": "LCP", "page": "/", "device": "mobile"}
            )
        sizes = {"_DELETED_AT_ONCE": 10, "_MOST_DELETED": 20}
        with patch.multiple(performance_web_vital, **sizes):
            self.vitals._expire()
            # The rest waits for the next run: no run takes long.
            self.assertEqual(self.vitals.search_count([]), 9)
            self.vitals._expire()
        self.assertEqual(self.vitals.search_count([("time", ">=", kept)]), 4)
        self.assertEqual(self.vitals.search_count([]), 4)
        self.assertEqual(self.env["performance.react.render"].search_count([]), 1)
        self.assertEqual(self.hours.search_count([]), 1)

    def test_an_hour_outlives_its_rows(self):
        self._insert(_record(HOUR, [("LCP", 100.0)] * 9))
        self.vitals._roll_up()
        self.vitals.search([]).unlink()
        late = _record(HOUR, [("LCP", 100.0)])
        with patch.dict(self.days, vitals_days=0):
            self._insert(late)
            self.vitals._roll_up()
        self.assertEqual(self.hours.search([]).samples, 9)

    def test_groups_weigh_hours_by_their_samples(self):
        for hours, (samples, p75) in enumerate(((9, 100.0), (1, 1100.0))):
            self.hours.create(
                {
                    "hour": HOUR + timedelta(hours=hours),
                    "metric": "LCP",
                    "page": "/",
                    "device": "mobile",
                    "samples": samples,
                    "p75": p75,
                }
            )
        ((_metric, p75),) = self.hours._read_group([], ["metric"], ["p75:avg"])
        self.assertAlmostEqual(p75, 200.0)

    def test_indexes_fit_rows_in_the_order_of_time(self):
        self.env.cr.execute(
            "SELECT indexdef FROM pg_indexes WHERE tablename = 'performance_web_vital'"
        )
        definitions = [definition for (definition,) in self.env.cr.fetchall()]
        self.assertTrue([text for text in definitions if "USING brin" in text])


@tagged("post_install", "-at_install")
class TestVitalsTables(TransactionCase):
    def test_an_unfit_timescaledb_leaves_the_table_as_it_is(self):
        """PostgreSQL itself refuses the first statement: there is no such view."""
        table = "performance_web_vital"
        with (
            patch.object(timescale, "INSTALLED", "SELECT 1"),
            self.assertLogs(timescale.__name__, "WARNING") as logged,
        ):
            self.env["performance.web.vital"].init()
        self.assertEqual(len(logged.records), 1)
        self.env.cr.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s",
            (f"{table}_pkey",),
        )
        self.assertEqual(self.env.cr.fetchall(), [("PRIMARY KEY (id)",)])

    def test_a_file_that_cannot_be_taken_keeps_no_others_waiting(self):
        folder = Path(self.enterContext(TemporaryDirectory()))
        name = self.env.cr.dbname
        for record in ("bad", "good"):
            writer = spool.Spool(lambda: folder, "vitals")
            writer.append(name, record)
            writer.close()
        unreadable = spool.place(folder, "vitals", name) / f"0{spool.SUFFIX}"
        unreadable.mkdir()
        Path(folder, "vitals", "stray").touch()
        taken = []

        def insert(_cursor, records):
            if records == ["bad"]:
                raise RuntimeError("not an error of the data")
            taken.extend(records)

        drain = spooling.Drain(
            lambda: folder,
            [spooling.Sink("vitals", "performance_web_vital", insert)],
            databases=lambda: [name],
        )
        with patch.object(spooling, "failed") as failed:
            drain.run()
        self.assertEqual(taken, ["good"])
        # The stray one, the folder and the bad one; which is tried again.
        self.assertEqual(failed.call_count, 3)
        left = spool.files(folder, "vitals", name)
        self.assertEqual(len(left), 2)


@tagged("post_install", "-at_install")
class TestVitalsAccess(TransactionCase):
    def test_members_read_and_nobody_writes(self):
        values = {
            "performance.web.vital": {
                "time": HOUR,
                "metric": "LCP",
                "value": 1.0,
                "page": "/",
                "device": "mobile",
            },
            "performance.web.vital.hour": {
                "hour": HOUR,
                "metric": "LCP",
                "page": "/",
                "device": "mobile",
            },
            "performance.react.render": {
                "time": HOUR,
                "component": "Cart",
                "phase": "mount",
            },
        }
        users = {
            "public": self.env.ref("base.public_user"),
            "portal": new_test_user(self.env, "vp", groups="base.group_portal"),
            "internal": new_test_user(self.env, "vi", groups="base.group_user"),
            "member": new_test_user(self.env, "vm", groups=f"{GROUP}user"),
            "manager": new_test_user(self.env, "vg", groups=f"{GROUP}manager"),
        }
        for model, row in values.items():
            record = self.env[model].create(row)
            for name, user in users.items():
                with self.subTest(model=model, user=name):
                    mine = record.with_user(user)
                    if name in ("member", "manager"):
                        self.assertTrue(mine.read())
                    else:
                        with self.assertRaises(AccessError):
                            mine.read()
                    for attempt in (
                        lambda mine=mine: mine.write({"page": "/x"}),
                        lambda mine=mine: mine.unlink(),
                        lambda mine=mine, row=row: mine.create(row),
                    ):
                        with self.assertRaises(AccessError):
                            attempt()

    def test_lists_open_and_can_be_exported(self):
        groups = f"{GROUP}user,base.group_allow_export"
        member = new_test_user(self.env, "vx", groups=groups)
        self.env["performance.web.vital"].create(
            {
                "time": HOUR,
                "metric": "INP",
                "value": 612.5,
                "rating": "poor",
                "page": "/shop",
                "device": "mobile",
            }
        )
        for model in MODELS:
            name = model.replace(".", "_")
            action = self.env.ref(f"smart_dairy_performance.{name}_action")
            menu = self.env.ref(f"smart_dairy_performance.{name}_menu")
            self.assertEqual(menu.action, action)
            views = [(False, kind) for kind in action.view_mode.split(",")]
            found = (
                self.env[model]
                .with_user(member)
                .get_views([*views, (False, "search")], {"load_filters": True})
            )
            self.assertEqual(len(found["views"]), len(views) + 1)
        rows = self.env["performance.web.vital"].with_user(member)
        fields = ["metric", "page", "value", "rating"]
        exported = rows.search([("page", "=", "/shop")]).export_data(fields)["datas"]
        self.assertIn(["INP", "/shop", 612.5, "Poor"], exported)
        with Form(rows.search([], limit=1)) as form:
            self.assertEqual(form.page, "/shop")


@tagged("post_install", "-at_install")
class TestVitalsPages(HttpCase):
    BODY = json.dumps(
        {
            "v": 1,
            "page": "/web/login",
            "device": "tablet",
            "metrics": [{"name": "INP", "value": 612.5}],
        }
    )
    HEADERS = {"Content-Type": "text/plain;charset=UTF-8"}

    def setUp(self):
        super().setUp()
        # A throttle that no other test has used.
        active = hook.current()
        self.patch(active.intake, "_rate", 0)

    def _options(self, **values):
        active = runtime.current()
        values = {name: str(value) for name, value in values.items()}
        self.addCleanup(active.told, {self.env.cr.dbname: {}})
        for name, value in values.items():
            key = f"smart_dairy_performance.{name}"
            self.env["ir.config_parameter"].set_param(key, value)
        self.env["performance.tracker"]._tell_settings()

    def _page(self):
        text = self.url_open("/web/login").text
        found = re.search(r'"smart_dairy_vitals": ({[^}]*}|null)', text)
        self.assertTrue(found, text[:500])
        return json.loads(found[1])

    def _send(self, **headers):
        return self.url_open(
            vitals_intake.BATCH, data=self.BODY, headers={**self.HEADERS, **headers}
        )

    def _good(self):
        labels = ("INP", "/web/login", "tablet", "poor")
        return figures(catalogue.VITALS_TOTAL.name).get(labels, 0.0)

    def test_a_page_of_the_website_is_told_what_to_send_where(self):
        found = self._page()
        self.assertTrue(found["endpoint"].startswith(vitals_intake.BATCH))
        del found["endpoint"]
        self.assertEqual(
            found,
            {
                "sampleRate": 1.0,
                "respectDoNotTrack": True,
                "page": "/web/login",
                "batch": 10,
                "flushSeconds": 30,
            },
        )

    def test_settings_reach_the_page(self):
        self._options(vitals_sample_percent=25, vitals_ignore_dnt=True)
        found = self._page()
        self.assertEqual(
            (found["sampleRate"], found["respectDoNotTrack"]), (0.25, False)
        )
        self._options(vitals_collector="backend")
        self.assertIsNone(self._page())

    def test_the_backend_is_told_too(self):
        new_test_user(self.env, "vb", password="vb-password", groups="base.group_user")
        self.authenticate("vb", "vb-password")
        text = self.url_open("/odoo").text
        found = re.search(r'"smart_dairy_vitals": ({[^}]*}|null)', text)
        self.assertIsNone(json.loads(found[1])["page"])
        self._options(vitals_collector="website")
        text = self.url_open("/odoo").text
        self.assertIn('"smart_dairy_vitals": null', text)

    def test_a_beacon_makes_no_session_and_asks_no_database(self):
        before = self._good()
        self.opener.cookies.clear()
        with self.assertQueryCount(0):
            answer = self._send()
        self.assertEqual((answer.status_code, answer.text), (204, ""))
        self.assertNotIn("Set-Cookie", answer.headers)
        self.assertEqual(self._good(), before + 1)

    def test_a_process_that_knows_no_database_asks_odoo(self):
        before = self._good()
        self.opener.cookies.clear()
        with patch.object(hook, "database_of", lambda _environ: None):
            answer = self._send()
            self.assertEqual(answer.status_code, 204)
            self.assertEqual(self._send(Origin="https://evil.example").status_code, 403)
        self.assertNotIn("Set-Cookie", answer.headers)
        self.assertEqual(self._good(), before + 1)

    def test_each_database_of_a_process_tells_its_pages(self):
        """Another one's turn is not this one's."""
        never = {"another": float("inf")}
        with (
            patch.object(IrHttp, "_settings_due", dict(never)),
            patch.object(IrHttp, "_pages_due", dict(never)),
        ):
            self.url_open("/web/login")
            for due in (IrHttp._settings_due, IrHttp._pages_due):
                self.assertEqual(set(due), {"another", self.env.cr.dbname})

    def test_routes_of_addons_that_come_later_are_learned(self):
        def rules(addons, nodb_only):
            endpoint = SimpleNamespace(routing={"type": "http"})
            return [(f"/{addon}", endpoint) for addon in addons]

        database = self.env.cr.dbname
        beacons = hook.Beacons(runtime.current())
        self.patch(hook.http, "_generate_routing_rules", rules)

        def names():
            beacons._learn_routes(database)
            pages = beacons.intake.pages(database)
            return [pages.name(page) for page in ("/base", "/late", "/en/news")]

        self.patch(self.registry, "_init_modules", {"base"})
        self.assertEqual(names(), ["/base", "other", "other"])
        self.patch(self.registry, "_init_modules", {"base", "late"})
        self.assertEqual(names(), ["/base", "/late", "other"])
        beacons.told(database, {"/news"}, {"en"})
        self.assertEqual(names(), ["/base", "/late", "/news"])
        # A process of many databases begins names of pages anew.
        beacons.intake._pages.clear()
        self.assertEqual(names(), ["/base", "/late", "/news"])
