import os
import time

from odoo import http
from odoo.http import request

CYCLE = 0.5  # seconds


def compute_thirty(seconds):
    """Take so much CPU time, not wall time: others may want the machine, too."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(200))


def compute_twenty(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(200))


def sleep_fifty(seconds):
    time.sleep(seconds)


class ProfilerProbeController(http.Controller):
    @http.route("/profiler_probe", type="http", auth="public", save_session=False)
    def profiler_probe(self, seconds="1", **_secrets):
        """Computes 30 %, sleeps 50 %, computes 20 % of so many seconds."""
        password = request.params.get("password", "")  # noqa: F841 - a local to find
        for _cycle in range(round(float(seconds) / CYCLE)):
            compute_thirty(0.3 * CYCLE)
            sleep_fifty(0.5 * CYCLE)
            compute_twenty(0.2 * CYCLE)
        return request.make_json_response({"pid": os.getpid()})

    @http.route("/profiler_probe/sql", type="http", auth="public", save_session=False)
    def profiler_probe_sql(self, secret="", seconds="1", **_parameters):
        """Waits in a query that has a literal and a parameter."""
        request.env.cr.execute(
            f"SELECT pg_sleep(%s), '{secret}' = %s", (float(seconds), secret)
        )
        return request.make_json_response({"pid": os.getpid()})
