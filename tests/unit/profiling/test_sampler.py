"""The sampler under a clock and threads that do as told: exact shares."""

import pytest

from smart_dairy_profiling.core.places import Places
from smart_dairy_profiling.core.sampler import (
    ADJUST,
    BUDGET,
    ENDED,
    LONGEST,
    SLOWEST,
    Label,
    Sampler,
)
from smart_dairy_profiling.core.session import COMPUTING, WAITING
from tests.unit.profiling.support import Clock, Machine, Unit, call, frames

SHOP = Label("http", "/shop", "", "one")


class Bench:
    """A sampler and the world around it."""

    def __init__(self, **options):
        self.clock = Clock()
        self.now = Clock(5000.0)
        self.machine = Machine(self.clock)
        self.flushed = []
        self.failures = []
        self.permitted = True
        self.rate = 20.0
        self.anew = False
        told = dict(
            rate=lambda: self.rate,
            flush=self.flush,
            beat=lambda: self.permitted,
            failed=self.failures.append,
            system=self.machine,
            clock=self.clock,
            now=self.now,
            chance=lambda: 0.5,
        )
        self.sampler = Sampler(Places(), **(told | options))

    def flush(self, interval, full):
        self.flushed.append(interval)
        return self.anew

    def step(self):
        """What the thread does next, when it is due."""
        pause = max(0.0, self.sampler._due - self.clock.now)
        self.machine.pass_time(pause)
        self.now.now += pause
        self.sampler.step()

    def steps(self, count):
        for _step in range(count):
            self.step()

    def at(self, *names, busy=True, thread="one"):
        """Let a thread be in a function, computing or waiting."""
        self.machine.running[thread] = frames(*names)
        (self.machine.busy.add if busy else self.machine.busy.discard)(thread)

    def stacks(self):
        """{label: {functions: [samples, wall, cpu]}} of all flushes."""
        found = {}
        for interval in self.flushed:
            for label, sums in interval.sums.items():
                of_label = found.setdefault(label, {})
                for node, weights in sums.nodes.items():
                    key = "/".join(place.frame.function for place in node.stack())
                    old = of_label.get(key, [0, 0.0, 0.0])
                    new = [a + b for a, b in zip(old, weights, strict=True)]
                    of_label[key] = [new[0], round(new[1], 6), round(new[2], 6)]
        return found


@pytest.fixture
def bench():
    return Bench()


def test_only_threads_that_serve_are_looked_at(bench):
    bench.at("main", thread="another")
    bench.sampler.begin(Unit())
    bench.at("main", "read")
    bench.steps(11)
    bench.sampler.flush()
    # The newest may still be told that another one computed in its slot; of its own
    # half belongs to the one before.
    assert bench.stacks() == {SHOP: {"main/read": [10, 0.5, 0.525]}}
    assert bench.sampler.samples == 11


def test_shares_of_computing_and_sleeping_functions(bench):
    """30/50/20 %: the middle one sleeps, the last gives way to one that computes."""
    unit = Unit()
    bench.sampler.begin(unit)
    for _round in range(10):
        for name, looks in (("a", 6), ("b", 10), ("c", 4)):
            bench.at("main", name, busy=name != "b")
            bench.steps(looks)
            bench.machine.pass_time(0.025)  # they change between two looks
    bench.sampler.end(unit)
    bench.step()
    bench.sampler.flush()
    found = bench.stacks()[SHOP]
    assert {name: weights[1] for name, weights in found.items()} == {
        "main/a": 3.0,
        "main/b": 5.0,
        "main/c": 2.0,
    }
    cpu = sum(weights[2] for weights in found.values())
    shares = {name: weights[2] / cpu for name, weights in found.items()}
    assert shares["main/b"] == 0.0
    assert shares["main/a"] == pytest.approx(0.6, abs=0.01)
    assert shares["main/c"] == pytest.approx(0.4, abs=0.01)


def test_of_a_slot_partly_waited_the_cpu_goes_to_who_computed(bench):
    """It computed in ``a`` until the middle of a slot, and sleeps when looked at."""
    bench.sampler.begin(Unit())
    bench.at("main", "a")
    bench.step()
    bench.machine.pass_time(0.02)  # of the 50 ms until the next look
    bench.at("main", "b", busy=False)
    bench.step()
    assert bench.machine.slept == [0.0005]
    bench.sampler._fold(next(iter(bench.sampler._running.values())), all_of_it=True)
    bench.sampler.flush()
    found = bench.stacks()[SHOP]
    assert found["main/b"] == [1, 0.05, 0.0]
    assert found["main/a"][2] == pytest.approx(0.05 + 0.05 * 0.4)


