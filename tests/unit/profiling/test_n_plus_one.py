"""N+1: what is found and named, and what is honest."""

from types import SimpleNamespace
from typing import Any

import pytest

from smart_dairy_performance.core.recorder import Target
from smart_dairy_profiling.core import n_plus_one
from smart_dairy_profiling.core.findings import Finding
from tests.unit.profiling.shops import World, compiled, shop


def found(world: World) -> list[Finding]:
    assert not world.errors
    findings = list(n_plus_one.find(world.queries))
    assert not findings or n_plus_one.may_find(world.queries)
    return findings


def run(text: str, world: World | None = None, **names: Any) -> list[Finding]:
    """What a function ``walk`` of an addon does, called with what ``names`` has."""
    world = world or World()
    code = shop(text)
    code["walk"](
        **{
            name: make(world) if callable(make) else make
            for name, make in names.items()
        }
    )
    return found(world)


ORDER = {"model": lambda world: world.model("sale.order")}


@pytest.mark.parametrize(
    ("line", "operation", "field", "remedy"),
    [
        ("model.read('name')", "read", "name", "cache"),
        ("model.search(number)", "search", "", "batch_search"),
        ("model.search_count(number)", "search_count", "", "read_group"),
        ("model.create()", "create", "", "batch_create"),
        (
            "model.env.cr.execute('SELECT a FROM b WHERE c = %s', (number,))",
            "execute",
            "",
            "one_query",
        ),
    ],
)
def test_a_loop_is_found(line: str, operation: str, field: str, remedy: str) -> None:
    (one,) = run(f"def walk(model):\n  for number in range(50):\n    {line}\n", **ORDER)
    assert (one.file, one.line, one.addon) == ("shop/models/shop.py", 3, "shop")
    assert (one.operation, one.field, one.remedy) == (operation, field, remedy)
    assert one.model == ("" if operation == "execute" else "sale.order")
    assert one.count == 50
    assert one.ms == pytest.approx(50.0)
    assert one.statement and "%s" not in one.statement


def test_a_field_of_single_records_asks_to_prefetch() -> None:
    (one,) = run(
        """
        def walk(models):
            for model in models:
                model.read("email")
        """,
        models=lambda world: [world.model("res.partner", (n,)) for n in range(30)],
    )
    assert (one.model, one.field, one.remedy) == ("res.partner", "email", "prefetch")
    assert (one.count, one.line) == (30, 4)


def test_a_compute_names_its_field_and_its_callers() -> None:
    world = World()
    code = shop(
        """
        def list_orders(field, model):
            field.compute_value(model)

        def compute(model):
            for number in range(20):
                model.search(number)
        """
    )
    orders = world.model("sale.order")
    orders._compute = lambda: None
    orm = world.orm
    field = orm["Field"]("res.partner", "order_total")
    records = SimpleNamespace(_compute=lambda: code["compute"](orders))
    # In Odoo the ORM calls the method of the addon itself.
    orm["call"] = code["compute"]
    exec("class Records:\n    def _compute(self):\n        call(self.model)\n", orm)
    records = orm["Records"]()
    records.model = orders
    code["list_orders"](field, records)
    (one,) = found(world)
    assert one.computes == "res.partner.order_total"
    assert (one.line, one.trail) == (7, ["shop/models/shop.py:3"])


def test_texts_with_literals_are_one() -> None:
    (one,) = run(
        """
        def walk(cr):
            for number in range(40):
                cr.execute(f"SELECT name FROM res_partner WHERE id = {number}")
        """,
        cr=lambda world: world.cr,
    )
    assert one.line == 4 and one.count == 39
    assert one.statement == "select name from res_partner where id=?"


def test_the_most_expensive_comes_first() -> None:
    names = [
        one.operation
        for one in run(
            """
            def walk(model):
                for number in range(20):
                    model.search_count(number)
                for number in range(30):
                    model.search(number)
            """,
            **ORDER,
        )
    ]
    assert names == ["search", "search_count"]


# -- honest ----------------------------------------------------------------------------

