import os
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from odoo.tests import TransactionCase, tagged

from ..core.callers import Place
from ..hooks import origins, whereabouts


@tagged("post_install", "-at_install")
class TestDatabaseWhereabouts(TransactionCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name) / "whereabouts"
        self.startPatcher(patch.dict(whereabouts._state, clear=True))
        self.patch(whereabouts, "folder", lambda: self.folder)

    def test_a_session_is_known_by_its_backend(self):
        whereabouts.entered(self.env, "/planted/<int:id>")
        backend = self.env.cr.connection.info.backend_pid
        found = whereabouts.by_backend()[backend]
        self.assertEqual(found["what"], "/planted/<int:id>")
        self.assertEqual(found["worker"], os.getpid())
        self.assertEqual(found["uid"], self.env.uid)
        self.assertEqual(
            whereabouts.named({backend: found}, {"pid": backend}), found["what"]
        )
        self.assertEqual(whereabouts.named({}, {"pid": backend}), "")
        whereabouts.left()
        self.assertEqual(whereabouts.by_backend(), {})

    def test_files_of_the_long_dead_and_torn_slots_are_left_out(self):
        self.folder.mkdir()
        dead = self.folder / "4194305"
        dead.write_text('[7, 4194305, 1, 1.0, "/dead"]')
        self.assertEqual(list(whereabouts.by_backend()), [7])
        long_ago = time.time() - whereabouts.KEPT - 1
        os.utime(dead, (long_ago, long_ago))
        (self.folder / str(os.getpid())).write_text('[1, 2, 3, 4.0, "/to')
        self.assertEqual(whereabouts.by_backend(), {})
        self.assertFalse(dead.exists())

    def test_a_long_route_fits_its_slot(self):
        whereabouts.entered(self.env, "/" + "x" * 500)
        [found] = whereabouts.by_backend().values()
        self.assertEqual(len(found["what"]), 120)

    def test_who_issues_a_query_is_noted_once(self):
        place = Place("planted/models/planted.py", 7, "plant")
        active = SimpleNamespace(folder=lambda: self.folder.parent)
        self.patch(origins.runtime, "current", lambda: active)
        for number in range(3):
            text = f"SELECT planted FROM somewhere WHERE id = {number}"
            origins.note(text, "/planted", place)
        found = [one for one in origins.every().values() if one["route"] == "/planted"]
        line = "planted/models/planted.py:7 (plant)"
        self.assertEqual([one["line"] for one in found], [line])
