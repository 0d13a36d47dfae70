"""Logins for load scenarios: as many as there are virtual users, each with its own.

Three kinds: ``api`` (``test_user_<n>``, the names of the milestone's load scenarios),
``portal`` (customers with orders) and ``backend`` (sales and stock, with an API key).
"""

from datetime import datetime, timedelta

from odoo.fields import Command

from . import loader

LOGINS = {
    "api": loader.USER_LOGIN,
    "portal": "load_customer_%d",
    "backend": "load_employee_%d",
}
GROUPS = {
    "api": [loader.USER_GROUP],
    "portal": ["base.group_portal"],
    "backend": [loader.USER_GROUP, "stock.group_stock_user"],
}
KEY_NAME = "load scenarios"
KEY_DAYS = 30
MAX_PRODUCTS = 500  # a longer list adds nothing to a load


def prepare(env, number, api=None):
    """Make what is missing, and tell what a load scenario needs to know.

    The passwords and keys in it are those of a demo; the database must not be reachable
    by strangers.

    :param number: logins of customers and of employees
    :param api: logins of the REST API, the same number when None
    :returns: ``users`` by kind, ``customers``, ``products``: lists of plain values
    """
    numbers = {"api": api or number, "portal": number, "backend": number}
    env = env(context={**env.context, **loader.QUIET, "lang": None})
    # Otherwise there is no way to pay that needs no payment provider's account.
    env["delivery.carrier"].search([("active", "=", True)]).write(
        {"allow_cash_on_delivery": True}
    )
    customers = _customers(env)
    users = {
        kind: _users(env, kind, wanted, customers) for kind, wanted in numbers.items()
    }
    _set_password(env, [user.id for found in users.values() for user in found])
    keys = _keys(env, users["backend"])
    return {
        "users": {
            kind: [
                {"login": user.login, "password": loader.USER_PASSWORD}
                | ({"api_key": keys[user.id]} if kind == "backend" else {})
                for user in found
            ]
            for kind, found in users.items()
        },
        "customers": [{"id": one.id, "name": one.name} for one in customers],
        "products": _products(env),
    }


def _customers(env):
    """The customers, those with most confirmed orders first."""
    groups = env["sale.order"]._read_group(
        [("state", "=", "sale"), ("partner_id.country_id", "!=", False)],
        ["partner_id"],
        order="__count DESC, partner_id",
    )
    return env["res.partner"].browse([partner.id for [partner] in groups])


def _users(env, kind, number, customers):
    logins = [LOGINS[kind] % index for index in range(1, number + 1)]
    users = env["res.users"].with_context(active_test=False)
    found = {user.login: user for user in users.search([("login", "in", logins)])}
    groups = [env.ref(name).id for name in GROUPS[kind]]
    missing = [login for login in logins if login not in found]
    values = [
        {
            "name": login.replace("_", " ").title(),
            "login": login,
            "email": f"{login}@example.com",
            "group_ids": [Command.set(groups)],
        }
        for login in missing
    ]
    if kind == "portal" and customers:
        first = len(logins) - len(missing)
        for index, one in enumerate(values, first):
            partner = customers[index % len(customers)]
            one.update(partner_id=partner.id, name=partner.name, email=partner.email)
    for user in users.create(values):
        found[user.login] = user
    env.flush_all()
    return [found[login] for login in logins]


def _set_password(env, ids):
    # Hashing is slow on purpose: once is enough for a password that all share.
    hashed = env["res.users"]._crypt_context().hash(loader.USER_PASSWORD)
    env.cr.execute(
        "UPDATE res_users SET password = %s WHERE id = ANY(%s)", [hashed, list(ids)]
    )


def _keys(env, users):
    """A fresh API key for each user; those of earlier calls end."""
    keys = env["res.users.apikeys"].sudo()
    ids = [user.id for user in users]
    keys.search([("name", "=", KEY_NAME), ("user_id", "in", ids)]).unlink()
    end = datetime.now() + timedelta(days=KEY_DAYS)
    return {
        user.id: keys.with_user(user).sudo()._generate("rpc", KEY_NAME, end)
        for user in users
    }


def _products(env):
    found = env["product.template"].search_fetch(
        [("sale_ok", "=", True), ("is_published", "=", True)],
        ["name", "website_url", "list_price", "product_variant_id"],
        order="id",
        limit=MAX_PRODUCTS,
    )
    return [
        {
            "id": one.id,
            "variant": one.product_variant_id.id,
            "name": one.name,
            "url": one.website_url,
            "price": one.list_price,
        }
        for one in found
    ]
