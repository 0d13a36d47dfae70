"""What the sampler is told of Odoo: which frames it shows, which units it keeps."""

from types import SimpleNamespace
from unittest.mock import patch

from odoo import http
from odoo.service import model
from odoo.tests import TransactionCase, tagged

from odoo.addons.smart_dairy_performance.hooks import http as http_hook
from odoo.addons.smart_dairy_performance.models.ir_cron import IrCron

from ..core.places import HIDDEN, PLAIN, ROOT, TRACKED, qualified_name
from ..hooks import sampling


def kind(function):
    code = function.__code__
    return sampling.classify(code.co_filename, qualified_name(code))


@tagged("post_install", "-at_install")
class TestSampling(TransactionCase):
    def test_frames_of_the_recorder_are_no_part_of_a_stack(self):
        """Each kind is told of the real wrapper: a renamed file would be noticed."""
        self.assertEqual(kind(http.Application.__call__), ROOT)
        self.assertEqual(kind(IrCron._process_job.__func__), ROOT)
        self.assertEqual(kind(http.Request._serve_db), HIDDEN)
        self.assertEqual(kind(http.Request._set_request_dispatcher), HIDDEN)
        self.assertEqual(kind(model.retrying), HIDDEN)
        search = self.registry["res.partner"].search
        self.assertEqual(kind(search), TRACKED)
        self.assertEqual(kind(type(self).test_its_own_models_are_shown), PLAIN)

    def test_its_own_models_are_shown(self):
        function = type(self.env["performance.database"])._refresh
        self.assertEqual(kind(function), PLAIN)

    def test_a_unit_is_known_by_route_call_and_database(self):
        unit = SimpleNamespace(
            kind="http",
            route="/web/dataset/call_kw/<path:path>",
            rpc=("res.partner", "read"),
            db=self.env.cr.dbname,
            seconds=1.0,
        )
        self.assertEqual(
            sampling.label(unit),
            ("http", unit.route, "res.partner.read", self.env.cr.dbname),
        )

    def test_while_it_runs_only_calls_that_exist_are_named(self):
        """A caller may name anything; the registry is asked at the end."""
        db = self.env.cr.dbname
        unit = SimpleNamespace(
            kind="http", route="/jsonrpc", rpc=("res.partner", "read"), db=db, seconds=0
        )
        with patch.dict(http_hook._calls, clear=True):
            self.assertEqual(sampling.label(unit).model, "")
            http_hook.known_call(db, "res.partner", "read")
            self.assertEqual(sampling.label(unit).model, "res.partner.read")
        unit.rpc = ("hunter2", "secret")
        self.assertEqual(sampling.label(unit).model, "")

    def test_databases_without_the_addon_are_left_alone(self):
        databases = sampling._Databases()
        databases.saw(self.env.cr.dbname)
        self.assertTrue(databases.wanted(self.env.cr.dbname))
        self.assertTrue(databases.wanted(None))
        with patch.object(sampling, "MODEL", "no.such.model"):
            databases.forget(self.env.cr.dbname)
            databases.saw(self.env.cr.dbname)
        self.assertFalse(databases.wanted(self.env.cr.dbname))

    def test_a_test_run_keeps_nothing(self):
        self.assertIsNone(sampling.folder())
        self.assertEqual(sampling.sessions(0.0), {})
        self.assertEqual(sampling.state(), "")
