"""Set-up steps run once, and again after an interruption or a change."""

import io

import pytest

from tests.stack.steps import Step, StepRunner


@pytest.fixture
def out():
    return io.StringIO()


@pytest.fixture
def runner(tmp_path, out):
    return StepRunner(tmp_path / "stamps", out)


def step(runs, key="1", there=True, name="thing"):
    return Step(name, "A thing", key, lambda: there, lambda: runs.append(key))


def test_runs_once_and_says_so(runner, out):
    runs = []
    runner.run([step(runs)])
    runner.run([step(runs)])
    assert runs == ["1"]
    assert out.getvalue() == (
        "[1/1] A thing ... done in 0 s\n[1/1] A thing ... up to date\n"
    )


def test_runs_again_when_the_key_changes(runner):
    runs = []
    runner.run([step(runs, key="1")])
    runner.run([step(runs, key="2")])
    assert runs == ["1", "2"]


def test_runs_again_when_the_result_is_gone(runner):
    runs = []
    runner.run([step(runs)])
    runner.run([step(runs, there=False)])
    assert runs == ["1", "1"]


def test_an_interrupted_step_runs_again(runner, out):
    runs = []

    def interrupted():
        raise KeyboardInterrupt

    runner.run([step(runs, key="1")])
    with pytest.raises(KeyboardInterrupt):
        runner.run([Step("thing", "A thing", "2", lambda: True, interrupted)])
    assert out.getvalue().endswith("failed\n")
    # Neither the wanted nor the former state may count as reached.
    runner.run([step(runs, key="1")])
    assert runs == ["1", "1"]


def test_a_failure_keeps_later_steps_from_running(runner):
    runs = []
    failing = Step("bad", "Bad", "1", lambda: False, lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        runner.run([failing, step(runs)])
    assert runs == []
