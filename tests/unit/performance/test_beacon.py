"""What browsers send: code and JSON schema agree, on good ones and on strange ones."""

import copy
import json
import random
import string
from pathlib import Path

import jsonschema
import pytest

from smart_dairy_performance.core import beacon
from smart_dairy_performance.core.beacon import BeaconError

FILE = Path(beacon.__file__).parent.parent / "data" / "web_vitals.schema.json"
SCHEMA = json.loads(FILE.read_text())
READERS = {"Single": beacon.single, "Vitals": beacon.batch, "React": beacon.react}

METRIC = {
    "name": "LCP",
    "value": 1234.5,
    "rating": "good",
    "id": "v5-1",
    "delta": 12,
    "target": "main>img",
    "server_ms": 12,
    "db_ms": None,
}
BATCH = {
    "v": 1,
    "page": "/shop",
    "device": "mobile",
    "nav": "navigate",
    "release": "1.2",
    "metrics": [METRIC, {"name": "CLS", "value": 0}],
}
# As the specification's WebVitalsMonitor sends it.
LEGACY = {
    "name": "FID",
    "value": 80.1,
    "rating": "good",
    "delta": 80.1,
    "id": "v3-1700000000000-1",
    "navigationType": "navigate",
    "page": "/products/milk",
    "timestamp": 1700000000000,
}
# As the specification's ReactProfilerService does.
RENDER = {
    "componentId": "Cart(Item)",
    "metrics": {
        "id": "Cart(Item)",
        "phase": "update",
        "actualDuration": 17.2,
        "baseDuration": 20,
        "startTime": 1000.5,
        "commitTime": 1020.1,
        "renderCount": 10,
        "totalDuration": 90,
        "avgDuration": 9,
        "maxDuration": 17.2,
        "slowRenders": 1,
        "busiestSecond": 4,
        "ownDuration": 8,
    },
}
GOOD = {
    "Single": [
        LEGACY,
        {**{k: BATCH[k] for k in ("v", "page", "device")}, **METRIC},
        {**BATCH, "metrics": [METRIC]},
        {"name": "LongTask", "value": 120, "page": "/", "navigationType": "long-task"},
    ],
    "Vitals": [BATCH, {"metrics": [LEGACY, LEGACY]}, {**BATCH, "more": {"x": 1}}],
    "React": [RENDER, {"page": "/shop", "components": [RENDER, RENDER]}],
}
GOOD["React"].append({**GOOD["React"][1], "release": "2.1"})
CASES = [(form, document) for form, some in GOOD.items() for document in some]


@pytest.fixture(scope="module")
def validators():
    return {
        form: jsonschema.Draft202012Validator(
            {"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{form}"}
        )
        for form in READERS
    }


def taken(form, document):
    try:
        READERS[form](document)
    except BeaconError as error:
        assert error.status == 400
        return False
    return True


@pytest.mark.parametrize(("form", "document"), CASES)
def test_good_ones(validators, form, document):
    validators[form].validate(document)
    assert taken(form, document)


STRANGE = (
    *(None, True, False, 0, 1, -1, 1.0, 0.5, 2, 3_600_000, 3_600_001, 1e300, 10**400),
    *("", "x", "/", "/a?b", "/a#b", "/ä", "a/b", "/" + "x" * 199, "/" + "x" * 200),
    *("/a\nb", "LCP", "LongTask", "poor", "mobile", "soft", "mount", "x" * 33),
    *("x" * 64, "x" * 65, "x" * 128, "x" * 129, "\ud800", "\x00", "1", "$x", "x\ny"),
    *([], {}, [1], [None], [{}], {"v": 1}, [METRIC], [METRIC] * 50, [METRIC] * 51),
    *([LEGACY] * 51, [RENDER] * 50, [RENDER] * 51, [METRIC, 5], [LEGACY, METRIC]),
)
KEYS = ("v", "metrics", "components", "page", "value", "name", "x", "metrics.phase")


def places(document, path=()):
    """Paths of everything inside a document."""
    found = [path]
    if isinstance(document, dict | list):
        items = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in items:
            found += places(value, (*path, key))
    return found


def changed(document, path, change):
    """A copy in which ``change(container, key)`` was done at a path."""
    holder = copied = {"": copy.deepcopy(document)}
    for key in ("", *path)[:-1]:
        copied = copied[key]
    change(copied, ("", *path)[-1])
    return holder.get("")


def remove(container, key):
    container.pop(key)


@pytest.mark.parametrize("form", READERS)
def test_code_and_schema_agree_on_all_small_changes(validators, form):
    """Each value replaced, each property removed, each one added: same verdict."""
    verdicts = set()
    for document in GOOD[form]:
        variants = []
        for path in places(document):
            variants += [
                changed(document, path, lambda c, k, new=new: c.__setitem__(k, new))
                for new in STRANGE
            ]
            variants.append(changed(document, path, remove))
        variants += [
            {**document, key: value} for key in KEYS for value in (1, None, [METRIC])
        ]
        for variant in variants:
            said = validators[form].is_valid(variant)
            assert taken(form, variant) == said, variant
            verdicts.add(said)
    assert verdicts == {True, False}


