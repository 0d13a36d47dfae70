from smart_dairy_performance.core import prices
from smart_dairy_performance.core.recorder import Recorder, local

from .support import new_store


def test_prices_are_of_the_order_of_microseconds_and_leave_no_unit_behind():
    found = prices.measure()
    assert set(found) == {"orm", "sql"}
    assert all(0 <= seconds < 0.001 for seconds in found.values())
    assert local.unit is None


def test_prices_are_asked_once_when_a_unit_ends(tmp_path):
    asked = []

    def measure():
        asked.append(1)
        return {"orm": 2e-6, "sql": 1e-6}

    recorder = Recorder(new_store(tmp_path), measure_prices=measure)
    assert not asked
    for _n in range(2):
        recorder.end_job(recorder.begin("job"))
    local.unit = None
    assert asked == [1] and recorder.prices == {"orm": 2e-6, "sql": 1e-6}


def test_prices_that_cannot_be_measured_harm_no_unit(tmp_path):
    def measure():
        raise OSError("no clock")

    recorder = Recorder(new_store(tmp_path), measure_prices=measure)
    recorder.end_job(recorder.begin("job"))
    local.unit = None
    assert recorder.prices == {"orm": 0.0, "sql": 0.0}
