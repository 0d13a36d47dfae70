"""What the parts of a run share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..client import OdooClient
from ..folder import Run, RunFolder
from ..profiles import Profile
from ..target import Target


class Skip(Exception):
    """A part that has nothing to do here; the message says why."""


@dataclass
class Context:
    """One run.

    :ivar say: prints a line below the part that runs
    :ivar data: folder of k6's data files
    """

    folder: RunFolder
    run: Run
    profile: Profile
    target: Target
    say: Callable[[str], None]
    data: Path
    read_only: bool = False
    remote_write: bool = False
    _client: OdooClient | None = field(default=None, repr=False)

    def client(self) -> OdooClient:
        """A session of ``ODOO_LOGIN``.

        :raises Skip: when nobody said who may log in
        """
        if self._client is None:
            names = ("ODOO_DB", "ODOO_LOGIN", "ODOO_PASSWORD")
            values = [self.target.get(name) for name in names]
            missing = [n for n, v in zip(names, values, strict=True) if not v]
            if missing:
                raise Skip(f"{', '.join(missing)} not set")
            database, login, password = (value or "" for value in values)
            self._client = OdooClient(self.target.url, database, login, password)
        return self._client

    def warn(self, text: str) -> None:
        """Note something that a reader of the results should know."""
        self.say(text)
        self.run.warnings.append(text)
