"""The load: k6, with its raw samples kept."""

from __future__ import annotations

from ..folder import REPO
from ..profiles import K6_PROFILES
from ..tools import K6, environment, run
from .context import Context

SCRIPT = REPO / "k6" / "baseline.js"
THRESHOLDS_MISSED = 99  # k6's exit code
_SPARE = 240.0  # seconds for set-up, stragglers and writing the summary


def collect(context: Context) -> None:
    """One run of k6 for each load profile."""
    for name in context.profile.k6:
        if run_profile(context, name, context.run.time_scale):
            context.warn(f"k6: {name}: not all targets were met")


def run_profile(
    context: Context, name: str, time_scale: float, keep: bool = True
) -> int:
    """Run one load profile.

    :param keep: write raw samples and summary into the run's folder
    :returns: 0, or ``THRESHOLDS_MISSED``
    :raises ToolError: when k6 measured nothing
    """
    folder, target = context.folder, context.target
    variables = {
        "PROFILE": name,
        "TIME_SCALE": repr(time_scale),
        "ODOO_URL": target.url,
        "ODOO_DB": target.get("ODOO_DB") or "",
        "K6_DATA": str(context.data),
        "READ_ONLY": "1" if context.read_only else "",
        "VERBOSE": "" if keep else "1",
    }
    # No address: k6's own API would take a fixed port.
    command = [str(K6), "run", "--quiet", "--address", ""]
    if keep:
        raw = folder.k6_raw(name)
        raw.parent.mkdir(parents=True, exist_ok=True)
        command += ["--out", f"json={raw}"]
        variables["SUMMARY"] = str(folder.k6_summary(name))
    if keep and context.remote_write and target.get("PROMETHEUS_URL"):
        command += ["--out", "experimental-prometheus-rw"]
        variables |= remote_write(target.get("PROMETHEUS_URL") or "")
    expected = K6_PROFILES[name].seconds * time_scale

    def beat(seconds: float) -> None:
        rest = f" of about {expected:.0f} s" if seconds < expected else ""
        context.say(f"k6 {name}: {seconds:.0f} s{rest}")

    return run(
        [*command, str(SCRIPT)],
        log=folder.log(f"k6-{name}" if keep else f"warmup-{name}"),
        env=k6_environment(**variables),
        limit=expected * 1.5 + _SPARE,
        allowed=(0, THRESHOLDS_MISSED),
        beat=beat,
    )


def k6_environment(**variables: str) -> dict[str, str]:
    """k6's environment: it reports to nobody and loads nothing."""
    return environment(
        K6_NO_USAGE_REPORT="true", K6_AUTO_EXTENSION_RESOLUTION="false", **variables
    )


def remote_write(prometheus_url: str) -> dict[str, str]:
    """The variables that let k6 send its figures to a Prometheus."""
    return {
        "K6_PROMETHEUS_RW_SERVER_URL": f"{prometheus_url}/api/v1/write",
        "K6_PROMETHEUS_RW_TREND_STATS": "p(50),p(95),p(99),max,count",
        "K6_PROMETHEUS_RW_PUSH_INTERVAL": "5s",
    }
