from odoo import api, models

from ..core import catalogue, settings
from ..core.sql import OPERATIONS
from ..hooks import orm, runtime


class PerformanceTracker(models.AbstractModel):
    """Mixin for models that report figures of their own."""

    _name = "performance.tracker"
    _description = "Performance Tracking Mixin"

    def _register_hook(self):
        result = super()._register_hook()
        # Every registry that has the addon comes by here, at each (re)load.
        runtime.start()
        orm.patch(self.env.registry)
        return result

    @api.model
    def _tell_settings(self):
        """Hand the process what this database's Settings page says."""
        active = runtime.current()
        if active is not None:
            parameters = self.env["ir.config_parameter"].sudo()
            values = {
                name: parameters.get_param(settings.DATABASE_PREFIX + name) or ""
                for name in (*settings.DATABASE, settings.TOKEN_HASH)
            }
            active.told({self.env.cr.dbname: values})

    def _unregister_hook(self):
        orm.unpatch(self.env.registry)
        return super()._unregister_hook()

    @api.private
    @api.model
    def track_query(self, query_type, duration):
        """Count a query made outside Odoo's cursor, which counts its own.

        :param str query_type: select, insert, update, delete or other
        :param float duration: seconds
        """
        active = runtime.current()
        if active is not None:
            operation = query_type if query_type in OPERATIONS else OPERATIONS[-1]
            labels = (operation, self.env.cr.dbname)
            active.store.observe(catalogue.DB_QUERY_DURATION, labels, duration)

    @api.private
    @api.model
    def update_active_users(self, count):
        """Set ``odoo_active_users`` by hand; it is counted from requests otherwise.

        :param int count: users
        """
        active = runtime.current()
        if active is not None:
            labels = (self.env.cr.dbname,)
            active.store.set(catalogue.ACTIVE_USERS, labels, count)
