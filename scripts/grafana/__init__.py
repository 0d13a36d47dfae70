"""Grafana dashboards as code: ``make dashboards`` writes them as JSON."""

from conftest import register_bare_package

# The catalogue is read without Odoo.
register_bare_package("smart_dairy_performance")
