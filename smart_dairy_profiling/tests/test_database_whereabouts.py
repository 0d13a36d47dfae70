import os
import tempfile
import threading
import time
from pathlib import Path
from unittest.mock import patch

from odoo.tests import TransactionCase, tagged

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

    def test_only_queries_that_are_slow_or_sampled_are_noted(self):
        noted = []
        self.patch(origins, "note", lambda query, route: noted.append((query, route)))
        self.patch(origins.Hook, "count", 0)
        hook = origins.Hook("/planted")
        hook(None, "SELECT fast", None, 0.0, 0.001)
        hook(None, "SELECT slow", None, 0.0, 0.2)
        self.assertEqual(noted, [("SELECT slow", "/planted")])
        for _query in range(origins.SAMPLED):
            hook(None, "SELECT often", None, 0.0, 0.001)
        self.assertEqual(noted[1:], [("SELECT often", "/planted")])

    def test_a_hook_goes_with_the_next_beginning(self):
        origins.begin("/one")
        hook = origins.begin("/two")
        ours = [
            one
            for one in threading.current_thread().query_hooks
            if isinstance(one, origins.Hook)
        ]
        self.assertEqual(ours, [hook])
        origins.end()
        self.assertNotIn(hook, threading.current_thread().query_hooks)