def test_of_a_slot_partly_waited_the_cpu_goes_to_who_computes_now(bench):
    bench.sampler.begin(Unit())
    bench.at("main", "b", busy=False)
    bench.step()
    bench.machine.pass_time(0.03)
    bench.at("main", "a")
    bench.step()
    bench.sampler._fold(next(iter(bench.sampler._running.values())), all_of_it=True)
    bench.sampler.flush()
    found = bench.stacks()[SHOP]
    assert found["main/b"] == [1, 0.05, 0.0]
    assert found["main/a"] == [1, 0.05, pytest.approx(0.02)]


def test_a_unit_is_folded_by_what_is_known_at_its_end(bench):
    unit = Unit(route=None)
    bench.sampler.begin(unit)
    bench.at("main")
    bench.steps(2)
    unit.route, unit.rpc = "/web/dataset/call_kw", ("res.partner", "read")
    bench.sampler.end(unit)
    bench.step()
    bench.sampler.flush()
    label = Label("http", "/web/dataset/call_kw", "res.partner.read", "one")
    assert bench.stacks() == {label: {"main": [2, 0.1, 0.1]}}
    assert bench.flushed[0].sums[label].units == 1


def test_units_without_a_look_are_counted(bench):
    for _unit in range(3):
        unit = Unit()
        bench.sampler.begin(unit)
        bench.sampler.end(unit)
    bench.step()
    bench.sampler.flush()
    (interval,) = bench.flushed
    assert interval.sums[SHOP].units == 3
    assert interval.sums[SHOP].nodes == {}


def test_what_no_label_wants_is_not_kept():
    bench = Bench(label=lambda unit: None)
    unit = Unit()
    bench.sampler.begin(unit)
    bench.at("main")
    bench.steps(3)
    bench.sampler.end(unit)
    bench.step()
    bench.sampler.flush()
    assert bench.flushed == []


def test_a_running_unit_is_flushed_as_far_as_it_is(bench):
    bench.sampler.begin(Unit())
    bench.at("main", "long")
    bench.steps(203)
    assert len(bench.flushed) == 1
    found = bench.stacks()[SHOP]["main/long"]
    bench.steps(203)
    assert len(bench.flushed) == 2
    more = bench.stacks()[SHOP]["main/long"]
    assert (found[0], more[0]) == (200, 401)
    assert bench.flushed[1].sums[SHOP].units == 0
    assert bench.flushed[0].ended == bench.flushed[1].began
    assert bench.flushed[0].interval_seconds == 0.05


def test_missed_slots_belong_to_the_next_look(bench):
    bench.sampler.begin(Unit())
    bench.at("main")
    bench.steps(2)
    bench.machine.pass_time(1.0)  # somebody held the interpreter's lock
    bench.steps(2)
    bench.sampler._fold(next(iter(bench.sampler._running.values())), all_of_it=True)
    bench.sampler.flush()
    samples, wall, cpu = bench.stacks()[SHOP]["main"]
    assert samples == 4
    assert wall == pytest.approx(bench.clock.now - 1000.0, abs=0.05)
    assert cpu == pytest.approx(wall)


def test_a_unit_is_not_charged_for_a_silence_before_it(bench):
    bench.steps(1)
    bench.machine.pass_time(5.0)
    unit = Unit()
    bench.sampler.begin(unit)
    bench.at("main")
    bench.sampler.step()
    bench.sampler.end(unit)
    bench.step()
    bench.sampler.flush()
    assert bench.stacks()[SHOP]["main"][1] == 0.05


# -- one unit's timeline --------------------------------------------------------


def test_taking_a_unit_that_runs(bench):
    unit = Unit(rpc=("sale.order", "read"))
    bench.sampler.begin(unit)
    assert bench.sampler.take(unit) is None
    bench.at("main", "a")
    bench.steps(2)
    bench.at("main", "b", busy=False)
    bench.steps(2)
    bench.machine.pass_time(0.025)
    session = bench.sampler.take(unit)
    assert session.about.seconds == pytest.approx(0.2)
    assert (session.about.kind, session.about.label) == ("http", "/shop")
    assert (session.about.model, session.about.db) == ("sale.order.read", "one")
    assert session.about.started == 5000.0
    assert session.about.units == 1
    named = {
        "/".join(frame.function for frame in stack): [n, round(wall, 6), round(cpu, 6)]
        for stack, (n, wall, cpu) in session.by_frames().items()
    }
    # Looks at 25, 75, 125 and 175 ms, each for the time since the one before. ``b``
    # began to wait right after the second.
    assert named == {"main/a": [2, 0.075, 0.075], "main/b": [2, 0.125, 0.0]}
    moments = [(round(at, 6), n, state) for at, n, state in session.timeline]
    assert moments == [
        (0.0, 0, COMPUTING),
        (0.025, 0, COMPUTING),
        (0.075, 1, WAITING),
        (0.125, 1, WAITING),
    ]


