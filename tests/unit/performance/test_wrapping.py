"""The wrapper around a tracked method is the method, and counts."""

import functools
import inspect
import itertools

import pytest

from smart_dairy_performance.core import wrapping
from smart_dairy_performance.core.recorder import (
    KEPT,
    Process,
    Recorder,
    Target,
    Unit,
    local,
)
from smart_dairy_performance.core.wrapping import tracked
from tests.unit.performance.support import Clock, new_store, totals

TARGET = Target("res.partner", "write", "base")
OTHER_TARGET = Target("res.partner", "read", "base")


class Records:
    """Looks like a recordset."""

    def __init__(self, *ids):
        self._ids = ids


@pytest.fixture
def clock():
    return Clock(100.0)


@pytest.fixture
def recorder(tmp_path, clock, monkeypatch):
    found = Recorder(new_store(tmp_path), clock)
    monkeypatch.setattr(Process, "recorder", found)
    yield found
    local.unit = None


@pytest.fixture
def unit(recorder):
    found = recorder.begin("http")
    found.db = "one"
    return found


def measured(recorder, unit, directory) -> dict:
    """End the unit; {(metric, method): doubles} of the ORM families."""
    local.unit = None
    recorder.end_job(unit)
    return {
        (name.removeprefix("odoo_orm_"), labels[1]): row
        for (name, labels), row in totals(directory).items()
        if name.startswith("odoo_orm_")
    }


def calls(found, method="write"):
    return found["calls_total", method][0]


def inclusive(found, method="write"):
    row = found["call_duration_seconds", method]
    return sum(row[:-1]), row[-1]


def exclusive(found, method="write"):
    return found["call_exclusive_seconds_total", method][0]


# -- the same function ---------------------------------------------------------

MUTABLE: list = []


def decorated(method):
    @functools.wraps(method)
    def wrapper(*args, **kwargs):
        return method(*args, **kwargs)

    return wrapper


def adds_an_argument(method):
    @functools.wraps(method)
    def wrapper(self, a):
        return method(self, a, "added")

    return wrapper


def lies(method):
    method.__signature__ = inspect.Signature()
    return method


def closed_over():
    extra = "closure"
    return lambda self, a=extra: (a, extra)


SHAPES = {
    "self": lambda self: (self,),
    "one": lambda self, a: a,
    "defaults": lambda self, a=1, b=None, c=MUTABLE: (a, b, c),
    "args": lambda self, *args: args,
    "args after": lambda self, a, b=2, *args: (a, b, args),
    "kwargs": lambda self, **kwargs: kwargs,
    "all": lambda self, a, b=2, *args, c, d=4, **kwargs: (a, b, args, c, d, kwargs),
    "keyword-only": lambda self, *, a, b=2: (a, b),
    "keyword-only, odd order": lambda self, *, a=1, b: (a, b),
    "positional-only": lambda self, a, b=2, /: (a, b),
    "positional-only self": lambda self, /, a=1: a,
    "positional-only and the rest": lambda self, a, /, b, *, c=3, **d: (a, b, c, d),
    "keyword in kwargs": lambda self, a, /, **kwargs: (a, kwargs),
    "no self": lambda *args, **kwargs: (args, kwargs),
    "only args": lambda *args: args,
    "another first": lambda this, self=1: self,
    "closure": closed_over(),
    "decorated": decorated(lambda self, a, *, b=2: (a, b)),
    "decorated twice": decorated(decorated(lambda self, a, *, b=2: (a, b))),
    "with an argument added": adds_an_argument(lambda self, a, b: (a, b)),
    "with a false signature": lies(lambda self, a=5: a),
    "our names": lambda self, _unit, _result=2: (_unit, _result),
    "all our names": lambda self, _method=1, _target=2, _clock=3, _frame=4: (
        _method,
        _target,
        _clock,
        _frame,
    ),
    "builtin names": lambda self, len=1, Exception=2, wrapper=3: (
        len,
        Exception,
        wrapper,
    ),
    "keywords of the template": lambda self, make=1, first=2, records=3: (
        make,
        first,
        records,
    ),
    "names with underscores": lambda self, __a=1, _b=2, c_=3, _=4: (__a, _b, c_, _),
    "self called unit": lambda _unit, a=1: a,
    "unicode": lambda self, größe=1: größe,
    "generator": lambda self, a=3: list(iter(range(a))),
}
ARGUMENTS = [
    *itertools.product(
        [(), (10,), (10, 20), (10, 20, 30)],
        [
            {},
            {"a": 1},
            {"b": 1},
            {"c": 1},
            {"a": 1, "b": 2},
            {"c": 1, "d": 2, "e": 3},
            {"_unit": 1},
            {"_result": 1, "_unit": 2},
            {"self": 1},
            {"len": 1},
            {"größe": 1},
        ],
    )
]