HONEST = {
    "few": "for number in range(9): model.search(number)",
    "batches of 1,000": """
        for start in range(0, 20):
            model.prefetched = range(1000 * start, 1000 * start + 1000)
            model.read("name")""",
    "batches of few": """
        for start in range(0, 20):
            model.prefetched = (1, 2, 3, 4, 5, 6)
            model.read("name")""",
    "pages": "for page in range(30): model.search(page, rows=80)",
    "rows created together": "for number in range(20): model.create(rows=100)",
    "a commit between": """
        for number in range(30):
            model.search(number)
            commits.append(0.0)""",
    "a round for each company, in the domain": """
        for number in range(30):
            model.search(number, text='"company_id" = %s')""",
    "a round for each company, in the environment": """
        for number in range(30):
            model.env.context["allowed_company_ids"] = [number]
            model.search(number)""",
    "numbers of a sequence": """
        for number in range(30):
            model.env.cr.execute("SELECT nextval('ir_sequence_007')")""",
    "savepoints": """
        for number in range(30):
            model.env.cr.execute('SAVEPOINT "a"')
            model.env.cr.execute('RELEASE SAVEPOINT "a"')""",
    "a queue": """
        for number in range(30):
            model.env.cr.execute("SELECT id FROM q LIMIT 1 FOR UPDATE SKIP LOCKED")""",
    "many lines once each": "\n" + "        model.search(1)\n" * 30,
    "updates of many rows": """
        for number in range(30):
            model.env.cr.execute("UPDATE a SET b = 1 WHERE c = %s", (number,), 100)""",
    "chunks of a list of rows": """
        for number in range(30):
            model.env.cr.execute(
                "DELETE FROM a WHERE id IN %s", (tuple(range(1000)),), 1000)""",
}


@pytest.mark.parametrize("body", HONEST.values(), ids=HONEST)
def test_honest(body: str) -> None:
    world = World()
    text = f"def walk(model, commits):\n        {body.strip()}\n"
    model = world.model("sale.order")
    shop(text)["walk"](model, world.commits)
    assert found(world) == []
    # It was seen, and not just not recorded.
    assert world.queries.count >= 9


def test_odoo_itself_has_no_line_to_name() -> None:
    world = World()
    text = "def walk(model):\n    for n in range(50):\n        model.search(n)"
    compiled(text, "odoo.tools.misc")["walk"](world.model("sale.order"))
    assert found(world) == []


def test_quick_ones_are_not_worth_it() -> None:
    world = World(seconds=0.0001)
    text = "def walk(model):\n  for number in range({}):\n    model.search(number)\n"
    shop(text.format(40))["walk"](world.model("sale.order"))
    assert found(world) == []
    world = World(seconds=0.0001)
    shop(text.format(51))["walk"](world.model("sale.order"))
    assert [one.count for one in found(world)] == [51]


# -- writes ----------------------------------------------------------------------------


def written(times: int, seconds: float, commits: int = 0) -> list[Finding]:
    world = World()
    code = shop(
        """
        def walk(times, wrote, commit):
            for number in range(times):
                wrote()
                commit(number)
        """
    )
    target = Target("sale.order", "write", "sale")

    def commit(number: int) -> None:
        if commits and number % commits == commits - 1:
            world.commits.append(0.0)

    code["walk"](times, lambda: world.queries.wrote(target, seconds), commit)
    return found(world)


def test_a_write_for_each_record_is_found() -> None:
    (one,) = written(20, 0.002)
    assert (one.model, one.operation, one.remedy) == (
        "sale.order",
        "write",
        "batch_write",
    )
    assert (one.line, one.count, one.ms) == (4, 20, pytest.approx(40.0))


@pytest.mark.parametrize(
    ("times", "seconds", "commits"), [(9, 1.0, 0), (40, 0.0001, 0), (40, 1.0, 5)]
)
def test_few_quick_or_committed_writes_are_honest(
    times: int, seconds: float, commits: int
) -> None:
    assert written(times, seconds, commits) == []
