import inspect
from pathlib import Path

from odoo import api, fields, models, tools
from odoo.modules.module import get_module_path
from odoo.tools import SQL

from ..hooks import orm
from .performance_metric import GROUP_MANAGER

_ODOO = Path(tools.__file__).parent.parent


class PerformanceSource(models.AbstractModel):
    """What is measured has a place in the code: which addon, file and line."""

    _name = "performance.source"
    _description = "Place in the Code"
    _log_access = False
    # Fields that name the code; see _place().
    _named_by = ()

    addon = fields.Char(readonly=True, help="Addon whose code it is.")
    odoo_own = fields.Boolean(
        string="Odoo's Own", readonly=True, help="The addon is one of Odoo's."
    )
    source = fields.Char(
        compute="_compute_source",
        groups=GROUP_MANAGER,
        help="File of the addon, and line.",
    )

    def _compute_source(self):
        for record in self:
            record.source = self._place(*(record[name] for name in self._named_by))[1]

    @api.model
    def _place(self, *names):
        """Addon, and file with line, of what the fields name; empty when unknown."""
        raise NotImplementedError

    @api.model
    def _place_of_route(self, route, verb):
        for rule in self.env["ir.http"].routing_map().iter_rules():
            if rule.rule == route and (not rule.methods or verb in rule.methods):
                function = inspect.unwrap(rule.endpoint)
                return self._addon_of(function), self._line_of(function)
        return "", ""

    @api.model
    def _place_of_method(self, model, method):
        cls = self.env.registry.models.get(model)
        for base in cls.__mro__[1:] if cls is not None else ():
            function = vars(base).get(method)
            if inspect.isfunction(function):
                return orm.addon_of(cls, method), self._line_of(function)
        return "", ""

    @api.model
    def _addon_of(self, function):
        parts = function.__module__.split(".")
        return parts[2] if parts[:2] == ["odoo", "addons"] else ""

    @api.model
    def _line_of(self, function):
        function = inspect.unwrap(function)
        code = getattr(function, "__code__", None)
        if code is None:
            return ""
        addon = self._addon_of(function)
        root = Path(get_module_path(addon)) if addon else _ODOO
        path = Path(code.co_filename)
        if path.is_relative_to(root):
            path = path.relative_to(root)
        return f"{addon or 'odoo'}: {path}:{code.co_firstlineno}"

    @api.model
    def _describe(self):
        """Note the addon of rows that the exporter wrote, which does not know it."""
        names = SQL(", ").join(map(SQL.identifier, self._named_by))
        table = SQL.identifier(self._table)
        own = self._odoo_addons()
        self.env.cr.execute(
            SQL("SELECT DISTINCT %s FROM %s WHERE addon IS NULL", names, table)
        )
        named = self.env.cr.fetchall()
        if not named:
            return
        addons = [self._place(*found)[0] for found in named]
        keys = [
            SQL("%s::varchar[]", list(column)) for column in zip(*named, strict=True)
        ]
        aliases = [SQL.identifier(f"key_{number}") for number in range(len(keys))]
        same = (
            SQL("COALESCE(%s, '') = COALESCE(%s, '')", SQL.identifier(name), alias)
            for name, alias in zip(self._named_by, aliases, strict=True)
        )
        # All at once: the first hour of a database names hundreds.
        self.env.cr.execute(
            SQL(
                "UPDATE %s SET addon = place.found, odoo_own = place.own"
                " FROM unnest(%s, %s::varchar[], %s::boolean[])"
                " AS place (%s, found, own) WHERE addon IS NULL AND %s",
                table,
                SQL(", ").join(keys),
                addons,
                [addon in own for addon in addons],
                SQL(", ").join(aliases),
                SQL(" AND ").join(same),
            )
        )
        self.invalidate_model(["addon", "odoo_own"])

    @api.model
    def _odoo_addons(self):
        modules = self.env["ir.module.module"].sudo()
        found = modules.search_fetch([("author", "=like", "Odoo S.A.%")], ["name"])
        return set(found.mapped("name"))
