import werkzeug.exceptions

from odoo import http
from odoo.http import request

from ..core import access, exposition
from ..hooks import runtime


class PerformanceMetricsController(http.Controller):
    @http.route(
        "/metrics",
        type="http",
        auth="none",
        methods=["GET"],
        csrf=False,
        save_session=False,
        readonly=True,
    )
    def prometheus_metrics(self, **_parameters):
        """Every process's numbers in the Prometheus text format, or OpenMetrics."""
        active = runtime.current()
        scraper = active.scraper() if active else None
        if active is None or scraper is None:
            raise werkzeug.exceptions.ServiceUnavailable("Measuring is off.")
        environ = request.httprequest.environ
        status = active.gate.check(environ)
        if status == access.UNAUTHORIZED:
            raise werkzeug.exceptions.Unauthorized(
                "A bearer token is needed.",
                www_authenticate=werkzeug.datastructures.WWWAuthenticate("bearer"),
            )
        if status == access.THROTTLED:
            raise werkzeug.exceptions.TooManyRequests(retry_after=60)
        if status != access.ALLOWED:
            raise werkzeug.exceptions.Forbidden()
        content_type, body = scraper.scrape(environ.get("HTTP_ACCEPT", ""))
        if not runtime.server_wide():
            # Nobody else folds where the addon came with a database: no exporter.
            scraper.fold()
        headers = [("Content-Type", content_type), ("Cache-Control", "no-store")]
        if exposition.accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
            body = exposition.compress(body)
            headers.append(("Content-Encoding", "gzip"))
        return request.make_response(body, headers)
