"""Processes of a stack: start in the background, wait until ready, stop by pid.

A started process is recorded in a file with its pid, its start time and the machine's
boot, so that a later run can stop what a crashed run left, and never kills a stranger
that got the same pid.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import StackError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_POLL = 0.05  # seconds between two looks
_KILL_TIMEOUT = 10.0  # seconds that the kernel may take to remove a killed process
_LOG_TAIL = 3000  # characters of the log that an error shows


@dataclass(frozen=True)
class ProcessId:
    """A process for good: a pid alone is reused. ``start_ticks`` is since boot."""

    pid: int
    start_ticks: int
    boot_id: str


def identify(pid: int) -> ProcessId | None:
    """The identity of a living process; None when there is none or it is a zombie."""
    stat = _stat(pid)
    if stat is None or stat[0] in {"Z", "X"}:
        return None
    return ProcessId(pid, int(stat[19]), _BOOT_ID.read_text().strip())


def is_alive(process: ProcessId) -> bool:
    return identify(process.pid) == process


def children(pid: int) -> list[int]:
    """The pids of the living direct children of a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = _stat(int(entry.name))
            if stat and int(stat[1]) == pid and stat[0] not in {"Z", "X"}:
                found.append(int(entry.name))
    return sorted(found)


def command_line(pid: int) -> str:
    """The command line of a process, empty when it is gone."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return raw.replace(b"\0", b" ").decode(errors="replace").strip()


def stop_group(process: ProcessId, stop_signal: signal.Signals, timeout: float) -> None:
    """Stop a process that leads its own process group, then what is left of the group.

    Does nothing when the pid belongs to another process by now.

    :param timeout: seconds until each of both is killed
    """
    if process.boot_id != _BOOT_ID.read_text().strip():
        return
    if is_alive(process):
        os.kill(process.pid, stop_signal)
        if not _wait(lambda: not is_alive(process), timeout):
            os.kill(process.pid, signal.SIGKILL)
            _wait(lambda: not is_alive(process), _KILL_TIMEOUT)
    stranger = identify(process.pid)
    if stranger is not None and stranger != process:
        return
    # With the leader gone, members keep the group's number from being reused.
    for sign, patience in (signal.SIGTERM, timeout), (signal.SIGKILL, _KILL_TIMEOUT):
        if not _group_members(process.pid):
            return
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            return
        _wait(lambda: not _group_members(process.pid), patience)


def wait_until(ready: Callable[[], bool], timeout: float, what: str) -> None:
    """Poll ``ready`` until it is true.

    :param timeout: seconds
    :raises StackError: when it never became true
    """
    if not _wait(ready, timeout):
        raise StackError(f"{what}: not within {timeout:.0f} s")


class Service:
    """One background process with its log and its record.

    :param folder: the stack's run folder; the log goes to ``log/<name>.log``
    :param stop_timeout: seconds that the process may take to stop before it is killed
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        stop_signal: signal.Signals = signal.SIGTERM,
        stop_timeout: float = 20.0,
    ) -> None:
        self.name = name
        self.log_path = folder / "log" / f"{name}.log"
        self.record_path = folder / "pids" / f"{name}.json"
        self.stop_signal = stop_signal
        self.stop_timeout = stop_timeout
        self._popen: subprocess.Popen[bytes] | None = None
        self._launched: ProcessId | None = None

    @property
    def process(self) -> ProcessId | None:
        """The process started here, else the recorded one; None when there is none."""
        return self._launched or read_record(self.record_path)

    @property
    def pid(self) -> int:
        """The pid of the running process.

        :raises StackError: when it does not run
        """
        process = self.process
        if process is None or not self.is_running():
            raise StackError(f"{self.name} is not running")
        return process.pid

    def is_running(self) -> bool:
        if self._popen is not None:
            self._popen.poll()  # reaps it, a dead child would stay a zombie
        process = self.process
        return process is not None and is_alive(process)

    def launch(
        self,
        command: Sequence[str | Path],
        env: Mapping[str, str],
        cwd: Path | None = None,
    ) -> None:
        """Start the command in its own session, with its output appended to the log."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._popen = subprocess.Popen(
                [str(word) for word in command],
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = identify(self._popen.pid)
        if process is None:
            raise StackError(self._died())
        self._launched = process
        write_record(self.record_path, process)

    def wait_ready(self, ready: Callable[[], bool], timeout: float) -> None:
        """Poll until ready.

        :param timeout: seconds
        :raises StackError: when the process died or never got ready, with the log's end
        """

        def ready_or_dead() -> bool:
            if not self.is_running():
                raise StackError(self._died())
            return ready()

        try:
            wait_until(ready_or_dead, timeout, f"{self.name} ready")
        except StackError as error:
            raise StackError(f"{error}\n{self.log_tail()}") from error

    def stop(self) -> None:
        """Stop the process, and what is left of its group; no-op when not running."""
        process = self.process
        if process is not None:
            if self._popen is not None:
                self._stop_child(process)
            stop_group(process, self.stop_signal, self.stop_timeout)
            if read_record(self.record_path) == process:
                self.record_path.unlink()
        self._popen = self._launched = None

    def log_tail(self) -> str:
        """The end of the log, for an error message."""
        if not self.log_path.exists():
            return ""
        text = self.log_path.read_text(errors="replace")
        return f"--- end of {self.log_path}:\n{text[-_LOG_TAIL:].strip()}"

    def _stop_child(self, process: ProcessId) -> None:
        assert self._popen is not None
        if is_alive(process):
            self._popen.send_signal(self.stop_signal)
            try:
                self._popen.wait(self.stop_timeout)
            except subprocess.TimeoutExpired:
                self._popen.kill()
        self._popen.wait()

    def _died(self) -> str:
        code = self._popen.poll() if self._popen else None
        return f"{self.name} ended (exit code {code})"


def write_record(path: Path, process: ProcessId) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(process)))


def read_record(path: Path) -> ProcessId | None:
    """The recorded process; None without a record or with a torn one."""
    try:
        return ProcessId(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def stop_recorded(folder: Path, timeout: float = 15.0) -> list[str]:
    """Stop every process that is recorded below a stack's run folder.

    The order is the reverse of a start: what uses the database stops before it.

    :param timeout: seconds for each until it is killed
    :returns: the names of those that were still running
    """
    stopped = []
    records = sorted(
        folder.glob("pids/*.json"),
        key=lambda path: (path.stem == "postgres", path.stem),
    )
    for record in records:
        process = read_record(record)
        if process is not None:
            if is_alive(process):
                stopped.append(record.stem)
            sign = signal.SIGINT if record.stem == "postgres" else signal.SIGTERM
            stop_group(process, sign, timeout)
        record.unlink(missing_ok=True)
    return stopped


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat after the command: state, parent, group, ..."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command is in parentheses and may hold spaces and parentheses itself.
    return text.rpartition(")")[2].split()


def _group_members(group: int) -> list[int]:
    members = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = _stat(int(entry.name))
            if stat and int(stat[2]) == group and stat[0] not in {"Z", "X"}:
                members.append(int(entry.name))
    return members


def _wait(ready: Callable[[], bool], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while not ready():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL)
    return True
