"""Names of pages: what the database serves, few others, nothing that names a record."""

import pytest

from smart_dairy_performance.core.vitals_pages import Pages

PRODUCT = '/shop/<model("product.template"):product>'
TEMPLATES = (
    "/",
    "/shop",
    PRODUCT,
    "/shop/page/<int:page>",
    "/blog/<int:year>",
    "/blog/<string:slug>",
    "/my/orders/<int:order_id>",
    "/odoo/<path:subpath>",
    "/slides/<path:rest>",
    "/about-us",
    "/odoo/sales",
)


@pytest.fixture
def pages():
    pages = Pages()
    pages.told(TEMPLATES, ("fr", "nl_BE"))
    return pages


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("/", "/"),
        ("/fr", "/"),
        ("/shop", "/shop"),
        ("/shop/", "/shop"),
        ("/nl_BE/shop", "/shop"),
        (PRODUCT, PRODUCT),
        ("/shop/milk-12", PRODUCT),
        ("/shop/:id", PRODUCT),
        ("/shop/page/3", "/shop/page/<int:page>"),
        ("/blog/2026", "/blog/<int:year>"),
        ("/blog/first-steps", "/blog/<string:slug>"),
        ("/my/orders/77", "/my/orders/<int:order_id>"),
        ("/my/orders/77/pdf", "/my/orders/:id/pdf"),
        ("/slides/a/b/c", "/slides/<path:rest>"),
        ("/about-us", "/about-us"),
        # The backend, by its last action.
        ("/odoo", "/odoo"),
        ("/odoo/sales", "/odoo/sales"),
        ("/odoo/sales/12", "/odoo/sales/:id"),
        ("/odoo/sales/:id", "/odoo/sales/:id"),
        ("/odoo/sales/new", "/odoo/sales/:id"),
        ("/odoo/sales/12/res.partner/7", "/odoo/res.partner/:id"),
        ("/odoo/action-512", "/odoo/action-512"),
        ("/odoo/9/x@y", "/odoo"),
        # Unknown ones lose what may be about somebody.
        ("/de/shop", "/de/shop"),
        ("/offer/1234", "/offer/:id"),
        ("/offer/anna-7", "/offer/:id"),
        ("/t/0f3a9c2b-77aa", "/t/:id"),
        ("/t/Zm9vYmFyMTIzNDU2Nzg5MDEy", "/t/:id"),
        ("/u/anna%40example.com", "/u/:id"),
        ("/u/anna@example.com", "/u/:id"),
        ("/a/b/c/d/e/f", "/a/b/c/d"),
    ],
)
def test_names(pages, page, name):
    assert pages.name(page) == name
    assert pages.name(page) == name  # remembered


def test_made_up_addresses_do_not_use_up_the_names(pages):
    letters = "abcdefghijklmnop"
    made_up = {pages.name(f"/{a}{b}") for a in letters for b in letters}
    assert len(made_up) == 41 and "other" in made_up
    assert pages.name("/shop") == "/shop"
    assert pages.name("/odoo/sales") == "/odoo/sales"


def test_names_of_routes_are_bounded_too():
    pages = Pages(known=3, unknown=1)
    pages.told([f"/page/{number}" for number in range(9)], ())
    names = [pages.name(f"/page/{number}") for number in range(9)]
    assert names == ["/page/0", "/page/1", "/page/2", *["other"] * 6]


def test_what_was_remembered_is_worked_out_anew_when_routes_change(pages):
    assert pages.name("/farm/cows") == "/farm/cows"
    pages.told((*TEMPLATES, "/farm/<string:what>"), ())
    assert pages.name("/farm/cows") == "/farm/<string:what>"


def test_memory_is_bounded(pages):
    for number in range(10_000):
        pages.name(f"/shop/x-{number}")
    assert len(pages._names) <= 2000
