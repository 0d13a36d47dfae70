import logging

from odoo.exceptions import AccessError
from odoo.service.model import call_kw
from odoo.tests import TransactionCase, tagged

from .. import track_performance
from ..core.recorder import Process, local
from ..hooks import orm, runtime
from .figures import figures, grown


class Cow:
    """Stands in for a record: what track_performance reads of one."""

    _name = "dairy.cow"

    def __init__(self, env):
        self.env = env

    @track_performance
    def milk(self, liters):
        """Give milk."""
        return liters * 2

    @track_performance("feeding")
    def feed(self):
        raise ValueError("no hay")


@tagged("post_install", "-at_install")
class TestTracker(TransactionCase):
    def setUp(self):
        super().setUp()
        self.recorder = runtime.current().recorder
        self.addCleanup(setattr, local, "unit", None)

    def _unit(self):
        unit = self.recorder.begin("test")
        unit.db = self.env.cr.dbname
        return unit

    def test_decorated_method_outside_a_request(self):
        before = figures("odoo_request_total")
        self.assertEqual(Cow(self.env).milk(3), 6)
        self.assertEqual(
            grown("odoo_request_total", before), {("dairy.cow", "milk", "success"): 1.0}
        )

    def test_decorated_method_in_a_request_counts_when_it_ends(self):
        before = figures("odoo_request_total")
        unit = self._unit()
        with self.assertRaises(ValueError):
            Cow(self.env).feed()
        self.assertFalse(grown("odoo_request_total", before))
        self.recorder.end_job(unit)
        self.assertEqual(
            grown("odoo_request_total", before),
            {("dairy.cow", "feeding", "error"): 1.0},
        )

    def test_decorated_method_keeps_its_face(self):
        self.assertEqual(Cow.milk.__name__, "milk")
        self.assertEqual(Cow.milk.__doc__, "Give milk.")

    def test_slow_method_is_logged(self):
        self.patch(Process, "slow_method_seconds", 0.0)
        with self.assertLogs(
            "odoo.addons.smart_dairy_performance.core.tracking", logging.WARNING
        ) as logs:
            Cow(self.env).milk(1)
        self.assertIn("Slow method: dairy.cow.milk took 0.00 s", logs.output[0])

    def test_track_query(self):
        name = "odoo_db_query_duration_seconds"
        family = runtime.current().scraper().merge().families.get(name)
        counted = dict(
            zip(family.labels, zip(*family.columns, strict=True), strict=True)
        )
        before = counted.get(("other",), (0.0,) * 9)
        self.env["performance.tracker"].track_query("VACUUM; DROP", 0.2)
        family = runtime.current().scraper().merge().families[name]
        after = dict(
            zip(family.labels, zip(*family.columns, strict=True), strict=True)
        )[("other",)]
        self.assertEqual(sum(after[:-1]) - sum(before[:-1]), 1.0)
        self.assertAlmostEqual(after[-1] - before[-1], 0.2)

    def test_tracker_is_not_for_remote_calls(self):
        for method, args in (
            ("track_query", ["select", 1.0]),
            ("update_active_users", [5]),
        ):
            with self.assertRaises(AccessError):
                call_kw(self.env["performance.tracker"], method, args, {})


@tagged("post_install", "-at_install")
class TestOrm(TransactionCase):
    def setUp(self):
        super().setUp()
        self.recorder = runtime.current().recorder
        self.addCleanup(setattr, local, "unit", None)

    def _record(self, function):
        """Run something as a request; what it added: {(metric, model, method): n}."""
        names = ("odoo_orm_calls_total", "odoo_orm_records_total")
        before = {name: figures(name) for name in names}
        unit = self.recorder.begin("test")
        unit.db = self.env.cr.dbname
        try:
            function()
        finally:
            local.unit = None
            self.recorder.end_job(unit)
        return {
            (name, *labels): value
            for name in names
            for labels, value in grown(name, before[name]).items()
        }

    def test_calls_and_records(self):
        partners = self.env["res.partner"]

        def work():
            made = partners.create([{"name": "Rina"}, {"name": "Lal"}])
            made.write({"comment": "cow"})
            partners.search([("id", "in", made.ids)], limit=1)
            partners.search_count([("id", "in", made.ids)])

        added = self._record(work)
        for method, records in (
            ("create", 2),
            ("write", 2),
            ("search", 1),
            ("search_count", 2),
        ):
            found = {
                name: value
                for (name, *labels), value in added.items()
                if labels == ["res.partner", method]
            }
            self.assertEqual(
                found,
                {"odoo_orm_calls_total": 1, "odoo_orm_records_total": records},
                method,
            )

    def test_every_concrete_model_is_wrapped_once(self):
        for model in self.env.registry.models.values():
            if model._abstract:
                continue
            method, depth = model.write, 0
            while method is not None:
                depth += getattr(method, "_smart_dairy_tracked", None) is model
                method = getattr(method, "__wrapped__", None)
            self.assertEqual(depth, 1, model._name)

    def test_patching_again_changes_nothing(self):
        before = vars(self.env.registry["res.partner"])["write"]
        orm.patch(self.env.registry)
        self.assertIs(vars(self.env.registry["res.partner"])["write"], before)

    def test_taken_off_patches_come_back(self):
        # What base_automation does when a rule is created.
        for model in self.env.registry.models.values():
            for name in ("create", "write", "unlink"):
                if name in vars(model):
                    delattr(model, name)
        orm.keep(self.env.registry)
        self.assertIn("write", vars(self.env.registry["res.partner"]))
        added = self._record(lambda: self.env["res.partner"].create({"name": "Kali"}))
        self.assertEqual(added["odoo_orm_calls_total", "res.partner", "create"], 1)

    def test_unpatch_leaves_odoos_own(self):
        orm.unpatch(self.env.registry)
        self.addCleanup(orm.patch, self.env.registry)
        left = [
            model._name
            for model in self.env.registry.models.values()
            for name in orm.METHODS
            if getattr(vars(model).get(name), "_smart_dairy_tracked", None)
        ]
        self.assertFalse(left)
        self.assertFalse(
            self._record(lambda: self.env["res.partner"].create({"name": "Dhola"}))
        )
