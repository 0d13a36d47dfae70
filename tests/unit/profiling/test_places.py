"""From frames to places: what is shown of code, and what never is."""

import sys
import sysconfig
import types

import pytest

from smart_dairy_profiling.core import places as module
from smart_dairy_profiling.core.places import (
    HIDDEN,
    PLAIN,
    ROOT,
    TRACKED,
    Places,
    locate,
    model_method,
)
from smart_dairy_profiling.core.session import OTHER, Frame
from smart_dairy_profiling.core.trie import Trie
from tests.unit.profiling.support import Unit as Serving
from tests.unit.profiling.support import call, code, frames

STDLIB = sysconfig.get_path("stdlib")


@pytest.mark.parametrize(
    "path, owner, file, addon",
    [
        (
            "/srv/ours/shop/models/a.py",
            "odoo.addons.shop.models.a",
            "shop/models/a.py",
            "shop",
        ),
        ("/srv/shop/shop/a.py", "odoo.addons.shop.a", "shop/a.py", "shop"),
        ("/srv/made_up.py", "odoo.addons.shop.a", "made_up.py", "shop"),
        (
            "/x/dist-packages/odoo/addons/base/models/b.py",
            "",
            "base/models/b.py",
            "base",
        ),
        ("/x/dist-packages/odoo/http.py", "odoo.http", "odoo/http.py", "odoo"),
        (
            "/v/lib/python3.11/site-packages/lxml/etree.py",
            "lxml.etree",
            "lxml/etree.py",
            "lxml",
        ),
        ("/v/lib/python3.11/site-packages/six.py", "six", "six.py", "six"),
        (f"{STDLIB}/json/decoder.py", "json.decoder", "json/decoder.py", "python"),
        ("<frozen posixpath>", "posixpath", "<frozen posixpath>", "python"),
        ("<185>", "odoo.addons.base.models.ir_qweb", "<185>", "base"),
        ("<website_sale.products>", "", "<website_sale.products>", "(generated)"),
        ("ir.actions.server(7,)", "", "ir.actions.server(7,)", "(generated)"),
        ("/home/me/work/script.py", "__main__", "work/script.py", "main"),
        ("", "", "<code>", "(generated)"),
    ],
)
def test_files_without_this_machines_folders(path, owner, file, addon):
    assert locate(path, owner) == (file, addon)


@pytest.mark.parametrize(
    "name", ["password = 'hunter2'", "<a = 'hunter2'>", "<" + "x" * 200 + ">", "a\nb"]
)
def test_a_name_of_code_that_says_too_much_is_not_shown(name):
    assert locate(name)[0] == "<code>"


def test_a_models_method(monkeypatch):
    class Order:
        _name = "sale.order"

    class Tool:
        pass

    found = types.SimpleNamespace(Order=Order, Tool=Tool, number=7)
    monkeypatch.setitem(sys.modules, "odoo.addons.sale.order", found)
    where = "odoo.addons.sale.order"
    assert model_method(where, "Order.write") == "sale.order.write"
    assert model_method(where, "Order.write.<locals>.inner") == "sale.order.write"
    assert model_method(where, "Tool.write") == ""
    assert model_method(where, "number.write") == ""
    assert model_method(where, "Missing.write") == ""
    assert model_method(where, "write") == ""
    assert model_method("odoo.models", "Order.write") == ""


def names(stack):
    return [place.frame.function for place in stack]


def classified(kinds):
    return Places(lambda file, name: kinds.get(name, PLAIN))


def test_a_stack_begins_below_the_root_and_leaves_out_what_is_hidden():
    places = classified({"serve": ROOT, "wrap": HIDDEN})
    leaf = frames("main", "serve", "wrap", "read", "wrap")
    assert names(places.stack(leaf)) == ["read"]
    assert places.stack(frames("main", "serve")) == []
    assert places.stack(None) == []


def test_equal_places_are_one_object():
    places = Places()
    first = places.stack(frames("main", "read"))
    again = places.stack(frames("main", "read"))
    moved = places.stack(frames("main", "read", lines={"read": 9}))
    assert first[0] is again[0] is moved[0]
    assert first[1] is again[1] is not moved[1]
    assert moved[1].frame == Frame("read", "shop/shop.py", 9, "shop", 1, "")


def test_places_survive_forgetting():
    places = Places()
    first = places.stack(frames("main"))
    places.forget()
    again = places.stack(frames("main"))
    assert first[0].frame == again[0].frame and first[0] is not again[0]


def test_tracked_calls_become_the_models_methods():
    places = classified({"wrapper": TRACKED})
    unit = Serving()
    outer = call(unit, "sale.order", "write", "sale")
    inner = call(unit, "res.partner", "read", "base")
    leaf = frames("main", "wrapper", "write", "wrapper", "read")
    found = places.stack(leaf, [inner, outer])
    assert names(found) == [
        "main",
        "sale.order.write",
        "write",
        "res.partner.read",
        "read",
    ]
    assert found[1].frame == Frame(
        "sale.order.write", "(orm)", 0, "sale", 0, "sale.order.write"
    )


@pytest.mark.parametrize("known", [0, 1, 3])
def test_without_knowing_which_they_are_left_out(known):
    """A call between its frame and the note of it, or one that is not tracked."""
    places = classified({"wrapper": TRACKED})
    unit = Serving()
    targets = [call(unit, "sale.order", "write") for _call in range(known)]
    leaf = frames("main", "wrapper", "write", "wrapper", "read")
    assert names(places.stack(leaf, targets)) == ["main", "write", "read"]


def test_deep_stacks_and_generated_code_are_bounded(monkeypatch):
    monkeypatch.setattr(module, "KNOWN", 10)
    places = Places()
    deep = frames(*["again"] * 1000)
    assert len(places.stack(deep)) == module.DEEPEST
    for number in range(200):
        places.stack(frames(code(f"made{number}")))
    assert len(places._codes) <= 10
    assert len(places._places) <= 40


def test_real_frames_and_no_variable_of_theirs():
    secret = "hunter2"

    def inner():
        return Places().stack(sys._getframe())

    found = inner()
    assert found[-1].frame.function.endswith(".inner")
    assert found[-1].frame.file == "profiling/test_places.py"
    assert secret not in repr([place.frame for place in found])


# -- the tree --------------------------------------------------------------------


def test_stacks_that_begin_alike_share_nodes():
    places = Places()
    trie = Trie()
    one = trie.node(places.stack(frames("main", "read")))
    same = trie.node(places.stack(frames("main", "read")))
    other = trie.node(places.stack(frames("main", "write")))
    assert one is same and one.parent is other.parent
    assert trie.size == 3 and trie.dropped == 0
    assert names(one.stack()) == ["main", "read"]
    assert trie.node([]) is trie.root and trie.root.stack() == []


def test_a_full_tree_cuts_off_and_counts():
    places = Places()
    trie = Trie(max_nodes=4)
    assert not trie.filling
    trie.node(places.stack(frames("a", "b", "c")))
    assert trie.filling
    trie.node(places.stack(frames("a", "b", "d")))
    cut = trie.node(places.stack(frames("a", "b", "e", "f")))
    again = trie.node(places.stack(frames("a", "b", "g")))
    assert cut is again and cut.place.frame == OTHER
    assert names(cut.stack()) == ["a", "b", "(other)"]
    assert trie.dropped == 2
    assert trie.node(places.stack(frames("x"))).stack()[0].frame == OTHER
    for number in range(100):
        trie.node(places.stack(frames("a", f"new{number}")))
    assert trie.size <= 8
