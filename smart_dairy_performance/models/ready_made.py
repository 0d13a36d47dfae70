"""Definitions that come with the addon, for the models that may be there.

``needs`` names further fields that a definition's domain uses.
"""

_TODAY = "[('date', '=', today)]"

READY_MADE = (
    # The specification's four. Models and fields are those of Smart Dairy; another
    # dairy changes them in the menu.
    {
        "name": "smart_dairy_orders_total",
        "help": "Orders that reached a status.",
        "type": "counter",
        "model_name": "sale.order",
        "labels": [
            {"name": "order_type", "field_name": "order_type"},
            {"name": "payment_method", "field_name": "payment_method"},
            {"name": "status", "field_name": "state"},
        ],
    },
    {
        "name": "smart_dairy_order_value_bdt",
        "help": "Order value distribution in BDT.",
        "type": "histogram",
        "model_name": "sale.order",
        "domain": "[('state', '=', 'sale'), ('currency_id.name', '=', 'BDT')]",
        "value_field": "amount_total",
        "buckets": "100, 500, 1000, 2500, 5000, 10000, 25000, 50000",
        "needs": ["order_type"],
    },
    {
        "name": "smart_dairy_milk_production_liters",
        "help": "Milk production of the day in liters.",
        "type": "gauge",
        "model_name": "dairy.milk.record",
        "domain": _TODAY,
        "aggregate": "sum",
        "value_field": "liters",
        "needs": ["date"],
    },
    {
        "name": "smart_dairy_active_subscriptions",
        "help": "Number of active subscriptions.",
        "type": "gauge",
        "model_name": "dairy.subscription",
        "domain": "[('state', '=', 'active')]",
        "labels": [{"name": "plan_type", "field_name": "plan_type"}],
        "needs": ["state"],
    },
    {
        "name": "odoo_sale_orders",
        "help": "Sales orders by status.",
        "type": "gauge",
        "model_name": "sale.order",
        "labels": [{"name": "status", "field_name": "state"}],
    },
    {
        "name": "odoo_sale_orders_to_invoice",
        "help": "Confirmed sales orders that wait for an invoice.",
        "type": "gauge",
        "model_name": "sale.order",
        "domain": "[('state', '=', 'sale'), ('invoice_status', '=', 'to invoice')]",
        "needs": ["invoice_status"],
    },
    {
        "name": "odoo_stock_transfers",
        "help": "Transfers that are not done or cancelled, by status.",
        "type": "gauge",
        "model_name": "stock.picking",
        "domain": "[('state', 'not in', ('done', 'cancel'))]",
        "labels": [{"name": "status", "field_name": "state"}],
    },
    {
        "name": "odoo_stock_transfers_late",
        "help": "Transfers that should have been done by now.",
        "type": "gauge",
        "model_name": "stock.picking",
        "domain": "[('state', 'not in', ('done', 'cancel')), "
        "('scheduled_date', '<', now)]",
        "needs": ["scheduled_date"],
    },
    {
        "name": "odoo_account_invoices_unpaid",
        "help": "Posted customer invoices that are not paid, by payment status.",
        "type": "gauge",
        "model_name": "account.move",
        "domain": "[('move_type', '=', 'out_invoice'), ('state', '=', 'posted'), "
        "('payment_state', 'in', ('not_paid', 'partial'))]",
        "labels": [{"name": "payment_status", "field_name": "payment_state"}],
        "needs": ["move_type", "state"],
    },
    {
        "name": "odoo_account_invoices_overdue",
        "help": "Posted customer invoices past their due date.",
        "type": "gauge",
        "model_name": "account.move",
        "domain": "[('move_type', '=', 'out_invoice'), ('state', '=', 'posted'), "
        "('payment_state', 'in', ('not_paid', 'partial')), "
        "('invoice_date_due', '<', today)]",
        "needs": ["move_type", "state", "payment_state", "invoice_date_due"],
    },
    {
        "name": "odoo_crm_opportunities",
        "help": "Open opportunities by stage.",
        "type": "gauge",
        "model_name": "crm.lead",
        "domain": "[('type', '=', 'opportunity')]",
        "labels": [{"name": "stage", "field_name": "stage_id"}],
        "needs": ["type"],
    },
    {
        "name": "odoo_mail_outgoing",
        "help": "Outgoing e-mails that Odoo keeps, by status.",
        "type": "gauge",
        "model_name": "mail.mail",
        "labels": [{"name": "status", "field_name": "state"}],
    },
)
