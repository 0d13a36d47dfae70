from psycopg2.errors import QueryCanceled

from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Command
from odoo.tests import TransactionCase, new_test_user, tagged

from ..core.metric import Metric

GROUP = "smart_dairy_performance.smart_dairy_performance_group_"


@tagged("post_install", "-at_install")
class TestBusinessMetrics(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.metrics = cls.env["performance.metric"]
        cls.country = cls.env["res.country"].create({"name": "Milkland", "code": "Q1"})

    def _metric(self, name="dairy_states", **values):
        labels = values.pop("labels", {})
        return self.metrics.create(
            {
                "name": name,
                "help": "Test.",
                "model_name": "res.country.state",
                "domain": f"[('country_id', '=', {self.country.id})]",
                "label_ids": [
                    Command.create({"name": label, "field_name": field})
                    for label, field in labels.items()
                ],
                **values,
            }
        )

    def _state(self, code):
        return self.env["res.country.state"].create(
            {"name": f"State {code}", "code": code, "country_id": self.country.id}
        )

    def _values(self, metric):
        return {tuple(v.labels or ()): v.doubles for v in metric.value_ids}

    def _refresh(self, metric):
        metric._refresh()
        self.assertEqual(metric.state, "ok", metric.last_error)
        return self._values(metric)

    def test_gauge_counts(self):
        metric = self._metric()
        self.assertEqual(self._refresh(metric)[()][0], 0.0)
        self._state("A")
        self._state("B")
        self.assertEqual(self._refresh(metric)[()][0], 2.0)

    def test_gauge_by_label_agrees_with_search(self):
        metric = self._metric(
            "odoo_modules",
            model_name="ir.module.module",
            domain="[]",
            labels={"state": "state"},
        )
        values = self._refresh(metric)
        for (state,), doubles in values.items():
            found = self.env["ir.module.module"].search_count([("state", "=", state)])
            self.assertEqual(doubles[0], found)

    def test_many2one_label_is_a_name(self):
        self._state("A")
        metric = self._metric(labels={"country": "country_id"})
        self.assertEqual(list(self._refresh(metric)), [("Milkland",)])

    def test_too_many_series_become_other(self):
        for code in "ABCDE":
            self._state(code)
        metric = self._metric(labels={"code": "code"}, max_series=2)
        values = self._refresh(metric)
        self.assertEqual(len(values), 3)
        self.assertEqual(values["other",][0], 3.0)

    def test_sum_of_a_field(self):
        metric = self._metric(
            "dairy_sequence",
            model_name="res.currency",
            domain="[('active', '=', True)]",
            aggregate="max",
            value_field="decimal_places",
        )
        expected = max(self.env["res.currency"].search([]).mapped("decimal_places"))
        self.assertEqual(self._refresh(metric)[()][0], expected)

    def test_counter_never_goes_down(self):
        metric = self._metric(
            "dairy_states_total", type="counter", labels={"code": "code"}
        )
        first = self._state("A")
        self.assertEqual(self._refresh(metric), {("A",): [1.0]})
        first.code = "B"
        self.env.flush_all()
        self.assertEqual(self._refresh(metric), {("A",): [1.0], ("B",): [1.0]})
        first.unlink()
        self._state("B")
        self.assertEqual(self._refresh(metric), {("A",): [1.0], ("B",): [2.0]})

    def test_counter_counts_each_record_once(self):
        metric = self._metric("dairy_states_total", type="counter")
        self._state("A")
        self._refresh(metric)
        self.assertEqual(self._refresh(metric), {(): [1.0]})

    def test_histogram(self):
        currency = self.env["res.currency"].create({"name": "MLK", "symbol": "m"})
        for day, rate in enumerate((0.5, 1.0, 1.5, 20.0), 1):
            currency.rate_ids = [
                Command.create({"name": f"2020-01-0{day}", "rate": rate})
            ]
        metric = self._metric(
            "dairy_rates",
            type="histogram",
            model_name="res.currency.rate",
            domain=f"[('currency_id', '=', {currency.id})]",
            value_field="rate",
            buckets="1, 10",
        )
        # <= 1, <= 10, more, sum
        self.assertEqual(self._refresh(metric), {(): [2.0, 1.0, 1.0, 23.0]})

    def test_definition_is_the_stores(self):
        metric = self._metric(labels={"code": "code"})
        self.assertEqual(
            Metric.from_definition(metric.definition),
            Metric(
                "dairy_states",
                "gauge",
                "Test.",
                ("code",),
                combine="latest",
                per_db=True,
            ),
        )

    def test_preview_is_the_exposition(self):
        self._state("A")
        metric = self._metric(labels={"code": "code"})
        self.assertIn('dairy_states{code="A"} 1.0\n', metric.preview)

    def test_broken_definition_breaks_only_itself(self):
        good, bad = self._metric(), self._metric("dairy_bad")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE performance_metric SET domain = %s WHERE id = %s",
            ["[('no_such_field', '=', 1)]", bad.id],
        )
        bad.invalidate_recordset()
        bad._refresh()
        self.assertEqual(bad.state, "failed")
        self.assertIn("no_such_field", bad.last_error)
        self._refresh(good)

    def test_time_limit(self):
        metric = self._metric()
        with self.assertRaises(QueryCanceled), metric._limited(20):
            self.env.cr.execute("SELECT pg_sleep(5)")
        self.env.cr.execute("SHOW statement_timeout")
        self.assertEqual(self.env.cr.fetchone()[0], "0")

    def test_absent_model(self):
        metric = self._metric(model_name="dairy.goat")
        metric._refresh()
        self.assertEqual(metric.state, "absent")

    def test_refused_definitions(self):
        refused = [
            {"name": "Dairy States"},
            {"name": "dairy_states_total"},
            {"name": "dairy_states", "type": "counter"},
            {"name": "odoo_http_queue_seconds"},
            {"name": "dairy_states_bucket"},
            {"domain": "[('nothing', '=', 1)]"},
            {"domain": "__import__('os')"},
            {"aggregate": "sum"},
            {"aggregate": "sum", "value_field": "name"},
            {"name": "dairy_total", "type": "counter", "aggregate": "avg"},
            {"type": "histogram", "value_field": "id", "buckets": "3, 2"},
            {"model_name": "ir.http"},
            {"labels": {"le": "code"}},
            {"labels": {"code": "no_such_field"}},
            {
                "model_name": "res.users",
                "domain": "[]",
                "labels": {"who": "partner_id"},
            },
            {"model_name": "res.partner", "domain": "[]", "labels": {"who": "email"}},
        ]
        for values in refused:
            with self.subTest(values), self.assertRaises(ValidationError):
                self._metric(**values)

    def test_ready_made_ones_fit_and_stay_deleted(self):
        self.env["ir.config_parameter"].set_param(
            "smart_dairy_performance.ready_made", ""
        )
        self.metrics.with_context(active_test=False).search(
            [("ready_made", "!=", False)]
        ).unlink()
        made = self.metrics._create_ready_made()
        for metric in made:
            metric._refresh()
            self.assertEqual(metric.state, "ok", f"{metric.name}: {metric.last_error}")
        made.unlink()
        self.assertFalse(self.metrics._create_ready_made())

    def test_rights(self):
        metric = self._metric()
        inside = new_test_user(self.env, "inside", groups="base.group_user")
        user = new_test_user(self.env, "user", groups=f"{GROUP}user")
        manager = new_test_user(self.env, "manager", groups=f"{GROUP}manager")
        with self.assertRaises(AccessError):
            metric.with_user(inside).read(["name"])
        self.assertTrue(metric.with_user(user).read(["name", "preview"]))
        with self.assertRaises(AccessError):
            metric.with_user(user).write({"interval": 10})
        with self.assertRaises(AccessError):
            metric.with_user(user).action_refresh()
        # A metric counts what its author may not see: only administrators define one.
        with self.assertRaises(AccessError):
            metric.with_user(manager).write({"domain": "[]"})
        metric.with_user(manager).action_refresh()
        self.assertEqual(metric.state, "ok")

    def test_an_administrator_changes_what_was_computed(self):
        admin = new_test_user(self.env, "boss", groups="base.group_system")
        metric = self._metric("dairy_states_total", type="counter")
        self._state("A")
        self._refresh(metric)
        metric.with_user(admin).write({"domain": "[]"})
        self.assertEqual((metric.state, self._values(metric)), ("new", {}))
        self._refresh(metric)

    def test_values_below_zero_do_not_add_up(self):
        currency = self.env["res.currency"].create({"name": "MLK", "symbol": "m"})
        currency.rate_ids = [Command.create({"name": "2020-01-01", "rate": 2.0})]
        metric = self._metric(
            "dairy_rates_total",
            type="counter",
            aggregate="sum",
            model_name="res.currency.rate",
            domain=f"[('currency_id', '=', {currency.id})]",
            value_field="rate",
        )
        self.env.cr.execute(
            "INSERT INTO performance_metric_ledger (metric_id, res_id, labels, value)"
            " VALUES (%s, 0, '[]', -1)",
            [metric.id],
        )
        metric._refresh()
        self.assertEqual(metric.state, "failed")
        self.assertIn("below zero", metric.last_error)
