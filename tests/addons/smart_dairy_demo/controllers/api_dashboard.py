from datetime import timedelta

from odoo import fields, http
from odoo.exceptions import AccessError
from odoo.http import request

from . import api

DAYS = 30


class DairyApiDashboard(http.Controller):
    @http.route(
        "/api/v1/dashboard",
        type="http",
        auth="dairy_token",
        methods=["GET"],
        save_session=False,
        readonly=True,
    )
    def dashboard(self, **_parameters):
        """Orders and milk of the last 30 days, the herd, the subscriptions.

        Four aggregates in the database; nothing is loaded.
        """
        needed = ("sale.order", "dairy.milk.record", "dairy.subscription")
        if not all(request.env[name].has_access("read") for name in needed):
            raise AccessError(request.env._("Your user may not see the dashboard."))
        today = fields.Date.context_today(request.env.user)
        since = today - timedelta(days=DAYS - 1)
        return api.answer(
            {
                "currency": request.env.company.currency_id.name,
                "from": since.isoformat(),
                "to": today.isoformat(),
                "orders": self._orders(since),
                "milk": self._milk(since, today),
                "subscriptions": self._subscriptions(),
                "animals": self._animals(),
            },
            headers={"Cache-Control": "no-store"},
        )

    def _orders(self, since):
        keys = ("order_type", "payment_method", "status")
        groups = request.env["sale.order"]._read_group(
            [("date_order", ">=", since)],
            ["order_type", "payment_method", "state"],
            ["__count", "amount_total:sum"],
        )
        result = {"count": 0, "confirmed_value": 0.0}
        result.update({f"by_{key}": {} for key in keys})
        for *values, count, amount in groups:
            result["count"] += count
            if values[-1] == "sale":
                result["confirmed_value"] += amount
            for key, value in zip(keys, values, strict=True):
                counts = result[f"by_{key}"]
                counts[value] = counts.get(value, 0) + count
        result["confirmed_value"] = round(result["confirmed_value"], 2)
        return result

    def _milk(self, since, today):
        days = request.env["dairy.milk.record"]._read_group(
            [("date", ">=", since), ("date", "<=", today)],
            ["date:day"],
            ["liters:sum"],
        )
        by_day = {day.isoformat(): round(liters, 2) for day, liters in days}
        return {
            "today_liters": by_day.get(today.isoformat(), 0.0),
            "liters": round(sum(by_day.values()), 2),
            "by_day": by_day,
        }

    def _subscriptions(self):
        groups = request.env["dairy.subscription"]._read_group(
            [], ["state", "plan_type"], ["__count"]
        )
        by_state = {}
        active = {}
        for state, plan_type, count in groups:
            by_state[state] = by_state.get(state, 0) + count
            if state == "active":
                active[plan_type] = count
        return {"by_status": by_state, "active_by_plan": active}

    def _animals(self):
        groups = request.env["dairy.animal"]._read_group([], ["status"], ["__count"])
        return dict(groups)