def random_json(source, depth=0):
    kind = source.randrange(4 if depth > 3 else 6)
    if kind == 0:
        return source.choice(STRANGE[:40])
    if kind == 1:
        return source.uniform(-10, 5000)
    if kind == 2:
        return "".join(source.choices(string.printable, k=source.randrange(6)))
    if kind == 3:
        return source.choice((True, False, None))
    if kind == 4:
        return [random_json(source, depth + 1) for _ in range(source.randrange(4))]
    names = source.choices([*METRIC, *BATCH, *LEGACY, *RENDER, "metrics"], k=4)
    return {name: random_json(source, depth + 1) for name in names}


def test_code_and_schema_agree_on_whatever(validators):
    source = random.Random(5)
    for _ in range(1500):
        document = random_json(source)
        for form in READERS:
            said = validators[form].is_valid(document)
            assert taken(form, document) == said, document


def test_a_batch_is_read():
    (visit,) = beacon.batch(BATCH)
    assert (visit.page, visit.device, visit.nav, visit.release) == (
        "/shop",
        "mobile",
        "navigate",
        "1.2",
    )
    first, second = visit.values
    assert first == beacon.Value("LCP", 1234.5, "main>img", 12.0, None)
    assert second == beacon.Value("CLS", 0.0, "", None, None)


def test_older_forms_are_read():
    (visit,) = beacon.single(LEGACY)
    assert (visit.page, visit.device, visit.nav) == ("/products/milk", "", "navigate")
    assert visit.values == [beacon.Value("FID", 80.1, "", None, None)]
    task = {**LEGACY, "name": "LongTask", "navigationType": "long-task"}
    found = beacon.batch({"metrics": [LEGACY, task]})
    assert [visit.values[0].name for visit in found] == ["FID", "LONG_TASK"]
    assert found[1].nav == ""
    back = beacon.single({**LEGACY, "navigationType": "back-forward-cache"})
    assert back[0].nav == "restore"


def test_renders_are_read():
    render = beacon.Render(
        "Cart(Item)", "update", 17.2, 20.0, 10.0, 90.0, 9.0, 17.2, 1.0, 4.0, 8.0
    )
    assert beacon.react(RENDER) == beacon.Renders("", "", False, [render])
    sent = {"page": "/shop", "release": "2.1\n", "components": [RENDER]}
    assert beacon.react(sent) == beacon.Renders("/shop", "2.1?", True, [render])


@pytest.mark.parametrize(
    ("content_type", "encoding", "body", "status"),
    [
        ("application/json", "", b"{}", None),
        ("text/plain;charset=UTF-8", "", b"[1]", None),
        ("Application/JSON; charset=utf-8", "", b"1", None),
        ("", "", b"{}", 415),
        ("application/x-www-form-urlencoded", "", b"{}", 415),
        ("application/json", "gzip", b"{}", 415),
        ("application/json", "", b" " * (beacon.MAX_BODY + 1), 413),
        ("application/json", "", b"", 400),
        ("application/json", "", b"{", 400),
        ("application/json", "", b"[NaN]", 400),
        ("application/json", "", b"[" * 60_000, 400),
        ("application/json", "", b"\xff\xfe", 400),
        ("application/json", "", b"[" + b"9" * 5000 + b"]", 400),
    ],
)
def test_documents(content_type, encoding, body, status):
    if status is None:
        beacon.document(content_type, encoding, body)
        return
    with pytest.raises(BeaconError) as caught:
        beacon.document(content_type, encoding, body)
    assert caught.value.status == status


def test_messages_name_the_place():
    cases = {
        "metrics[1].name: no such metric": [METRIC, {**METRIC, "name": "XYZ"}],
        "metrics[0].value: a number from 0 to": [{**METRIC, "value": -1}],
        "metrics[0].server_ms: a number": [{**METRIC, "server_ms": "x"}],
    }
    for message, metrics in cases.items():
        with pytest.raises(BeaconError) as caught:
            beacon.batch({**BATCH, "metrics": metrics})
        assert str(caught.value).startswith(message)


def test_targets_name_no_record():
    cleaned = {
        "div#partner-7.o_form>img": "div.o_form>img",
        "#main > a:nth-child(2)": "> a:nth-child(2)",
        "/shop?search=anna": "/shop",
        "res.partner.web_search_read": "res.partner.web_search_read",
        "\ud800x\x00": "?x?",
    }
    assert {text: beacon.clean_target(text) for text in cleaned} == cleaned


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/131", "desktop"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) Mobile/15E148", "mobile"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/131 Mobile", "mobile"),
        ("Mozilla/5.0 (Linux; Android 13; SM-X200) Chrome/131", "tablet"),
        ("Mozilla/5.0 (iPad; CPU OS 16_0) Mobile/15E148", "tablet"),
        ("", "desktop"),
    ],
)
def test_device_of_older_collectors(agent, device):
    assert beacon.device_of(agent) == device
