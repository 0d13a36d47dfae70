import os
import time

from odoo import http
from odoo.http import request

CYCLE = 0.5  # seconds


def compute_thirty(until):
    while time.perf_counter() < until:
        sum(range(200))


def sleep_fifty(until):
    time.sleep(max(0.0, until - time.perf_counter()))


def compute_twenty(until):
    while time.perf_counter() < until:
        sum(range(200))


SHARES = ((compute_thirty, 0.3), (sleep_fifty, 0.5), (compute_twenty, 0.2))


class ProfilerProbeController(http.Controller):
    @http.route("/profiler_probe", type="http", auth="public", save_session=False)
    def profiler_probe(self, seconds="1", **_secrets):
        """Computes 30 %, sleeps 50 %, computes 20 % of so many seconds.

        Tells what each really took on this machine, ``[wall, CPU]`` seconds.
        """
        password = request.params.get("password", "")  # noqa: F841 - a local to find
        took = {function.__name__: [0.0, 0.0] for function, _share in SHARES}
        for _cycle in range(round(float(seconds) / CYCLE)):
            for function, share in SHARES:
                wall, cpu = time.perf_counter(), time.thread_time()
                function(wall + share * CYCLE)
                took[function.__name__][0] += time.perf_counter() - wall
                took[function.__name__][1] += time.thread_time() - cpu
        return request.make_json_response({"pid": os.getpid(), "took": took})

    @http.route("/profiler_probe/sql", type="http", auth="public", save_session=False)
    def profiler_probe_sql(self, secret="", seconds="1", **_parameters):
        """Waits in a query that has a literal and a parameter."""
        request.env.cr.execute(
            f"SELECT pg_sleep(%s), '{secret}' = %s", (float(seconds), secret)
        )
        return request.make_json_response({"pid": os.getpid()})