def outcome_of(function, *args, **kwargs):
    """What a call gives, or that it refuses its arguments."""
    try:
        return function(*args, **kwargs)
    except TypeError as error:
        return TypeError, str(error).partition("() ")[2]


@pytest.mark.parametrize("records", [wrapping.NOTHING, wrapping.ON_SELF])
@pytest.mark.parametrize("owner", [None, Records])
@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_of_method(unit, name, owner, records):
    method = SHAPES[name]
    wrapper = tracked(method, TARGET, records, owner=owner)
    assert inspect.signature(wrapper) == inspect.signature(method)
    record = Records(1, 2)
    accepted = 0
    for args, kwargs in ARGUMENTS:
        expected = outcome_of(method, record, *args, **kwargs)
        for open_unit in (None, unit):
            local.unit = open_unit
            assert outcome_of(wrapper, record, *args, **kwargs) == expected
        accepted += type(expected) is not tuple or expected[:1] != (TypeError,)
    assert accepted
    assert len(unit.calls) >= accepted
    assert Process.recorder.guard._logged == set()


def test_defaults_are_the_very_objects():
    wrapper = tracked(SHAPES["defaults"], TARGET)
    assert wrapper(None)[2] is MUTABLE


def test_attributes():
    def method(self):
        """Do it."""

    method._api_model = True
    method._readonly = True
    method.origin = "what base_automation replaced"
    wrapper = tracked(method, TARGET)
    assert wrapper._api_model and wrapper._readonly
    assert (wrapper.__name__, wrapper.__doc__) == ("method", "Do it.")
    assert wrapper.__wrapped__ is method and wrapper.__module__ == __name__
    assert not hasattr(wrapper, "origin") and hasattr(method, "origin")


def test_bound_as_a_method(unit):
    class Model(Records):
        write = tracked(lambda self, vals: (self._ids, vals), TARGET)

    assert Model(3).write({"a": 1}) == ((3,), {"a": 1})
    assert Model(3).write(vals={"a": 1}) == ((3,), {"a": 1})
    with pytest.raises(TypeError):
        Model(3).write()


def test_no_unit_no_count(recorder):
    wrapper = tracked(lambda self: 5, TARGET)
    local.unit = None
    assert wrapper(None) == 5


# -- counting ------------------------------------------------------------------


def test_exact_times(tmp_path, recorder, unit, clock):
    def inner(self):
        clock.now += 2

    def outer(self):
        clock.now += 1
        read(self)
        clock.now += 4
        read(self)

    read = tracked(inner, OTHER_TARGET, clock=clock)
    write = tracked(outer, TARGET, clock=clock)
    write(None)
    found = measured(recorder, unit, tmp_path)
    assert (calls(found), inclusive(found), exclusive(found)) == (1, (1, 9), 5)
    assert calls(found, "read") == 2
    assert inclusive(found, "read") == (2, 4)
    assert exclusive(found, "read") == 4


def test_recursion_counts_once_inclusive(tmp_path, recorder, unit, clock):
    def method(self, depth):
        clock.now += 1
        if depth:
            wrapper(self, depth - 1)

    wrapper = tracked(method, TARGET, clock=clock)
    wrapper(None, 4)
    found = measured(recorder, unit, tmp_path)
    assert (calls(found), inclusive(found), exclusive(found)) == (5, (1, 5), 5)


def test_recursion_through_another(tmp_path, recorder, unit, clock):
    def write_method(self, depth):
        clock.now += 1
        if depth:
            read(self, depth - 1)

    def read_method(self, depth):
        clock.now += 10
        write(self, depth)

    write = tracked(write_method, TARGET, clock=clock)
    read = tracked(read_method, OTHER_TARGET, clock=clock)
    write(None, 2)
    found = measured(recorder, unit, tmp_path)
    assert (calls(found), inclusive(found), exclusive(found)) == (3, (1, 23), 3)
    assert (calls(found, "read"), inclusive(found, "read")) == (2, (1, 22))
    assert exclusive(found, "read") == 20


