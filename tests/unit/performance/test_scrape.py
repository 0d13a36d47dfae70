"""One scrape: all processes, and what only the reader knows."""

import gzip
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from smart_dairy_performance.core import catalogue as c
from smart_dairy_performance.core import snapshots
from smart_dairy_performance.core.exposition import OPENMETRICS, TEXT, compress
from smart_dairy_performance.core.recorder import USER_SEEN
from smart_dairy_performance.core.scrape import Scraper
from smart_dairy_performance.core.store import Store
from tests.unit.performance.support import CALLS, SIZE, new_store, of_families


def samples(body: bytes) -> dict:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


@pytest.fixture
def own(tmp_path, clock):
    """The store of the process that answers scrapes."""
    return new_store(tmp_path, role="exporter", clock=clock)


@pytest.fixture
def scraper(tmp_path, own, clock):
    return Scraper(tmp_path, own, clock)


def test_a_scrape_of_nothing(scraper):
    content_type, body = scraper.scrape()
    assert content_type == TEXT
    assert samples(body) == {
        (c.SELF_FILES.name, ("live",)): 0,
        (c.SELF_FILES.name, ("dead",)): 0,
        (c.SELF_FILES.name, ("skipped",)): 0,
        (c.SELF_UP.name, ()): 1,
    }


def test_formats(scraper):
    assert scraper.scrape("text/plain")[0] == TEXT
    content_type, body = scraper.scrape("application/openmetrics-text")
    assert content_type == OPENMETRICS and body.endswith(b"# EOF\n")
    assert gzip.decompress(compress(body)) == body


def test_files_by_state(tmp_path, scraper):
    living, dead = new_store(tmp_path), new_store(tmp_path)
    living.inc(CALLS, ("a",))
    dead.inc(CALLS, ("a",), 5)
    dead.close()
    (tmp_path / "foreign.sdp").write_text("no")
    found = samples(scraper.scrape()[1])
    assert found["calls_total", ("a",)] == 6
    states = {s: found[c.SELF_FILES.name, (s,)] for s in ("live", "dead", "skipped")}
    assert states == {"live": 1, "dead": 1, "skipped": 1}
    assert scraper.fold() == 1
    found = samples(scraper.scrape()[1])
    assert found["calls_total", ("a",)] == 6
    # the exporter itself has written by now
    states = {s: found[c.SELF_FILES.name, (s,)] for s in ("live", "dead", "skipped")}
    assert states == {"live": 2, "dead": 0, "skipped": 1}
    assert found[c.SELF_FOLDED.name, ()] == 1


def test_each_scrape_is_timed_for_the_next(scraper):
    for number in range(3):
        found = samples(scraper.scrape()[1])
        assert found.get((f"{c.SELF_SCRAPE.name}_count", ()), 0) == number


def test_measuring_is_off_when_the_reader_cannot_write(tmp_path, clock):
    (tmp_path / "file").write_text("")
    broken = new_store(tmp_path / "file")
    broken.inc(CALLS, ("a",))
    assert (
        samples(Scraper(tmp_path, broken, clock).scrape()[1])[c.SELF_UP.name, ()] == 0
    )


def test_active_users_are_those_seen_in_five_minutes(tmp_path, scraper, clock):
    store = new_store(tmp_path, clock=clock)

    def seen(uid, ago, db="one"):
        store.set(USER_SEEN, (uid, db), clock.now - ago)

    for uid, ago in ((2, 0), (3, 299), (4, 300), (5, 301)):
        seen(uid, ago)
    found = samples(scraper.scrape()[1])
    assert found[c.ACTIVE_USERS.name, ()] == 3
    assert not any(name == USER_SEEN.name for name, _labels in found)
    seen(2, 0, "two")
    found = samples(scraper.scrape()[1])
    assert found[c.ACTIVE_USERS.name, ("one",)] == 3
    assert found[c.ACTIVE_USERS.name, ("two",)] == 1
    store.close()
    scraper.fold()
    clock.now += 2
    found = samples(scraper.scrape()[1])  # a user outlives the worker that saw him
    assert found[c.ACTIVE_USERS.name, ("one",)] == 1


def test_a_number_set_by_hand_replaces_the_count(tmp_path, scraper, clock):
    store = new_store(tmp_path, clock=clock)
    store.set(USER_SEEN, (2, "one"), clock.now)
    store.set(c.ACTIVE_USERS, ("one",), 42)
    found = samples(scraper.scrape()[1])
    assert found[c.ACTIVE_USERS.name, ()] == 42


def test_snapshots_hold_the_same_numbers(tmp_path, scraper, clock):
    store = new_store(tmp_path)
    store.inc(CALLS, ("a",), 2)
    scraper.snapshot()
    store.inc(CALLS, ("a",), 3)
    clock.now += 10
    scraper.snapshot()
    taken = [shot.families["calls_total"] for shot in snapshots.read(tmp_path)]
    assert taken == [{("a",): (2,)}, {("a",): (5,)}]
    assert of_families(scraper.merge().families)["calls_total", ("a",)] == (5,)


def test_a_folder_that_cannot_be_written_is_read_all_the_same(
    tmp_path, scraper, monkeypatch
):
    store = new_store(tmp_path)
    store.inc(CALLS, ("a",), 2)
    store.close()

    def fails(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("smart_dairy_performance.core.archive.os.write", fails)
    assert scraper.fold() == 0
    assert samples(scraper.scrape()[1])["calls_total", ("a",)] == 2


def test_scrapes_at_the_same_time(tmp_path, scraper):
    store = new_store(tmp_path, max_series=10**6)
    for number in range(500):
        store.inc(CALLS, (number,))
    bad = []

    def scrape():
        for _n in range(10):
            found = samples(scraper.scrape()[1])
            calls = [v for (name, _l), v in found.items() if name == "calls_total"]
            if calls != [1.0] * 500:
                bad.append(calls)

    threads = [threading.Thread(target=scrape) for _n in range(4)]
    for thread in threads:
        thread.start()
    for number in range(2000):
        store.observe(SIZE, (), number)
    for thread in threads:
        thread.join()
    assert bad == []


def test_it_may_live_without_a_server(tmp_path):
    scraper = Scraper(tmp_path / "gone", Store(lambda: None))
    assert samples(scraper.scrape()[1])[c.SELF_FILES.name, ("live",)] == 0
    assert scraper.fold() == 0
