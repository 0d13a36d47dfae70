from pathlib import Path
from unittest.mock import patch

from odoo.tests import TransactionCase, tagged

from odoo.addons.base.models import ir_asset

ADDON = Path(__file__).parents[1]
BUILT = "static/dist/vitals.js"
MODULE = "static/src/vitals/vitals.js"
BUNDLES = ("web.assets_backend", "web.assets_frontend")


@tagged("post_install", "-at_install")
class TestVitalsAssets(TransactionCase):
    """The collector of Web Vitals is loaded when it is built, and may be absent."""

    def _files(self, bundle):
        """The collector's files in a bundle, in order."""
        self.env.registry.clear_cache("assets")
        self.addCleanup(self.env.registry.clear_cache, "assets")
        paths = self.env["ir.asset"]._get_asset_paths(bundle, {})
        ours = (path.removeprefix(f"/{ADDON.name}/") for path, *_rest in paths)
        return [path for path in ours if path in (BUILT, MODULE)]

    def test_nothing_warns_without_a_build(self):
        found = ir_asset._glob_static_file

        def plain_checkout(pattern):
            return [entry for entry in found(pattern) if not entry[0].endswith(BUILT)]

        with patch.object(ir_asset, "_glob_static_file", plain_checkout):
            for bundle in BUNDLES:
                with self.assertNoLogs(ir_asset.__name__, "WARNING"):
                    self.assertEqual(self._files(bundle), [MODULE])

    def test_the_built_collector_is_there_before_its_module(self):
        there = [name for name in (BUILT, MODULE) if (ADDON / name).exists()]
        for bundle in BUNDLES:
            self.assertEqual(self._files(bundle), there)