def test_exceptions_pass_and_count(tmp_path, recorder, unit, clock):
    def inner(self):
        clock.now += 2
        raise KeyError("x")

    def outer(self):
        clock.now += 1
        try:
            read(self)
        except KeyError as error:
            clock.now += 3
            raise ValueError("y") from error

    read = tracked(inner, OTHER_TARGET, wrapping.ON_SELF, clock)
    write = tracked(outer, TARGET, wrapping.ON_SELF, clock)
    with pytest.raises(ValueError, match="y") as caught:
        write(Records(1))
    assert isinstance(caught.value.__cause__, KeyError)
    top = unit.top
    assert top[0] is None, "the stack of calls is not empty"
    found = measured(recorder, unit, tmp_path)
    assert (calls(found), inclusive(found), exclusive(found)) == (1, (1, 6), 4)
    assert inclusive(found, "read") == (1, 2)
    assert found["records_total", "write"] == (0,)  # nothing came of it


@pytest.mark.parametrize(
    ("records", "result", "count"),
    [
        (wrapping.ON_SELF, True, 2),
        (wrapping.IN_RESULT, Records(1, 2, 3), 3),
        (wrapping.IN_LIST, [{}, {}, {}, {}], 4),
        (wrapping.IN_RECORDS, {"length": 100, "records": [1] * 5}, 5),
        (wrapping.IN_GROUPS, {"groups": [1] * 6}, 6),
        (wrapping.COUNTED, 7, 7),
        (wrapping.NOTHING, [1, 2], 0),
        (wrapping.IN_LIST, None, 0),
    ],
)
def test_records(tmp_path, recorder, unit, records, result, count):
    wrapper = tracked(lambda self: result, TARGET, records)
    assert wrapper(Records(8, 9)) is result
    found = measured(recorder, unit, tmp_path)
    assert found["records_total", "write"] == (count,)


def test_a_result_that_cannot_be_counted_is_ours_to_know(
    tmp_path, recorder, unit, caplog
):
    wrapper = tracked(lambda self: "text", TARGET, wrapping.IN_RECORDS)
    assert wrapper(None) == "text"
    assert calls(measured(recorder, unit, tmp_path)) == 1
    assert "Measuring failed in orm" in caplog.text


def test_buckets(tmp_path, recorder, unit, clock):
    def method(self, seconds):
        clock.now += seconds

    wrapper = tracked(method, TARGET, clock=clock)
    for seconds in (0, 0.0005, 0.25, 0.5, 3, 100):
        wrapper(None, seconds)
    row = measured(recorder, unit, tmp_path)["call_duration_seconds", "write"]
    # 1, 5, 10, 25, 50, 100, 250, 500 ms, 1 s, 5 s, longer
    assert row[:-1] == (2, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1)


def test_only_instances_of_the_owner(tmp_path, recorder, unit, clock):
    class Parent(Records):
        def method(self):
            clock.now += 1
            return "parent"

    class Child(Parent):
        pass

    Parent.method = tracked(Parent.method, TARGET, clock=clock, owner=Parent)
    assert Parent().method() == Child().method() == "parent"
    found = measured(recorder, unit, tmp_path)
    assert (calls(found), exclusive(found)) == (1, 1)


def test_a_unit_that_ended_meanwhile_is_not_the_next_ones(recorder, unit, clock):
    """A call belongs to the unit that was open when it began."""

    def method(self):
        local.unit = Unit("http", clock())

    tracked(method, TARGET, clock=clock)(None)
    assert len(unit.calls) == 1 and local.unit.calls == []


def test_units_stay_small(tmp_path, recorder, unit, clock):
    def inner(self):
        clock.now += 1

    def outer(self):
        clock.now += 1
        for _n in range(10 * KEPT):
            read(self)
            assert len(unit.calls) < KEPT

    read = tracked(inner, OTHER_TARGET, clock=clock)
    write = tracked(outer, TARGET, clock=clock)
    write(None)
    found = measured(recorder, unit, tmp_path)
    assert (calls(found, "read"), exclusive(found, "read")) == (10 * KEPT, 10 * KEPT)
    assert (calls(found), inclusive(found)) == (1, (1, 10 * KEPT + 1))
    assert exclusive(found) == 1
