"""Run a k6 script against a stack."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import environment, paths
from .errors import StackError

_THRESHOLDS_FAILED = 99  # k6's exit code
_TIMEOUT = 600.0  # seconds


@dataclass(frozen=True)
class K6Result:
    """What a run did: the script's summary, and whether all its thresholds held."""

    summary: dict[str, Any]
    passed: bool

    @property
    def requests(self) -> int:
        """HTTP requests that were sent, each hop of a redirect counted."""
        return int(self.summary["metrics"]["http_reqs"]["values"]["count"])

    @property
    def failed_checks(self) -> int:
        return int(self.summary["metrics"]["checks"]["values"]["fails"])


def run_script(
    script: Path,
    summary: Path,
    variables: Mapping[str, str],
    timeout: float = _TIMEOUT,
    prometheus: str = "",
) -> K6Result:
    """Run a script that writes its summary to ``$SUMMARY``; k6 prints as it goes.

    :param prometheus: address of the Prometheus that k6 writes its metrics to
    :param timeout: seconds
    :raises StackError: when the script itself failed, so that nothing was measured
    """
    summary.parent.mkdir(parents=True, exist_ok=True)
    summary.unlink(missing_ok=True)
    env = environment.clean(
        **variables,
        SUMMARY=str(summary),
        K6_NO_USAGE_REPORT="true",
        K6_AUTO_EXTENSION_RESOLUTION="false",
    )
    # No address: k6's own API would take a fixed port.
    command = [str(paths.K6), "run", "--quiet", "--address", ""]
    if prometheus:
        env["K6_PROMETHEUS_RW_SERVER_URL"] = f"{prometheus}/api/v1/write"
        command += ["--out", "experimental-prometheus-rw"]
    command.append(str(script))
    try:
        code = subprocess.run(
            command, env=env, timeout=timeout, stdin=subprocess.DEVNULL
        ).returncode
    except subprocess.TimeoutExpired as error:
        raise StackError(f"k6 {script.name}: not done after {timeout:.0f} s") from error
    if code not in {0, _THRESHOLDS_FAILED} or not summary.exists():
        raise StackError(
            f"k6 {script.name} failed (exit code {code}), see its output above"
        )
    return K6Result(json.loads(summary.read_text()), code == 0)
