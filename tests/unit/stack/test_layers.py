"""The total is honest: what did not run has failed."""

import pytest

from tests.stack import layers
from tests.stack.errors import StackError
from tests.stack.layers import LayerResult, read_junit, read_odoo_log, report

ODOO_LOG = """\
2026-01-01 10:00:00,000 7 INFO db odoo.addons.x.tests.test_y: skipped test_z : why
2026-01-01 10:00:00,000 7 ERROR db odoo.addons.x.tests.test_y: FAIL: TestY.test_a
2026-01-01 10:00:00,000 7 ERROR db odoo.addons.x.tests.test_y: ERROR: TestY.test_b
2026-01-01 10:00:00,000 7 INFO db odoo.tests.result: 1 failed, 2 error(s) of 10 tests \
when loading database 'db'
"""


@pytest.mark.parametrize(
    ("result", "good"),
    [
        (LayerResult(passed=3), True),
        (LayerResult(passed=3, failed=1), False),
        (LayerResult(passed=3, skipped=1), False),
        (LayerResult(passed=3, problem="exit code 2"), False),
        (LayerResult(), False),
    ],
)
def test_a_layer_is_good_only_when_all_of_it_ran(result, good):
    assert result.is_good is good
    assert report({"unit": result})[-1] == (
        f"{result.passed} passed, {0 if good else 1} failed"
    )


def test_report():
    results = {
        "unit": LayerResult(20),
        "odoo": LayerResult(),
        "system": LayerResult(2, 1, names=("tests.test_x::test_y",)),
    }
    assert report(results) == [
        "unit     ok     20 passed, 0 failed",
        "odoo     FAILED 0 passed, 0 failed",
        "         no test ran",
        "system   FAILED 2 passed, 1 failed",
        "         tests.test_x::test_y",
        "22 passed, 2 failed",
    ]


def test_odoo_log():
    assert read_odoo_log(ODOO_LOG) == LayerResult(
        passed=6, failed=3, skipped=1, names=("TestY.test_a", "TestY.test_b")
    )
    assert read_odoo_log("nothing").problem
    assert not read_odoo_log("0 failed, 0 error(s) of 0 tests").is_good


def test_junit(tmp_path):
    file = tmp_path / "junit.xml"
    file.write_text(
        """<testsuites><testsuite>
        <testcase name="a"/>
        <testcase classname="m" name="b"><failure/></testcase>
        <testcase classname="m" name="c"><error/></testcase>
        <testcase name="d"><skipped type="pytest.skip"/></testcase>
        <testcase name="e"><skipped type="pytest.xfail"/></testcase>
        </testsuite></testsuites>"""
    )
    assert read_junit(file) == LayerResult(
        passed=2, failed=2, skipped=1, names=("m::b", "m::c")
    )


def test_all_layers_run_and_one_that_cannot_fails(monkeypatch, capsys):
    def cannot():
        raise StackError("PostgreSQL is not there")

    monkeypatch.setattr(
        layers, "LAYERS", {"odoo": cannot, "unit": lambda: LayerResult(2)}
    )
    assert not layers.run_layers(["odoo", "unit"])
    output = capsys.readouterr().out
    assert "PostgreSQL is not there" in output
    assert output.splitlines()[-1] == "2 passed, 1 failed"


def test_a_part_that_did_not_run_fails_its_layer():
    good = LayerResult(passed=2, skipped=1)
    bad = LayerResult(1, 1, names=("m::b",))
    assert layers.together(good, bad) == LayerResult(3, 1, 1, names=("m::b",))
    assert layers.together(good, LayerResult()).problem
    assert layers.together(good, LayerResult(problem="cannot")).problem == "cannot"