def test_taking_a_unit_that_is_over_until_the_next_one(bench):
    unit, other = Unit(), Unit("/other")
    bench.sampler.begin(unit)
    bench.at("main")
    bench.steps(2)
    bench.sampler.end(unit)
    bench.steps(3)
    assert bench.sampler.take(unit).samples == 2
    assert bench.sampler.take(other) is None
    bench.sampler.begin(other)
    assert bench.sampler.take(unit) is None


def test_watching_looks_more_often_until_the_unit_ends(bench):
    unit = Unit()
    assert not bench.sampler.watch(unit, rate=200)
    bench.sampler.begin(unit)
    assert bench.sampler.watch(unit, rate=200)
    bench.at("main")
    bench.step()
    began = bench.clock.now
    bench.steps(20)
    assert bench.clock.now - began == pytest.approx(0.1, abs=0.005)
    bench.sampler.end(unit)
    assert not bench.sampler.watch(unit, rate=200)
    bench.step()
    began = bench.clock.now
    bench.steps(20)
    assert bench.clock.now - began == pytest.approx(1.0, abs=0.05)


def test_a_long_unit_keeps_every_second_look(bench):
    unit = Unit()
    bench.sampler.begin(unit)
    bench.at("main")
    bench.steps(LONGEST + 10)
    session = bench.sampler.take(unit)
    assert LONGEST / 2 <= len(session.timeline) <= LONGEST / 2 + 10
    assert session.wall == pytest.approx(session.about.seconds)
    bench.sampler.end(unit)
    bench.step()
    bench.sampler.flush()
    samples, wall, _cpu = bench.stacks()[SHOP]["main"]
    assert samples == LONGEST + 10
    assert wall == pytest.approx((LONGEST + 10) * 0.05)


def test_two_threads_do_not_mix(bench):
    one, two = Unit("/one"), Unit("/two")
    bench.sampler.begin(one)
    bench.machine.current = "two"
    bench.sampler.begin(two)
    bench.at("main", "first", thread="one")
    bench.at("main", "second", busy=False, thread="two")
    bench.steps(4)
    bench.sampler.end(two)
    assert bench.sampler.take(one).samples == 4  # asked by another thread
    bench.machine.current = "one"
    bench.sampler.end(two)  # not this thread's
    bench.sampler.end(one)
    bench.step()
    bench.sampler.flush()
    assert bench.stacks() == {
        SHOP._replace(label="/one"): {"main/first": [4, 0.2, 0.2]},
        SHOP._replace(label="/two"): {"main/second": [4, 0.2, 0.0]},
    }


def test_a_greenlet_that_waits_is_seen_waiting(bench):
    unit = Unit()
    bench.sampler.begin(unit)
    bench.machine.running["hub"] = frames("hub")
    bench.machine.asleep["one"] = frames("main", "receive")
    bench.machine.busy.add("one")  # the thread's clock is that of other greenlets
    bench.steps(3)
    bench.sampler.end(unit)
    bench.step()
    bench.sampler.flush()
    assert bench.stacks() == {SHOP: {"main/receive": [3, 0.15, 0.0]}}


def test_a_tracked_call_is_shown_as_the_models_method():
    tracked = frames("wrapper").f_code
    places = Places(lambda file, name: 3 if name == "wrapper" else 0)
    bench = Bench()
    bench.sampler._places = places
    unit = Unit()
    bench.sampler.begin(unit)
    call(unit, "sale.order", "write", "sale")
    call(unit, "res.partner", "read", "base")
    bench.at("main", tracked, "write", tracked, "read")
    bench.step()
    (session,) = [bench.sampler.take(unit)]
    (stack,) = session.by_frames()
    assert [(frame.function, frame.model, frame.addon) for frame in stack] == [
        ("main", "", "shop"),
        ("sale.order.write", "sale.order.write", "sale"),
        ("write", "", "shop"),
        ("res.partner.read", "res.partner.read", "base"),
        ("read", "", "shop"),
    ]


# -- cost, switch, bounds --------------------------------------------------------


def test_it_looks_less_often_when_a_look_costs_too_much(bench):
    unit = Unit()
    bench.sampler.begin(unit)
    bench.at("main")

    def steps(count, price):
        for _step in range(count):
            bench.machine.own += price
            bench.step()

    steps(200, 0.0001)
    assert bench.sampler.rate == 20.0
    steps(400, 0.002)
    assert bench.sampler.rate == pytest.approx(BUDGET / 0.002, rel=0.05)
    began = bench.clock.now
    steps(10, 0.002)
    assert bench.clock.now - began == pytest.approx(2.0, rel=0.1)
    steps(100, 0.0001)
    assert bench.sampler.rate == 20.0
    steps(400, 1.0)
    assert bench.sampler.rate == SLOWEST
    assert bench.sampler.cpu_seconds == pytest.approx(bench.machine.own, rel=0.05)


