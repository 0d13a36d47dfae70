"""Elements of templates: from compiled code back to the line of a file."""

import pytest

from smart_dairy_profiling.core.template_source import element_of, line_of

CODE = """def template_1_content(self, values):
    # element: '/t/div' , '<div class="a"/>'
    yield "<div>"
    # element: '/t/div/span' , '<span t-out="order.partner_id.name"/>'
    yield str(values["order"].partner_id.name)
"""
FILE = """<odoo>
    <!-- <template id="orders"> -->
    <template id="other"><span t-out="order.partner_id.name"/></template>
    <template id="dairy.orders" name="Orders">
        <div
            class="a"
        >
            <t t-foreach="orders" t-as="order">
                <span
                    t-out="order.partner_id.name" class="x"
                />
            </t>
        </div>
    </template>
</odoo>
"""


@pytest.mark.parametrize(
    ("line", "path"),
    [(1, None), (2, "/t/div"), (3, "/t/div"), (4, "/t/div/span"), (5, "/t/div/span")],
)
def test_the_element_of_a_line(line: int, path: str | None) -> None:
    found = element_of(CODE, line)
    assert (found and found[0]) == path


def test_only_directives_of_an_element_are_kept() -> None:
    xml = '<a title="Bessie" t-if="a > b" t-att-x=\'{"y": 1}\' href="/x">Elsie</a>'
    code = f"# element: '/t/a' , {xml!r}\npass"
    kept = """<a t-if="a > b" t-att-x='{"y": 1}'/>"""
    assert element_of(code, 2) == ("/t/a", kept)


@pytest.mark.parametrize(
    ("template", "tag", "line"),
    [
        ("orders", '<span t-out="order.partner_id.name"/>', 9),
        ("orders", '<t t-as="order" t-foreach="orders"/>', 8),
        ("orders", '<b t-out="unknown"/>', 4),
        ("orders", '<div class="a"/>', 4),  # without a directive nothing tells it
        ("other", '<span t-out="order.partner_id.name"/>', 3),
        ("none", '<span t-out="order.partner_id.name"/>', None),
    ],
)
def test_the_line_in_a_file(template: str, tag: str, line: int | None) -> None:
    assert line_of(FILE, template, tag) == line
