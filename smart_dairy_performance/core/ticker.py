"""Regular work beside the serving of scrapes, on one daemon thread."""

import threading
import time
from collections.abc import Callable

from .recorder import failed


class Ticker:
    """Calls each job every so many seconds; a job that fails is noted and goes on.

    :param jobs: (interval in seconds, name, function)
    :param clock: monotonic seconds
    """

    def __init__(
        self,
        jobs: list[tuple[float, str, Callable[[], object]]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._jobs = jobs
        self._clock = clock
        self._due = [clock() + interval for interval, _name, _job in jobs]
        self._stopped = threading.Event()

    def start(self) -> None:
        """Run until :meth:`stop`, or until the process ends."""
        threading.Thread(
            target=self._run, name="smart_dairy.ticker", daemon=True
        ).start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(max(0.05, min(self._due) - self._clock())):
            self.run_due()

    def run_due(self) -> list[str]:
        """Run what is due now.

        :returns: names of the jobs that ran
        """
        now = self._clock()
        ran = []
        for index, (interval, name, job) in enumerate(self._jobs):
            if self._due[index] > now:
                continue
            # Not "+= interval": after a suspended laptop once is enough.
            self._due[index] = now + interval
            try:
                job()
            except Exception:
                failed(name)
            ran.append(name)
        return ran
