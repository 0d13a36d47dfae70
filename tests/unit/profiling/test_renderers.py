"""Exports, read back by what others read them with."""

import json
import pstats

import jsonschema
import pytest

from smart_dairy_profiling.core.renderers import FORMATS, folded, speedscope
from smart_dairy_profiling.core.session import (
    COMPUTING,
    WAITING,
    About,
    Frame,
    Session,
)
from tests.config.documents import ROOT
from tests.unit.profiling import pprof_reader

SCHEMA = ROOT / "frontend/node_modules/speedscope/dist/release/file-format-schema.json"
WEB = Frame("call_kw", "odoo/service/model.py", 50, "odoo", 40, "")
WRITE = Frame("Order.write", "sale/order.py", 12, "sale", 10, "sale.order.write")
LATER = WRITE._replace(line=14)
REGEX = Frame("match", "re/__init__.py", 5, "python", 1, "")


def session(timeline=False) -> Session:
    found = Session(
        About(
            kind="http",
            label="/shop",
            db="one",
            started=1_700_000_000.5,
            seconds=4.5,
            interval_seconds=0.05,
            units=1,
        )
    )
    for frames, samples, wall, cpu in (
        ((WEB, WRITE, REGEX), 2, 1.5, 1.25),
        ((WEB, LATER), 1, 1.0, 0.0),
        ((WEB, WRITE, LATER), 4, 2.0, 0.5),
    ):
        found.add(tuple(map(found.frame, frames)), wall, cpu, samples)
    if timeline:
        found.timeline = [(0.0, 0, COMPUTING), (1.5, 1, WAITING), (2.5, 2, WAITING)]
    return found


@pytest.fixture(scope="module")
def schema():
    return json.loads(SCHEMA.read_text("utf-8"))


# -- speedscope ------------------------------------------------------------------


@pytest.mark.parametrize("cpu", [False, True])
@pytest.mark.parametrize("found", [session(), session(timeline=True), Session()])
def test_speedscope_follows_its_schema(schema, found, cpu):
    document = json.loads(FORMATS["speedscope"].render(found, cpu))
    jsonschema.validate(document, schema)


def test_the_schema_refuses_what_is_wrong(schema):
    document = speedscope.document(session())
    document["profiles"][0]["unit"] = "fortnights"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_speedscope_added_up():
    document = speedscope.document(session())
    assert document["shared"]["frames"] == [
        {"name": "call_kw", "file": "odoo/service/model.py", "line": 40},
        {"name": "Order.write", "file": "sale/order.py", "line": 10},
        {"name": "match", "file": "re/__init__.py", "line": 1},
    ]
    (profile,) = document["profiles"]
    assert profile["samples"] == [[0, 1, 2], [0, 1], [0, 1, 1]]
    assert profile["weights"] == [1.5, 1.0, 2.0]
    assert profile["endValue"] == 4.5
    assert document["name"] == "http /shop one"
    (profile,) = speedscope.document(session(), cpu=True)["profiles"]
    assert profile["weights"] == [1.25, 0.0, 0.5]


def test_speedscope_in_order_of_time():
    in_time, added_up = speedscope.document(session(timeline=True))["profiles"]
    assert in_time["samples"] == [[0, 1, 2], [0, 1], [0, 1, 1]]
    assert in_time["weights"] == [1.5, 1.0, 2.0]
    assert added_up["endValue"] == in_time["endValue"] == 4.5


# -- folded stacks ---------------------------------------------------------------


def test_folded_stacks():
    assert FORMATS["folded"].render(session(), False).decode().splitlines() == [
        "call_kw (odoo/service/model.py);Order.write (sale/order.py) 1000",
        "call_kw (odoo/service/model.py);Order.write (sale/order.py);"
        "Order.write (sale/order.py) 2000",
        "call_kw (odoo/service/model.py);Order.write (sale/order.py);"
        "match (re/__init__.py) 1500",
    ]
    assert len(folded.render(session(), cpu=True).splitlines()) == 2


def test_folded_names_cannot_break_out():
    found = Session()
    odd = Frame("a;b\nc 9", "<x;y>")
    found.add((found.frame(odd),), 0.5, 0.5)
    found.add((), 0.25, 0.0)
    assert folded.render(found) == b"(all) 250\na,b c 9 (<x,y>) 500\n"


