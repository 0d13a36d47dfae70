"""Tools run to their end, are limited, and leave nothing behind."""

import os
import sys
import time

import pytest

from baseline.tools import ToolError, environment, first_line, run


def python(code, tmp_path, **options):
    return run(
        [sys.executable, "-c", code],
        log=tmp_path / "log" / "tool.log",
        env=environment(),
        **{"limit": 20.0, **options},
    )


def test_output_and_errors_go_to_the_log(tmp_path):
    code = "import sys; print('out'); sys.stdout.flush(); print('err', file=sys.stderr)"
    assert python(code, tmp_path) == 0
    assert (tmp_path / "log" / "tool.log").read_text() == "out\nerr\n"


def test_an_exit_code_that_is_no_failure(tmp_path):
    assert python("raise SystemExit(99)", tmp_path, allowed=(0, 99)) == 99


def test_a_failure_shows_the_end_of_the_log(tmp_path):
    code = "print('the reason'); raise SystemExit(3)"
    with pytest.raises(ToolError, match=r"exit code 3\): the reason"):
        python(code, tmp_path)


def test_a_tool_that_is_not_there(tmp_path):
    with pytest.raises(ToolError, match="nothing cannot start"):
        run(["/nowhere/nothing"], log=tmp_path / "l", env={}, limit=1.0)


def test_a_limit_ends_the_whole_group(tmp_path):
    pid_file = tmp_path / "pid"
    code = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open({str(pid_file)!r}, "w").write(str(child.pid))
time.sleep(60)
"""
    with pytest.raises(ToolError, match="not done after"):
        python(code, tmp_path, limit=1.5)
    pid = int(pid_file.read_text())
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _lives(pid):
        time.sleep(0.05)
    assert not _lives(pid)


def test_nothing_of_the_caller_reaches_a_tool(monkeypatch):
    monkeypatch.setenv("ODOO_PASSWORD", "secret")
    monkeypatch.setenv("K6_OUT", "cloud")
    env = environment(X="1")
    assert env["X"] == "1"
    assert not {"ODOO_PASSWORD", "K6_OUT"} & set(env)


def test_the_first_line_of_a_version(tmp_path):
    assert first_line(sys.executable, "-c", "print('v1'); print('x')") == "v1"
    assert first_line(sys.executable, "-c", "raise SystemExit(1)") is None
    assert first_line(tmp_path / "nothing") is None


def _lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
    finally:
        assert pid != os.getpid()
