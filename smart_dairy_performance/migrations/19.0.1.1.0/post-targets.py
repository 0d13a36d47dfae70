"""Targets have records of their own: take over what the Settings page said before."""

import logging

from odoo import SUPERUSER_ID, api
from odoo.exceptions import ValidationError

_logger = logging.getLogger(__name__)
_PREFIX = "smart_dairy_performance.target_"


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {})
    parameters = env["ir.config_parameter"].search([("key", "=like", f"{_PREFIX}%")])
    given = {
        parameter.key.removeprefix(_PREFIX): parameter.value for parameter in parameters
    }
    for target in env["performance.target"].search([("name", "in", list(given))]):
        try:
            value = float(given[target.name])
            # What is no worse than the new limit cannot be called poor.
            poor = target.poor if target.poor > value else 0.0
            with cr.savepoint():
                target.write({"value": value, "poor": poor})
        except (ValueError, ValidationError):
            _logger.warning("The target %s has its default again.", target.name)
    parameters.unlink()