# -- pprof -----------------------------------------------------------------------


def test_pprof_read_back():
    profile = pprof_reader.read(FORMATS["pprof"].render(session(), False))
    text = profile.string_table
    assert text[0] == ""
    assert [(text[t.type], text[t.unit]) for t in profile.sample_type] == [
        ("samples", "count"),
        ("wall", "nanoseconds"),
        ("cpu", "nanoseconds"),
    ]
    functions = {one.id: one for one in profile.function}
    places = {}
    for location in profile.location:
        (line,) = location.line
        function = functions[line.function_id]
        places[location.id] = (text[function.name], text[function.filename], line.line)
    found = {
        tuple(places[number] for number in reversed(sample.location_id)): list(
            sample.value
        )
        for sample in profile.sample
    }
    web, write, later, regex = (frame[:3] for frame in (WEB, WRITE, LATER, REGEX))
    assert found == {
        (web, write, regex): [2, 1_500_000_000, 1_250_000_000],
        (web, later): [1, 1_000_000_000, 0],
        (web, write, later): [4, 2_000_000_000, 500_000_000],
    }
    assert len(functions) == 3
    assert {text[one.system_name] for one in profile.function} == {
        "call_kw",
        "sale.order.write",
        "match",
    }
    assert {one.start_line for one in profile.function} == {40, 10, 1}
    assert profile.time_nanos == 1_700_000_000_500_000_000
    assert profile.duration_nanos == 4_500_000_000
    assert profile.period == 50_000_000
    assert text[profile.default_sample_type] == "wall"
    cpu = pprof_reader.read(FORMATS["pprof"].render(session(), True))
    assert cpu.string_table[cpu.default_sample_type] == "cpu"


def test_pprof_of_nothing():
    profile = pprof_reader.read(FORMATS["pprof"].render(Session(), False))
    assert not profile.sample and len(profile.sample_type) == 3


def test_pprof_knows_no_field_that_is_not_its():
    profile = pprof_reader.read(FORMATS["pprof"].render(session(), False))
    known = pprof_reader.Profile()
    known.CopyFrom(profile)
    known.DiscardUnknownFields()
    assert known.SerializeToString() == profile.SerializeToString()


# -- pstats ----------------------------------------------------------------------


def test_pstats_loads(tmp_path):
    path = tmp_path / "one.pstats"
    path.write_bytes(FORMATS["pstats"].render(session(), False))
    found = pstats.Stats(str(path))
    web = ("odoo/service/model.py", 40, "call_kw")
    write = ("sale/order.py", 10, "Order.write")
    regex = ("re/__init__.py", 1, "match")
    assert found.stats == {
        web: (7, 7, 0.0, 4.5, {}),
        write: (
            7,
            7,
            3.0,
            4.5,
            # Of calls by itself only the own time is to be told apart.
            {web: (7, 7, 1.0, 4.5), write: (4, 4, 2.0, 2.0)},
        ),
        regex: (2, 2, 1.5, 1.5, {write: (2, 2, 1.5, 1.5)}),
    }
    assert found.total_tt == 4.5
    path.write_bytes(FORMATS["pstats"].render(session(), True))
    assert pstats.Stats(str(path)).total_tt == 1.75


# -- text ------------------------------------------------------------------------


def test_text():
    shown = FORMATS["text"].render(session(), False).decode()
    assert shown.startswith(
        "http /shop one\n7 samples, 4.500 s wall, 1.750 s CPU, 1 requests or jobs\n"
    )
    assert "    3.000   66.7     4.500  Order.write (sale/order.py)\n" in shown
    assert "    1.500   33.3     1.500  re/__init__.py:5 (match)\n" in shown
    assert "    4.500   100.0    Order.write (sale/order.py:10)\n" in shown
    assert FORMATS["text"].render(Session(), True)


def test_a_session_itself():
    content = FORMATS["session"].render(session(timeline=True), False)
    assert Session.from_json(content) == session(timeline=True)


@pytest.mark.parametrize("name", FORMATS)
def test_none_changes_the_session(name):
    found = session(timeline=True)
    FORMATS[name].render(found, False)
    assert found == session(timeline=True)
