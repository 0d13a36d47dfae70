"""Part by part: one that fails costs the others nothing, and a run can be resumed."""

import io
from types import SimpleNamespace

import pytest

from baseline import run as running
from baseline.folder import DONE, FAILED, PARTS, PENDING, SKIPPED, Run, RunFolder
from baseline.parts.context import Context, Skip
from baseline.profiles import K6_PROFILES, PROFILES
from baseline.target import Target


@pytest.fixture
def parts(monkeypatch):
    """Parts that note that they ran; tests replace single ones."""
    done = []
    made = {name: (lambda context, name=name: done.append(name)) for name in PARTS}
    monkeypatch.setattr(running, "_function", lambda name: made[name])
    return SimpleNamespace(done=done, made=made)


@pytest.fixture
def context(tmp_path):
    return Context(
        folder=RunFolder(tmp_path),
        run=Run("n", "smoke", {}, started=running.started_now()),
        profile=PROFILES["smoke"],
        target=Target("http://localhost", False),
        say=lambda text: None,
        data=tmp_path,
    )


def collect(context, **options):
    out = io.StringIO()
    good = running.collect(context, out=out, **options)
    return good, out.getvalue()


def states(context):
    run = context.folder.read_run()
    return {part.name: part.state for part in run.parts}


def test_all_parts_in_their_order(context, parts):
    good, output = collect(context)
    assert good
    assert parts.done == list(PARTS)
    assert set(states(context).values()) == {DONE}
    assert context.folder.read_run().ended
    assert output.splitlines()[4].startswith("[5/10] Load (k6) ... done in 0 s")


def test_a_failed_part_is_told_and_the_rest_is_there(context, parts):
    def fail(_context):
        raise RuntimeError("no such thing")

    parts.made["lighthouse"] = fail
    good, output = collect(context)
    assert not good
    assert len(parts.done) == len(PARTS) - 1
    part = context.folder.read_run().part("lighthouse")
    assert (part.state, part.reason) == (FAILED, "RuntimeError: no such thing")
    assert "Lighthouse ... failed: RuntimeError: no such thing" in output
    assert "FAILED lighthouse" in running.summary(context.folder, context.run)


def test_a_part_without_work_is_skipped_with_its_reason(context, parts):
    def skip(_context):
        raise Skip("no portal")

    parts.made["bundle"] = skip
    good, output = collect(context, skip=["k6"])
    assert good
    run = context.folder.read_run()
    assert run.part("bundle").reason == "no portal"
    assert run.part("k6").reason == "asked to skip it"
    assert states(context)["k6"] == states(context)["bundle"] == SKIPPED
    assert "k6" not in parts.done


def test_an_interrupted_run_goes_on_where_it_was(context, parts):
    def interrupt(_context):
        raise KeyboardInterrupt

    kept = parts.made["k6"]
    parts.made["k6"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        collect(context)
    assert states(context)["k6"] == PENDING
    assert context.folder.read_run().ended is None
    parts.made["k6"] = kept
    context.run = context.folder.read_run()
    _good, output = collect(context)
    assert parts.done == list(PARTS)  # each once
    assert "[1/10] Environment record ... done before" in output


def test_failed_and_skipped_parts_are_tried_again(context, parts):
    def fail(_context):
        raise OSError("away")

    kept = parts.made["prometheus"]
    parts.made["prometheus"] = fail
    collect(context, skip=["k6"])
    parts.made["prometheus"] = kept
    good, _output = collect(context)
    assert good
    assert parts.done[-2:] == ["k6", "prometheus"]


def test_each_profile_names_load_profiles_that_there_are():
    for profile in PROFILES.values():
        assert set(profile.k6) <= set(K6_PROFILES)
    assert PROFILES["full"].users == 500
