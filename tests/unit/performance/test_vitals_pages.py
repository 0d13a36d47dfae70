"""Names of pages: what the database serves, few others, nothing that names a record."""

import pytest

from smart_dairy_performance.core.vitals_pages import SIGHTINGS, Pages

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
    "/google<string(length=16):key>.html",
)


@pytest.fixture
def pages():
    pages = Pages()
    pages.told(TEMPLATES, ("fr", "nl_BE"))
    return pages


def seen(pages, page):
    """The name of a page that was seen often enough to have one."""
    return [pages.name(page) for _ in range(SIGHTINGS)][-1]


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
    assert seen(pages, page) == name
    assert pages.name(page) == name  # remembered


def test_made_up_addresses_do_not_use_up_the_names(pages):
    letters = "abcdefghijklmnop"
    once = {pages.name(f"/{a}{b}") for a in letters for b in letters}
    assert once == {"other"}
    made_up = {seen(pages, f"/{a}{b}") for a in letters for b in letters}
    assert len(made_up) == 41 and "other" in made_up
    assert pages.name("/shop") == "/shop"
    assert pages.name("/odoo/sales") == "/odoo/sales"


def test_an_unknown_page_has_a_name_when_it_was_seen_several_times(pages):
    names = [pages.name("/farm/cows") for _ in range(4)]
    assert names == ["other", "other", "/farm/cows", "/farm/cows"]


def test_a_part_with_a_converter_within_is_no_wildcard(pages):
    assert seen(pages, "/lab") == "/lab"


def test_routes_are_never_crowded_out():
    """However many there are, and whatever was sent before them."""
    pages = Pages(unknown=1)
    for number in range(5000):
        seen(pages, f"/made-up/x{number}")
    templates = [f"/page/a{number}" for number in range(400)]
    pages.told(templates, ())
    assert [pages.name(template) for template in templates] == templates
    assert seen(pages, "/another") == "other"


def test_what_was_remembered_is_worked_out_anew_when_routes_change(pages):
    assert seen(pages, "/farm/cows") == "/farm/cows"
    pages.told((*TEMPLATES, "/farm/<string:what>"), ())
    assert pages.name("/farm/cows") == "/farm/<string:what>"


def test_memory_is_bounded(pages):
    for number in range(10_000):
        pages.name(f"/shop/x-{number}")
        pages.name(f"/made-up/a{number}")
    assert len(pages._names) <= 2000
    assert len(pages._sightings) <= 1000
