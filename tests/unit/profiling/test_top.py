"""The screen of what workers do now, and recordings of one program."""

import time

from smart_dairy_profiling.core import top
from smart_dairy_profiling.core.control import Saying
from smart_dairy_profiling.core.recording import Recording, Subject
from smart_dairy_profiling.core.sampler import Label, Now
from smart_dairy_profiling.core.session import Frame, Session

READ = Frame("Shop.read", "shop/shop.py", 7, "shop", 1, "shop.read")
SORT = Frame("sort", "shop/tools.py", 9, "shop", 1, "")


def recent() -> Session:
    found = Session()
    read, sort = found.frame(READ), found.frame(SORT)
    found.add((read,), 1.0, 0.0)
    found.add((read, sort), 3.0, 2.0)
    return found


def saying(pid=7, units=(), on=True) -> Saying:
    return Saying(f"http {pid} on farm", pid, 1000.0, 20.0, on, list(units), 0.0031)


def test_the_screen():
    busy = Now(Label("http", "/shop", "", "one"), 2.25, 0.5, True, (READ, SORT))
    longer = busy._replace(label=Label("cron", "base.gc", "", "one"), seconds=70.0)
    shown = top.lines(
        [saying(units=[busy]), saying(8, [longer]), saying(9, on=False)], recent(), 60.0
    )
    assert shown == [
        "PROCESS                        LOOKS/S  COST   UNITS",
        "http 7 on farm                    20.0   0.3%  1",
        "http 8 on farm                    20.0   0.3%  1",
        "http 9 on farm                     off   0.3%  0",
        "",
        " SECONDS   CPU  WHAT RUNS NOW",
        "    70.0   50%  cron base.gc one  [8]",
        "                sort (shop/tools.py:9)",
        "                Shop.read (shop/shop.py:7)",
        "     2.2   50%  http /shop one  [7]",
        "                sort (shop/tools.py:9)",
        "                Shop.read (shop/shop.py:7)",
        "",
        "   OWN %  TOTAL %  FUNCTION, WALL, LAST 60 s",
        "    75.0     75.0  sort (shop/tools.py)",
        "    25.0    100.0  Shop.read (shop/shop.py)",
    ]


def test_the_screen_of_nothing():
    shown = top.lines([], Session(), 60.0, "addon", cpu=True)
    assert "is one serving" in shown[1]
    assert shown[-1] == "   OWN %  TOTAL %  ADDON, CPU, LAST 60 s"


def test_views_rows_and_width():
    shown = top.lines([], recent(), 60.0, "method", rows=1, width=30)
    assert shown[-1] == "   100.0    100.0  shop.read"
    assert max(map(len, shown)) == 30
    assert top.lines([], recent(), 60.0, "line", cpu=True)[-2].startswith("   100.0")


def test_a_recording_has_what_its_thread_did():
    recording = Recording(rate=200.0)
    subject = Subject("script", "work.py")
    recording.begin(subject)
    until = time.thread_time() + 0.3
    while time.thread_time() < until:
        pass
    recording.end(subject)
    session = recording.stop()
    about = session.about
    assert (about.kind, about.label, about.units) == ("script", "work.py", 1)
    assert about.interval_seconds == 0.005
    assert session.samples > 5 and session.wall >= 0.25
    name = "test_a_recording_has_what_its_thread_did"
    assert all(
        any(frame.function == name for frame in stack) for stack in session.by_frames()
    )
