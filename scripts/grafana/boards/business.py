"""The dairy's own figures."""

from ..model import Board, Panel, Query, Row, gauge, mean, quantile, rate

BOARD = Board(
    "smart-dairy-business",
    "Business",
    "Orders, milk and subscriptions beside the figures of the server.",
    [
        Row(
            "Orders",
            [
                Panel(
                    "Orders",
                    "New orders a second by type and status.",
                    [
                        Query(
                            rate("smart_dairy_orders_total", "order_type, status"),
                            "{{order_type}} {{status}}",
                        )
                    ],
                ),
                Panel(
                    "Orders by payment method",
                    "All orders that were counted.",
                    [
                        Query(
                            gauge("smart_dairy_orders_total", "payment_method"),
                            "{{payment_method}}",
                        )
                    ],
                    "bars",
                ),
                Panel(
                    "Order value",
                    "Mean and 95th percentile in BDT.",
                    [
                        Query(mean("smart_dairy_order_value_bdt"), "mean"),
                        Query(quantile(0.95, "smart_dairy_order_value_bdt"), "p95"),
                    ],
                ),
            ],
        ),
        Row(
            "Farm",
            [
                Panel(
                    "Milk",
                    "Litres of the day.",
                    [Query(gauge("smart_dairy_milk_production_liters"), "litres")],
                ),
                Panel(
                    "Subscriptions",
                    "Active ones by plan.",
                    [
                        Query(
                            gauge("smart_dairy_active_subscriptions", "plan_type"),
                            "{{plan_type}}",
                        )
                    ],
                    "bars",
                ),
                Panel(
                    "Active users",
                    "Seen in the last five minutes.",
                    [Query(gauge("odoo_active_users"), "users")],
                ),
            ],
        ),
    ],
)
