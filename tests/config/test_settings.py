"""The table of settings in CONFIGURE.md is the settings that the code has."""

import dataclasses
import re

from smart_dairy_performance.core.settings import Settings
from tests.config.documents import ROOT

TABLE = ROOT / "smart_dairy_performance" / "readme" / "CONFIGURE.md"
# worked out where Odoo's own settings are known, so the code's default is empty
WORKED_OUT = {"store_dir": "<data_dir>/smart_dairy_performance"}


def documented() -> dict[str, str]:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", TABLE.read_text("utf-8"), re.M)
    return {key: default.strip("` ") for key, default in rows}


def written(value: object) -> str:
    """Return a default the way odoo.conf has it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "empty"
    return str(value).lower() if isinstance(value, bool) else str(value) or "empty"


def test_every_setting_is_documented_with_its_default():
    defaults = {
        field.name: written(getattr(Settings(), field.name))
        for field in dataclasses.fields(Settings)
        if field.name != "metrics_token_hashes"  # made in databases, not set
    }
    assert documented() == defaults | WORKED_OUT
