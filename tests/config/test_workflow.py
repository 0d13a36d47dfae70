"""The example for GitHub Actions: its form, and that the commands in it exist."""

import re
import shlex
import subprocess

import pytest
import yaml

from tests.config.documents import ROOT, make_targets
from tests.stack import paths

FILE = ROOT / ".github" / "workflows" / "performance.yml"


def script():
    """All commands of the workflow, a line each."""
    [job] = yaml.safe_load(FILE.read_text())["jobs"].values()
    text = "\n".join(step["run"] for step in job["steps"] if "run" in step)
    return re.sub(r"\\\n\s*", "", text).splitlines()


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "yamllint", "--strict", FILE],
        ["-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", FILE],
    ],
)
def test_its_form_is_right(command):
    done = subprocess.run(
        [paths.PYTHON, *map(str, command)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_make_knows_its_targets():
    targets = {line.split()[1] for line in script() if line.startswith("make ")}
    assert targets == {"demo", "baseline", "stop"}
    assert targets <= make_targets(ROOT / "Makefile")


def test_the_gate_is_a_command_that_there_is():
    from baseline.cli import parser

    [line] = [line for line in script() if "compare" in line]
    words = shlex.split(line)
    assert words[0] == ".venv/bin/baseline"
    options = parser().parse_args(words[1:])
    assert options.gate
    assert options.markdown
