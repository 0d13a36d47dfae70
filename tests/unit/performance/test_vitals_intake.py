"""Taking beacons in: who may send, what is counted, what is kept for the database."""

import io
import json
import tracemalloc

import pytest

from smart_dairy_performance.core import catalogue as c
from smart_dairy_performance.core import spool, vitals_intake
from smart_dairy_performance.core.settings import Settings
from smart_dairy_performance.core.spool import Spool
from smart_dairy_performance.core.vitals_intake import BATCH, REACT, SINGLE, Intake
from tests.unit.performance.support import new_store, read_only_disk, run, totals
from tests.unit.performance.test_beacon import BATCH as BODY
from tests.unit.performance.test_beacon import LEGACY, METRIC, RENDER

DB = "dairy"


class Sender:
    """An intake in a folder, and browsers that send to it."""

    def __init__(self, folder, clock, proxy_mode=False, **settings):
        self.folder = folder
        self.now = 1_700_000_000.1234
        self.settings = Settings(**settings)
        (folder / "store").mkdir(exist_ok=True)
        self.store = new_store(folder / "store")
        self.spools = {
            kind: Spool(lambda: folder / "spool", kind)
            for kind in (vitals_intake.VITALS_KIND, vitals_intake.REACT_KIND)
        }
        self.intake = Intake(
            lambda: self.settings,
            self.store,
            *self.spools.values(),
            lambda: proxy_mode,
            lambda _db, model, method: (
                (model, method) if model == "res.partner" else ("unknown", "unknown")
            ),
            clock,
            lambda: self.now,
        )
        known = ("/shop", "/products/milk", "/cart/<int:cart>")
        self.intake.pages(DB).told(known, ())

    def send(self, body=BODY, path=BATCH, database=DB, **environ):
        """Status, headers and error of a POST."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "CONTENT_TYPE": "text/plain;charset=UTF-8",
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": "203.0.113.7",
            "HTTP_HOST": "shop.example.com",
            "HTTP_USER_AGENT": "Mozilla/5.0 (iPhone) Mobile/15E148",
            "wsgi.input": io.BytesIO(body),
            **environ,
        }
        answer = self.intake.before_body(environ)
        if answer is None:
            answer = self.intake.answer(environ, body, database)
        status, headers, content = answer
        return status, dict(headers), json.loads(content)["error"] if content else ""

    def counted(self, metric):
        """Label values (without those of the only database) and doubles."""
        found = totals(self.folder / "store")
        return {labels: row for (name, labels), row in found.items() if name == metric}

    def kept(self, kind=vitals_intake.VITALS_KIND):
        found = []
        for path in spool.files(self.folder / "spool", kind, DB):
            found += spool.read(path).records
        return found


@pytest.fixture
def sender(tmp_path, clock):
    return Sender(tmp_path, clock)


def test_a_batch_is_counted_and_kept(sender):
    assert sender.send() == (204, {}, "")
    assert sender.counted(c.VITALS_TOTAL.name) == {
        ("LCP", "/shop", "mobile", "good"): (1.0,),
        ("CLS", "/shop", "mobile", "good"): (1.0,),
    }
    ((labels, row),) = sender.counted(c.VITALS_SECONDS.name).items()
    assert labels == ("LCP", "/shop", "mobile")
    assert row[-1] == pytest.approx(1.2345)
    ((labels, row),) = sender.counted(c.VITALS_SHIFT.name).items()
    assert labels == ("/shop", "mobile") and row[0] == 1
    assert sender.kept() == [
        [
            1,
            1_700_000_000.123,
            "/shop",
            "mobile",
            "navigate",
            "1.2",
            [
                ["LCP", 1234.5, "good", "main>img", 12.0, None],
                ["CLS", 0.0, "good", "", None, None],
            ],
        ]
    ]
    assert sender.counted(c.BEACONS.name) == {("accepted",): (1.0,)}


def test_the_rating_is_ours(sender):
    """Whatever the browser says of a value."""
    sender.send({**BODY, "metrics": [{**METRIC, "value": 4001, "rating": "good"}]})
    assert list(sender.counted(c.VITALS_TOTAL.name)) == [
        ("LCP", "/shop", "mobile", "poor")
    ]


def test_older_collectors_are_heard(sender):
    assert sender.send(LEGACY, SINGLE)[0] == 204
    assert sender.send({"metrics": [LEGACY, LEGACY]}, BATCH)[0] == 204
    assert sender.counted(c.VITALS_TOTAL.name) == {
        ("FID", "/products/milk", "mobile", "good"): (3.0,)
    }


def test_what_else_pages_measure_has_metrics_of_its_own(sender):
    names = ("LONG_TASK", "RESOURCE", "ACTION", "RPC")
    metrics = [{"name": name, "value": 700} for name in names]
    metrics[-1]["target"] = "res.partner.web_search_read"
    metrics.append({"name": "RPC", "value": 1, "target": "made.up.call"})
    assert sender.send({**BODY, "metrics": metrics})[0] == 204
    for metric in (c.LONG_TASKS, c.SLOW_RESOURCES, c.CLIENT_ACTIONS):
        assert list(sender.counted(metric.name)) == [("/shop", "mobile")]
    assert set(sender.counted(c.BROWSER_RPC.name)) == {
        ("res.partner", "web_search_read"),
        ("unknown", "unknown"),
    }
    assert sender.counted(c.VITALS_TOTAL.name) == {}


def test_calls_with_labels_are_few(tmp_path, clock):
    sender = Sender(tmp_path, clock, vitals_rate=100_000)
    for number in range(400):
        call = {"name": "RPC", "value": 1, "target": f"res.partner.m{number}"}
        sender.send({**BODY, "metrics": [call]})
    assert len(sender.counted(c.BROWSER_RPC.name)) == vitals_intake.MAX_CALLS + 1


def test_renders_are_counted_and_kept(sender):
    assert sender.send(RENDER, REACT)[0] == 204
    batch = {"page": "/cart/7", "release": "2.1", "components": [RENDER] * 2}
    assert sender.send(batch, REACT)[0] == 204
    ((labels, row),) = sender.counted(c.REACT_RENDERS.name).items()
    assert labels == ("update",) and sum(row[:-1]) == 3
    first, second = sender.kept(vitals_intake.REACT_KIND)
    assert first[2] == "" and second[2] == "/cart/<int:cart>" and len(second[3]) == 2
    assert first[3] == [["Cart(Item)", "update", 17.2, 20, 10, 90, 9, 17.2, 1, 4, 8]]
    assert (first[4], second[4]) == ("", "2.1")


def test_renders_of_a_component_add_up(sender):
    sender.send({"components": [RENDER, RENDER]}, REACT)
    sender.send(RENDER, REACT)  # sums since its page was loaded: counts as one
    component = ("Cart(Item)",)
    assert sender.counted(c.REACT_COMPONENT_RENDERS.name) == {component: (21.0,)}
    assert sender.counted(c.REACT_COMPONENT_SLOW.name) == {component: (2.0,)}
    ((_labels, (seconds,)),) = sender.counted(c.REACT_COMPONENT_SECONDS.name).items()
    assert seconds == pytest.approx(0.180 + 0.0172)


def test_components_with_labels_are_few(tmp_path, clock):
    sender = Sender(tmp_path, clock, vitals_rate=100_000)
    for number in range(120):
        sender.send({**RENDER, "componentId": f"Card{number}"}, REACT)
    found = sender.counted(c.REACT_COMPONENT_RENDERS.name)
    assert len(found) == vitals_intake.MAX_COMPONENTS + 1
    assert found[("other",)] == (20.0,)


@pytest.mark.parametrize(
    ("status", "result", "arguments"),
    [
        (400, "bad_request", {"body": {**BODY, "v": 2}}),
        (400, "bad_request", {"body": {**BODY, "metrics": [{"name": "X"}]}}),
        (400, "bad_request", {"CONTENT_LENGTH": ""}),
        (400, "bad_request", {"CONTENT_LENGTH": "-1"}),
        (400, "bad_request", {"CONTENT_LENGTH": "²"}),
        (403, "origin", {"HTTP_ORIGIN": "https://evil.example"}),
        (403, "origin", {"HTTP_ORIGIN": "null"}),
        (404, "database", {"database": ""}),
        (405, "method", {"REQUEST_METHOD": "GET"}),
        (405, "method", {"REQUEST_METHOD": "TRACE"}),
        (413, "size", {"CONTENT_LENGTH": "65537"}),
        (413, "size", {"CONTENT_LENGTH": "9" * 5000}),
        (415, "type", {"CONTENT_TYPE": "image/png"}),
        (415, "type", {"HTTP_CONTENT_ENCODING": "br"}),
    ],
)
def test_refusals(sender, status, result, arguments):
    found, headers, error = sender.send(**arguments)
    assert found == status and error
    assert headers["Content-Type"] == "application/json"
    assert (headers.get("Allow") == "POST, OPTIONS") == (status == 405)
    assert sender.counted(c.BEACONS.name) == {(result,): (1.0,)}
    assert sender.counted(c.VITALS_TOTAL.name) == {} and sender.kept() == []


def test_pages_beyond_the_store_still_have_their_metric(sender):
    """Totals of a metric go over all its pages, those without a label included."""
    pages = [f"/page/{letter}{other}" for letter in "abcdef" for other in "abcdef"]
    sender.intake.pages(DB).told(pages, ())
    sender.store.max_series = 20
    for page in pages:
        assert sender.send({**BODY, "page": page, "metrics": [METRIC]})[0] == 204
    found = sender.counted(c.VITALS_SECONDS.name)
    assert sum(sum(row[:-1]) for row in found.values()) == 36
    assert {labels[0] for labels in found} == {"LCP"}
    assert sum(found["LCP", "other", "mobile"][:-1]) == 36 - 15
    # Rows have room for each.
    assert [record[2] for record in sender.kept()] == pages


# -- other sites ---------------------------------------------------------------------


def test_the_site_itself_may_send(sender):
    for origin in ("https://shop.example.com", "http://Shop.Example.com"):
        assert sender.send(HTTP_ORIGIN=origin) == (204, {}, "")


def test_allowed_sites_may_send(tmp_path, clock):
    sender = Sender(tmp_path, clock, vitals_origins=("https://app.example.com",))
    status, headers, _ = sender.send(HTTP_ORIGIN="https://app.example.com")
    assert status == 204
    assert headers == {
        "Access-Control-Allow-Origin": "https://app.example.com",
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }
    # Errors can be read by the page, too.
    status, headers, _ = sender.send(b"x", HTTP_ORIGIN="https://app.example.com")
    assert status == 400 and "Access-Control-Allow-Origin" in headers
    for other in ("http://app.example.com", "https://app.example.com.evil.example"):
        assert sender.send(HTTP_ORIGIN=other)[0] == 403


def test_any_site_may_send_without_credentials_when_told_so(tmp_path, clock):
    sender = Sender(tmp_path, clock, vitals_origins=("*",))
    status, headers, _ = sender.send(HTTP_ORIGIN="https://anybody.example")
    assert (status, headers) == (204, {"Access-Control-Allow-Origin": "*"})


def test_preflights(tmp_path, clock):
    sender = Sender(tmp_path, clock, vitals_origins=("https://app.example.com",))
    asked = {"REQUEST_METHOD": "OPTIONS", "CONTENT_LENGTH": ""}
    status, headers, _ = sender.send(
        b"", HTTP_ORIGIN="https://app.example.com", **asked
    )
    assert status == 204
    assert headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert headers["Access-Control-Allow-Methods"] == "POST"
    assert headers["Access-Control-Allow-Headers"] == "Content-Type"
    assert sender.send(b"", HTTP_ORIGIN="https://evil.example", **asked)[0] == 403


def test_behind_a_proxy_the_forwarded_host_is_the_site(tmp_path, clock):
    sender = Sender(tmp_path, clock, proxy_mode=True)
    forwarded = {
        "HTTP_HOST": "127.0.0.1:8069",
        "HTTP_X_FORWARDED_HOST": "shop.example.com",
    }
    origin = "https://shop.example.com"
    assert sender.send(HTTP_ORIGIN=origin, **forwarded)[0] == 204
    sender = Sender(tmp_path, clock)
    assert sender.send(HTTP_ORIGIN=origin, **forwarded)[0] == 403


# -- too many ------------------------------------------------------------------------


def test_an_address_may_send_its_share(tmp_path, clock):
    sender = Sender(tmp_path, clock, vitals_rate=60)  # ten in ten seconds
    found = [sender.send()[0] for _ in range(12)]
    assert found == [204] * 10 + [429] * 2
    assert sender.send()[1]["Retry-After"] == "10"
    assert sender.send(REMOTE_ADDR="203.0.113.8")[0] == 204
    clock.now += 10
    assert sender.send()[0] == 204


def test_the_share_follows_the_setting(tmp_path, clock):
    sender = Sender(tmp_path, clock, vitals_rate=10)
    assert [sender.send()[0] for _ in range(3)] == [204, 204, 429]
    sender.settings = Settings(vitals_rate=600)
    assert sender.send()[0] == 204


def test_all_addresses_together_are_bounded(tmp_path, clock):
    sender = Sender(tmp_path, clock, vitals_rate=60)
    found = [sender.send(REMOTE_ADDR=f"10.0.0.{n % 250}")[0] for n in range(120)]
    assert found == [204] * 100 + [429] * 20


def test_refused_ones_do_not_count_for_all(tmp_path, clock):
    sender = Sender(tmp_path, clock, vitals_rate=60)
    for _ in range(500):
        sender.send()
    assert sender.send(REMOTE_ADDR="203.0.113.8")[0] == 204


def test_many_metrics_cost_more_than_one(tmp_path, clock):
    """Of ten for the price of one, fifty cost five."""
    fifty = {**BODY, "metrics": [METRIC] * 50}
    renders = {"components": [RENDER] * 50}
    for body, path in ((fifty, BATCH), ({"metrics": [LEGACY] * 50}, BATCH)):
        sender = Sender(tmp_path, clock, vitals_rate=60)  # ten in ten seconds
        assert [sender.send(body, path)[0] for _ in range(3)] == [204, 204, 429]
    sender = Sender(tmp_path, clock, vitals_rate=60)
    assert [sender.send(renders, REACT)[0] for _ in range(3)] == [204, 204, 429]
    sender = Sender(tmp_path, clock, vitals_rate=60)
    ten = {**BODY, "metrics": [METRIC] * 10}
    assert [sender.send(ten)[0] for _ in range(11)] == [204] * 10 + [429]


def test_an_hour_has_a_budget_of_rows(tmp_path, clock, monkeypatch):
    """Beyond it numbers are counted, rows are not kept."""
    monkeypatch.setattr(vitals_intake, "ROWS_AN_HOUR", 5)
    sender = Sender(tmp_path, clock)
    for _ in range(4):  # of two rows each
        assert sender.send()[0] == 204
    assert sender.send(RENDER, REACT)[0] == 204  # of one
    assert sender.send(RENDER, REACT)[0] == 204
    assert len(sender.kept()) == 2 and len(sender.kept(vitals_intake.REACT_KIND)) == 1
    assert sender.counted(c.VITALS_DROPPED.name) == {(): (3.0,)}
    found = sender.counted(c.VITALS_TOTAL.name)
    assert found["LCP", "/shop", "mobile", "good"] == (4.0,)
    sender.send(database="another")
    assert len(spool.files(tmp_path / "spool", "vitals", "another")) == 1
    sender.now += 3600
    sender.send()
    assert len(sender.kept()) == 3


@pytest.mark.parametrize(
    ("proxy_mode", "remote", "forwarded", "address"),
    [
        (False, "10.0.0.1", "", "10.0.0.1"),
        (False, "10.0.0.1", "203.0.113.7", "10.0.0.1"),
        (True, "10.0.0.1", "", "10.0.0.1"),
        (True, "10.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (True, "10.0.0.1", "x" * 5000, "x" * 45),
        (False, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2"),
    ],
)
def test_whom_a_beacon_is_charged_to(
    tmp_path, clock, proxy_mode, remote, forwarded, address
):
    sender = Sender(tmp_path, clock, proxy_mode)
    assert sender.intake.address(remote, forwarded) == address


def test_a_flood_is_refused_by_its_sender_alone(tmp_path, clock):
    sender = Sender(tmp_path, clock, vitals_rate=60)
    intake = sender.intake
    assert not intake.floods()
    for _ in range(11):
        sender.send()
    assert intake.floods()
    status, headers, _body = intake.refuse_flood("203.0.113.7")
    assert status == 429 and dict(headers)["Retry-After"] == "10"
    # Others are not charged by the look.
    for _ in range(50):
        assert intake.refuse_flood("203.0.113.8") is None
    assert sender.send(REMOTE_ADDR="203.0.113.8")[0] == 204
    # It is over when nothing more comes.
    clock.now += 10
    assert intake.refuse_flood("203.0.113.7") is None
    assert not intake.floods()
    assert sender.counted(c.BEACONS.name)["throttled",] == (2.0,)


def test_a_queue_that_beacons_fill_is_a_flood_before_anybody_sent_too_much(
    tmp_path, clock
):
    intake = Sender(tmp_path, clock, vitals_rate=60).intake
    intake.flooded()
    assert intake.floods()
    assert intake.refuse_flood("203.0.113.7") is None
    clock.now += 10
    assert not intake.floods()


def test_memory_is_bounded(tmp_path, clock):
    sender = Sender(tmp_path, clock, vitals_rate=100_000)

    def flood(start):
        for number in range(start, start + 3000):
            metric = {"name": "RPC", "value": 1, "target": f"made.up{number}"}
            body = {**BODY, "page": f"/p{number}/{number}", "metrics": [metric]}
            sender.send(body, REMOTE_ADDR=f"10.{number % 256}.{number // 256}.1")

    flood(0)
    tracemalloc.start()
    try:
        before, _peak = tracemalloc.get_traced_memory()
        flood(3000)
        after, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 600_000


# -- where rows cannot be kept -----------------------------------------------------


def test_a_disk_that_takes_no_rows_costs_rows_only(public_dir, clock):
    def full():
        (public_dir / "spool").mkdir()
        read_only_disk(public_dir / "spool")
        sender = Sender(public_dir, clock)
        assert sender.send() == (204, {}, "")
        assert sender.counted(c.VITALS_DROPPED.name) == {(): (1.0,)}
        assert len(sender.counted(c.VITALS_TOTAL.name)) == 2

    (public_dir / "store").mkdir(mode=0o777)
    (public_dir / "store").chmod(0o777)
    assert run(full) == 0


def test_a_full_spool_costs_rows_only(tmp_path, clock):
    sender = Sender(tmp_path, clock)
    sender.intake._values = Spool(
        lambda: tmp_path / "spool", "vitals", file_bytes=300, folder_bytes=600
    )
    assert {sender.send()[0] for _ in range(20)} == {204}
    (dropped,) = sender.counted(c.VITALS_DROPPED.name).values()
    assert len(sender.kept()) + dropped[0] == 20 and dropped[0] > 10
