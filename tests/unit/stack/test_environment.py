"""Environments of processes, and the file for shells."""

import subprocess

from tests.stack import environment

VARIABLES = {"URL": "http://127.0.0.1:1/?a=b&c", "PASSWORD": "a 'b' \"$HOME\" `c`"}


def test_a_shell_reads_the_file_as_it_was_meant(tmp_path):
    file = tmp_path / "run" / "env"
    environment.write_env_file(file, VARIABLES)
    script = f'. {file}; printf "%s\\n" "$URL" "$PASSWORD"; env | grep -c "^URL="'
    output = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert output.splitlines() == [*VARIABLES.values(), "1"]


def test_the_file_is_read_back_and_private(tmp_path):
    file = tmp_path / "env"
    environment.write_env_file(file, VARIABLES)
    assert environment.read_env_file(file) == VARIABLES
    assert file.stat().st_mode & 0o777 == 0o600


def test_nothing_of_the_caller_changes_a_result(monkeypatch):
    for name in ("PGHOST", "ODOO_RC", "SMART_DAIRY_ENABLED", "PYTHONPATH"):
        monkeypatch.setenv(name, "of the caller")
    env = environment.for_odoo(SMART_DAIRY_METRICS_PORT="0")
    assert "of the caller" not in env.values()
    assert env["SMART_DAIRY_METRICS_PORT"] == "0"
    assert env["PATH"].startswith(str(environment.paths.VENV_BIN))
