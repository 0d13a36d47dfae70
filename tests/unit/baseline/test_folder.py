"""The folder of a run: what is written is read back, and nothing torn is taken."""

from datetime import datetime, timezone

import pytest

from baseline.folder import (
    DONE,
    FolderError,
    Part,
    Run,
    RunFolder,
    latest,
    new_folder,
    read_json,
    write_json,
)

NOON = datetime(2026, 11, 28, 12, 0, 5, tzinfo=timezone.utc)


def test_a_run_is_read_back_as_it_was_written(tmp_path):
    folder = RunFolder(tmp_path)
    run = Run(
        name="n",
        profile="smoke",
        target={"url": "http://localhost"},
        parts=[Part("k6", DONE, seconds=1.5)],
        warnings=["w"],
    )
    folder.write_run(run)
    assert folder.read_run() == run


@pytest.mark.parametrize(
    "content", ["", '{"schema": 1', "[]", '{"schema": 2}', '{"schema": 1}']
)
def test_what_is_no_run_is_refused(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(FolderError):
        RunFolder(tmp_path).read_run()


def test_folders_are_dated_and_named(tmp_path):
    folder = new_folder(tmp_path, "smoke", "pull request/7", NOON)
    assert folder.path.name == "20261128-120005-smoke-pull-request-7"
    assert folder.path.is_dir()
    with pytest.raises(FileExistsError):
        new_folder(tmp_path, "smoke", "pull request/7", NOON)


def test_the_latest_run_is_the_one_that_began_last(tmp_path):
    assert latest(tmp_path) is None
    run = Run("n", "smoke", {})
    for minute in (2, 1):
        began = NOON.replace(minute=minute)
        new_folder(tmp_path, "smoke", "n", began).write_run(run)
    new_folder(tmp_path, "smoke", "unfinished", NOON.replace(minute=3))
    found = latest(tmp_path)
    assert found is not None
    assert found.path.name == "20261128-120205-smoke-n"


def test_json_appears_complete_or_not_at_all(tmp_path):
    path = tmp_path / "a" / "b.json"
    write_json(path, {"x": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, {"x": float("nan")})
    assert read_json(path) == {"x": 1}
    assert read_json(tmp_path / "missing.json") is None
