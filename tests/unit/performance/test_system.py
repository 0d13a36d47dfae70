"""CPU between readings, disks that are full, folders that are not writable."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from smart_dairy_performance.core import system
from smart_dairy_performance.core.health import Unwell


def usage(used: int, free: int, total: int = 0):
    result = shutil._ntuple_diskusage(total or used + free, used, free)
    return lambda path: result


Times = namedtuple("Times", "user system idle iowait guest")


def test_the_hosts_processor_time_is_a_share_between_two_looks():
    times = [
        Times(10.0, 5.0, 80.0, 5.0, 2.0),
        Times(16.0, 6.0, 90.0, 8.0, 4.0),
        Times(16.0, 6.0, 90.0, 8.0, 4.0),
    ]
    ratio = system.CpuRatio(lambda: times.pop(0))
    # 7 of 20 seconds in use; guests are in user, waiting for a disk is idle.
    assert ratio() == pytest.approx(7 / 20)
    assert ratio() is None


def test_cpu_is_of_the_time_between_two_readings(clock):
    shares = iter([0.5, 0.0, None])
    meter = system.CpuMeter(lambda: next(shares), clock)
    assert meter.percent() is None
    clock.now += 1
    assert meter.percent() == 50.0
    clock.now += 0.1
    assert meter.percent() == 50.0  # too soon for a reading
    clock.now += 1
    assert meter.percent() == 0.0
    clock.now += 1
    assert meter.percent() == 0.0  # no time went by


def test_cpu_of_this_machine_is_a_percentage(clock):
    meter = system.CpuMeter(clock=clock)
    clock.now += 1
    percent = meter.percent()
    assert percent is None or 0 <= percent <= 100


def test_disk_is_what_an_ordinary_user_can_use(monkeypatch):
    # as with ext4's reserve for root: 100 in all, 5 of it reserved
    monkeypatch.setattr(shutil, "disk_usage", usage(90, 5, 100))
    assert system.disk_percent(Path("/")) == 94.7


def test_full_disk_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "disk_usage", usage(99, 1))
    with pytest.raises(Unwell, match="99 % in use"):
        system.check_disk([tmp_path])


def test_the_fullest_disk_counts(monkeypatch, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    monkeypatch.setattr(
        shutil,
        "disk_usage",
        lambda path: usage(99, 1)(path) if path == full else usage(1, 99)(path),
    )
    assert system.check_disk([tmp_path]) == "1 % in use"
    with pytest.raises(Unwell, match="99 % in use at .*full"):
        system.check_disk([tmp_path, full])


def test_writable_folder_leaves_nothing_behind(tmp_path):
    assert system.check_writable(tmp_path) == "writable"
    assert system.check_writable(tmp_path / "not" / "made" / "yet") == "writable"
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_writable_folder(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OSError):
        system.check_writable(file)


def test_figures_of_a_lost_disk(monkeypatch, tmp_path, clock):
    def lost(path):
        raise OSError("gone")

    monkeypatch.setattr(shutil, "disk_usage", lost)
    found = system.figures(system.CpuMeter(clock=clock), tmp_path)
    assert found["disk_percent"] is None
    assert found["cpu_percent"] is None
    assert 0 < found["memory_percent"] <= 100
