import werkzeug.exceptions

from odoo import http
from odoo.http import request
from odoo.tools import config

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
        environ = request.httprequest.environ
        status = access.check(
            environ,
            active.options.metrics_token if active else "",
            active.options.metrics_allowed_networks if active else (),
            config["proxy_mode"],
        )
        if status == access.UNAUTHORIZED:
            raise werkzeug.exceptions.Unauthorized(
                "A bearer token is needed.",
                www_authenticate=werkzeug.datastructures.WWWAuthenticate("bearer"),
            )
        scraper = active.scraper() if active else None
        if status != access.ALLOWED:
            raise werkzeug.exceptions.Forbidden()
        if scraper is None:
            raise werkzeug.exceptions.ServiceUnavailable("Measuring is off.")
        content_type, body = scraper.scrape(environ.get("HTTP_ACCEPT", ""))
        headers = [("Content-Type", content_type), ("Cache-Control", "no-store")]
        if exposition.accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
            body = exposition.compress(body)
            headers.append(("Content-Encoding", "gzip"))
        return request.make_response(body, headers)