def test_the_switch_works_within_a_quarter_of_a_second(bench):
    unit = Unit()
    bench.sampler.begin(unit)
    bench.at("main")
    bench.steps(20)
    bench.permitted = False
    before = bench.clock.now
    bench.steps(6)
    seen = bench.sampler.samples
    assert bench.clock.now - before <= 0.55 and seen <= 26
    bench.steps(10)
    assert bench.sampler.samples == seen and not bench.sampler.on
    bench.sampler.end(unit)
    bench.sampler.begin(Unit())
    bench.steps(2)
    assert bench.sampler.samples == seen
    bench.permitted = True
    bench.steps(2)
    bench.sampler.begin(Unit())
    bench.steps(4)
    assert bench.sampler.samples > seen


def test_a_rate_of_nothing_is_off(bench):
    bench.rate = 0.0
    bench.sampler.begin(Unit())
    bench.at("main")
    bench.steps(20)
    assert not bench.sampler.on and bench.sampler.samples == 0


def test_one_thread_a_process_and_a_new_one_after_a_fork(bench):
    for _unit in range(3):
        bench.sampler.begin(Unit())
    assert len(bench.machine.spawned) == 1
    bench.at("main")
    bench.steps(3)
    bench.sampler.forked()
    assert bench.sampler.samples == 0
    bench.sampler.flush()
    assert bench.flushed == []
    bench.sampler.begin(Unit())
    assert len(bench.machine.spawned) == 2


def test_stopped_it_flushes_and_stays_so(bench):
    bench.sampler.begin(Unit())
    bench.at("main")
    bench.steps(3)
    bench.sampler.stop()
    (run,) = bench.machine.spawned
    run()
    assert bench.stacks()[SHOP]["main"][0] == 2  # the last look might still change
    bench.sampler.begin(Unit())
    assert len(bench.machine.spawned) == 1


def test_stacks_without_room_are_cut_off_and_counted(bench, monkeypatch):
    monkeypatch.setattr("smart_dairy_profiling.core.sampler.Trie", lambda: small)
    from smart_dairy_profiling.core.trie import Trie

    small = Trie(max_nodes=3)
    bench.sampler._trie = small
    unit = Unit()
    bench.sampler.begin(unit)
    for name in ("a", "b", "c", "d"):
        bench.at("main", name)
        bench.step()
    bench.sampler.end(unit)
    bench.step()
    bench.sampler.flush()
    assert {k: v[0] for k, v in bench.stacks()[SHOP].items()} == {
        "main/a": 1,
        "main/b": 1,
        "main/(other)": 2,
    }
    assert bench.flushed[0].dropped == 2
    assert bench.sampler.lost == 2


def test_a_new_tree_loses_nothing(bench):
    bench.anew = True
    unit = Unit()
    bench.sampler.begin(unit)
    bench.at("main")
    bench.steps(410)
    bench.sampler.end(unit)
    bench.step()
    bench.sampler.flush()
    assert len(bench.flushed) == 3
    assert bench.stacks()[SHOP]["main"] == [410, 20.5, 20.5]
    assert bench.sampler.take(unit).samples == 410


def test_a_store_that_fails_is_told_and_no_end():
    bench = Bench(flush=lambda interval, full: 1 / 0)
    unit = Unit()
    bench.sampler.begin(unit)
    bench.at("main")
    bench.steps(250)
    assert bench.failures == ["sampler"]
    assert bench.sampler.samples == 250


def test_a_thread_that_vanished_is_left_alone(bench):
    bench.sampler.begin(Unit())
    bench.at("main")
    bench.machine.gone.add("one")
    bench.steps(3)
    assert bench.sampler.samples == 0


def test_units_that_end_faster_than_they_are_folded_are_bounded(bench):
    for _unit in range(ENDED + 5):
        unit = Unit()
        bench.sampler.begin(unit)
        bench.sampler.end(unit)
    assert len(bench.sampler._ended) == ENDED


def test_what_units_do_now(bench):
    bench.sampler.begin(Unit())
    bench.at("main", "read")
    bench.steps(2)
    (now,) = bench.sampler.snapshot()
    assert now.label == SHOP and now.computing and now.cpu == pytest.approx(1.0)
    assert now.seconds == pytest.approx(0.075)
    assert [frame.function for frame in now.stack] == ["main", "read"]
    assert ADJUST > 0
