"""Writes a dairy into an Odoo database."""

import json
from datetime import timedelta

from odoo.exceptions import UserError
from odoo.tools.misc import split_every

from . import bulk
from .products import FAMILIES
from .progress import Progress

MARK = "smart_dairy_demo.data"
USER_LOGIN = "test_user_%d"
USER_PASSWORD = "TestPass123!"  # that of the milestone's load scenarios
USER_GROUP = "smart_dairy_demo.smart_dairy_demo_group_user"
_BATCH = 500  # records a create
QUIET = {
    "tracking_disable": True,
    "mail_create_nolog": True,
    "mail_create_nosubscribe": True,
    "mail_notrack": True,
    "no_reset_password": True,
}


class _Discard(Exception):
    """Ends a savepoint whose rows are not wanted."""


class Loader:
    """Loads one dairy, in the caller's transaction.

    :param dairy: as made by :func:`dairy.make`
    :param size: what it was made of
    :param now: the end of its year, UTC without a zone
    """

    def __init__(self, env, dairy, size, now, progress=None):
        self.env = env(context={**env.context, **QUIET, "lang": None})
        self.dairy = dairy
        self.size = size
        self.now = now
        self.progress = progress or Progress()
        self.currency = self.env.ref("base.BDT")
        # Ids, at the positions that the dairy's records refer to each other by.
        self.partner_ids = []
        self.variants = []
        self.animal_ids = []

    def load(self):
        """Write everything.

        :raises UserError: when the company's books are in another currency already
        """
        self._set_company()
        self._load_customers()
        self._load_products()
        self._load_users()
        self._load_subscriptions()
        self._load_animals()
        self._load_milkings()
        self._load_orders()
        self.env.invalidate_all()

    def _set_company(self):
        """Bangladesh and its currency, for the company and the price lists."""
        company = self.env.company
        if company.currency_id == self.currency:
            return
        entries = self.env["account.move.line"].sudo()
        if entries.search_count([("company_id", "=", company.id)], limit=1):
            raise UserError(
                self.env._(
                    "%(company)s keeps its books in %(currency)s already. Load the "
                    "dairy into a database without accounting entries, for example "
                    "one that was made without Odoo's demo data.",
                    company=company.name,
                    currency=company.currency_id.name,
                )
            )
        company.write(
            {
                "name": "Smart Dairy Ltd.",
                "currency_id": self.currency.id,
                "country_id": self.env.ref("base.bd").id,
                "city": "Dhaka",
            }
        )
        lists = self.env["product.pricelist"].with_context(active_test=False)
        found = lists.search([("company_id", "in", (False, company.id))])
        found.currency_id = self.currency

    def _load_customers(self):
        country = self.env.ref("base.bd").id
        self.partner_ids = self._create(
            "customers",
            "res.partner",
            [
                {
                    "name": one.name,
                    "is_company": one.is_shop,
                    "email": one.email,
                    "phone": one.phone,
                    "street": one.street,
                    "city": one.city,
                    "zip": one.postal_code,
                    "country_id": country,
                }
                for one in self.dairy.customers
            ],
        ).ids

    def _load_products(self):
        families = [family[0] for family in FAMILIES]
        categories = dict(
            zip(
                families,
                self.env["product.public.category"].create(
                    [{"name": family} for family in families]
                ),
                strict=True,
            )
        )
        templates = self._create(
            "products",
            "product.template",
            [
                {
                    "name": one.name,
                    "default_code": one.code,
                    "list_price": one.price,
                    "standard_price": round(one.price * 0.7, 2),
                    "type": "consu",
                    "invoice_policy": "order",
                    "taxes_id": False,
                    "is_published": True,
                    "public_categ_ids": [categories[one.family].id],
                }
                for one in self.dairy.products
            ],
        )
        self.variants = list(templates.product_variant_id)

    def _load_users(self):
        group = self.env.ref(USER_GROUP)
        users = self._create(
            "users",
            "res.users",
            [
                {
                    "name": f"Test User {number}",
                    "login": USER_LOGIN % number,
                    "email": f"{USER_LOGIN % number}@example.com",
                    "group_ids": [group.id],
                }
                for number in range(1, self.size.users + 1)
            ],
        )
        if users:
            # Hashing is slow on purpose: once is enough for a password that all share.
            hashed = users._crypt_context().hash(USER_PASSWORD)
            self.env.cr.execute(
                "UPDATE res_users SET password = %s WHERE id = ANY(%s)",
                [hashed, users.ids],
            )

    def _load_subscriptions(self):
        plans = {
            plan.code: plan.id
            for plan in self.env["dairy.subscription.plan"].search([])
        }
        self._create(
            "subscriptions",
            "dairy.subscription",
            [
                {
                    "name": name,
                    "partner_id": self.partner_ids[one.customer],
                    "plan_id": plans[one.plan],
                    "start_date": one.start,
                    "end_date": one.end or False,
                    "state": one.state,
                }
                for one, name in zip(
                    self.dairy.subscriptions,
                    self._numbers(
                        "smart_dairy_demo.dairy_subscription_sequence",
                        len(self.dairy.subscriptions),
                    ),
                    strict=True,
                )
            ],
        )

    def _load_animals(self):
        herd = self.dairy.animals
        tags = self._numbers("smart_dairy_demo.dairy_animal_sequence", len(herd))
        animals = self._create(
            "animals",
            "dairy.animal",
            [
                {
                    "tag": tag,
                    "name": one.name,
                    "breed": one.breed,
                    "sex": one.sex,
                    "birth_date": one.birth_date,
                    "status": one.status,
                    "last_calving_date": one.last_calving or False,
                    "is_published": one.status != "sold",
                }
                for one, tag in zip(herd, tags, strict=True)
            ],
        )
        self.animal_ids = animals.ids
        for animal, one in zip(animals, herd, strict=True):
            if one.mother is not None:
                animal.mother_id = self.animal_ids[one.mother]
        self.env.flush_all()

    def _load_milkings(self):
        milkings = self.dairy.milkings
        self.progress.stage("milk records", len(milkings))
        columns = ["animal_id", "date", "session", "liters", "fat_percent"]
        audit = (self.env.uid, self.now, self.env.uid, self.now)
        self.env.flush_all()
        bulk.insert(
            self.env.cr,
            "dairy_milk_record",
            [*columns, "create_uid", "create_date", "write_uid", "write_date"],
            [
                (
                    self.animal_ids[one.animal],
                    one.date,
                    one.session,
                    one.liters,
                    one.fat_percent,
                    *audit,
                )
                for one in milkings
            ],
            advance=self.progress.advance,
        )

    def _load_orders(self):
        orders = self.dairy.orders
        if not orders:
            return
        order_rows, line_rows = self._prototypes()
        self.env.flush_all()
        ids = bulk.new_ids(self.env.cr, "sale_order", len(orders))
        names = self._order_names(len(orders))
        self.progress.stage("orders", len(orders))
        bulk.insert(
            self.env.cr,
            "sale_order",
            _ORDER_COLUMNS,
            [
                self._order(one, new, name)
                for one, new, name in zip(orders, ids, names, strict=True)
            ],
            order_rows,
            self.progress.advance,
        )
        lines = [
            (one, new, line)
            for one, new in zip(orders, ids, strict=True)
            for line in one.lines
        ]
        self.progress.stage("order lines", len(lines))
        line_ids = bulk.new_ids(self.env.cr, "sale_order_line", len(lines))
        products = self._line_values_of_products()
        bulk.insert(
            self.env.cr,
            "sale_order_line",
            _LINE_COLUMNS,
            [
                self._line(one, new, line, line_id, products[line.product])
                for (one, new, line), line_id in zip(lines, line_ids, strict=True)
            ],
            line_rows,
            self.progress.advance,
        )

    def _order(self, order, new, name):
        partner = self.partner_ids[order.customer]
        validity = (order.date + timedelta(days=30)).date()
        return (
            _key(order.order_type, order.state),
            new,
            name,
            order.payment_method,
            partner,
            partner,
            partner,
            order.date,
            order.date,
            order.date,
            validity,
            order.amount,
            order.amount,
        )

    def _line(self, order, order_id, line, new, product):
        confirmed = order.state == "sale"
        name, list_price = product
        return (
            _key(order.order_type, order.state),
            new,
            order_id,
            self.partner_ids[order.customer],
            self.variants[line.product].id,
            name,
            line.quantity,
            line.price,
            list_price,
            line.subtotal,
            line.subtotal,
            line.price,
            line.price,
            line.quantity if confirmed else 0,
            line.subtotal if confirmed else 0,
            order.date,
            order.date,
        )

    def _prototypes(self):
        """A row of sale_order and one of its line, for each order type and state.

        The ORM makes them in a savepoint that is then undone.
        """
        website = self.env["website"].search([], limit=1)
        wanted = sorted({(one.order_type, one.state) for one in self.dairy.orders})
        order_rows, line_rows = {}, {}
        try:
            with self.env.cr.savepoint():
                for order_type, state in wanted:
                    order = self.env["sale.order"].create(
                        {
                            "name": "Prototype",
                            "partner_id": self.partner_ids[0],
                            "order_type": order_type,
                            "website_id": order_type == "online" and website.id,
                            "order_line": [(0, 0, {"product_id": self.variants[0].id})],
                        }
                    )
                    # Not action_confirm: what was delivered long ago needs no picking.
                    order.state = state
                    order_rows[_key(order_type, state)] = bulk.row_of(order)
                    line = order.order_line
                    line_rows[_key(order_type, state)] = bulk.row_of(line)
                raise _Discard
        except _Discard:
            self.env.invalidate_all(flush=False)
        return order_rows, line_rows

    def _line_values_of_products(self):
        """Description and price of a line, at the position of its product."""
        order_line = self.env["sale.order.line"]
        values = []
        for variant in self.variants:
            line = order_line.new({"product_id": variant.id})
            name = line._get_sale_order_line_multiline_description_sale()
            values.append((name, variant.list_price))
        return values

    def _order_names(self, number):
        sequence = self.env["ir.sequence"].search(
            [
                ("code", "=", "sale.order"),
                ("company_id", "in", (self.env.company.id, False)),
            ],
            order="company_id",
            limit=1,
        )
        return self._take(sequence, number)

    def _numbers(self, xml_id, number):
        return self._take(self.env.ref(xml_id), number)

    def _take(self, sequence, number):
        """The next ``number`` values of a sequence."""
        first = sequence.number_next_actual
        names = [sequence.get_next_char(first + index) for index in range(number)]
        sequence.number_next = first + number
        return names

    def _create(self, title, model, values):
        """Records of the values, by the ORM, in batches."""
        self.progress.stage(title, len(values))
        records = self.env[model]
        for batch in split_every(_BATCH, values, list):
            records += self.env[model].create(batch)
            self.env.flush_all()
            self.progress.advance(len(batch))
        return records


_ORDER_COLUMNS = [
    "id",
    "name",
    "payment_method",
    "partner_id",
    "partner_invoice_id",
    "partner_shipping_id",
    "date_order",
    "create_date",
    "write_date",
    "validity_date",
    "amount_untaxed",
    "amount_total",
]
_LINE_COLUMNS = [
    "id",
    "order_id",
    "order_partner_id",
    "product_id",
    "name",
    "product_uom_qty",
    "price_unit",
    "technical_price_unit",
    "price_subtotal",
    "price_total",
    "price_reduce_taxexcl",
    "price_reduce_taxinc",
    "qty_to_invoice",
    "untaxed_amount_to_invoice",
    "create_date",
    "write_date",
]


def _key(order_type, state):
    return f"{order_type}/{state}"


def mark_of(env):
    """What was loaded before, or None."""
    value = env["ir.config_parameter"].sudo().get_param(MARK)
    return json.loads(value) if value else None


def set_mark(env, size, seed, now):
    """Note what was loaded."""
    mark = {"size": size, "seed": seed, "now": now.isoformat()}
    env["ir.config_parameter"].sudo().set_param(MARK, json.dumps(mark))
