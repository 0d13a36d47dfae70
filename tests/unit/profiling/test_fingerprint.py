"""Fingerprints: what groups, what does not, and that no literal survives."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_dairy_profiling.core.fingerprint import (
    SHAPE_LENGTH,
    fingerprint,
    identity,
    normalize,
    without_literals,
)

# Each line: texts that are the same statement.
SAME = {
    "case and space": ("SELECT a\n FROM b", "select  a from B ", "Select a From b;"),
    "quotes": ("SELECT 'a'", "SELECT 'it''s'", "SELECT ''", "SELECT '\"x\" -- y'"),
    "escapes": (r"SELECT E'a\'b' FROM t", "SELECT e'' FROM t", "SELECT 'x' FROM t"),
    "backslash is plain": (r"SELECT 'a\' FROM t", "SELECT 'b' FROM t"),
    "dollars": ("SELECT $$a'b$$", "SELECT $t$ $$ $t$", "SELECT $1", "SELECT 'x'"),
    "bits": ("SELECT B'101'", "SELECT x'1F'", "SELECT N'a'", r"SELECT U&'\0061'"),
    "comments": ("SELECT a -- 'b\nFROM c", "/* x ' */ SELECT a FROM c"),
    "numbers": (
        "SELECT 1",
        "SELECT 1.5e-3",
        "SELECT .5",
        "SELECT 0x1F",
        "SELECT 1_000",
    ),
    "negative": ("SELECT -1", "SELECT 1", "SELECT - 2.5", "SELECT %s"),
    "negative in a condition": ("WHERE a = -1", "WHERE a = 1", "WHERE a=%s"),
    "parameters": ("a = %s", "a = $1", "a = %(name)s", "a = 'x'"),
    "casts": ("a = '1'::int", "a = %s::int", "a = '1'::numeric(3, 2)", "a = '1'"),
    "casts of times": (
        "a > '2026-01-01'::timestamp without time zone",
        "a > '2026-01-01'::timestamp",
        "a > %s",
    ),
    "arrays": ("a = ANY(%s)", "a = ANY(ARRAY[1, 2])", "a = ANY('{}'::int[])"),
    "lists": ("a IN (1)", "a IN (1, 2, 3)", "a IN %s", "a in ($1,$2)", "a IN (-1)"),
    "lists of rows": (
        "(a, b) IN ((1, 2))",
        "(a, b) IN ((1, 2), (3, 4))",
        "(a,b) in %s",
    ),
    "rows": ("VALUES (1, 'a')", "VALUES (1, 'a'), (2, NULL)", "VALUES %s, %s"),
    "rows of functions": (
        "VALUES (now(), 1), (now(), 2), (now(), 3)",
        "VALUES (now(), 1)",
    ),
    "constants": ("a = true", "a = false", "a = NULL", "a = %s"),
    "names": ('SELECT "a"."b" FROM "a"', "SELECT a.b FROM a"),
    "percent": ("a LIKE '%%x'", "a LIKE %s"),
    "cut off": ("SELECT a FROM b WHERE c = 'abc", "SELECT a FROM b WHERE c = 'x'"),
}
DIFFERENT = (
    "SELECT a FROM b",
    'SELECT a FROM "B"',
    "SELECT a FROM b1",
    "SELECT a FROM b2",
    "SELECT a FROM b WHERE c IS NULL",
    "SELECT a FROM b WHERE c IS NOT NULL",
    "SELECT a FROM b WHERE c IS TRUE",
    "SELECT a FROM b WHERE c IS FALSE",
    "SELECT a FROM b WHERE c = 1",
    "SELECT a FROM b WHERE c - 1",
    "SELECT a FROM b WHERE c NOT IN (1)",
    "SELECT a FROM b WHERE c IN (1)",
    "SELECT a FROM b WHERE c IN (SELECT 1)",
    "SELECT coalesce(1, 2)",
    "SELECT coalesce(1, 2, 3)",
    "SELECT a::int FROM b",
    "SELECT a::text FROM b",
    'SELECT "user" FROM b',
    "SELECT user FROM b",
    "SELECT a %% 2 FROM b",
)


@pytest.mark.parametrize("texts", SAME.values(), ids=SAME)
def test_same(texts: tuple[str, ...]) -> None:
    shapes = {normalize(text) for text in texts}
    assert len(shapes) == 1, shapes
    assert len({fingerprint(text) for text in texts}) == 1


def test_different() -> None:
    shapes = [normalize(text) for text in DIFFERENT]
    assert len(set(shapes)) == len(shapes), shapes
    assert len({fingerprint(text) for text in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ('SELECT "t1"."c2" FROM "t1" LIMIT 80', "select t1.c2 from t1 limit ?"),
        ("SELECT a-1, a - 1 FROM t", "select a-?,a-? from t"),
        ("SELECT x'1F', col1x FROM t", "select ?,col1x from t"),
        (
            "UPDATE t SET a = -1 WHERE b BETWEEN -5 AND +7",
            "update t set a=? where b between ? and ?",
        ),
        ('SAVEPOINT "abc"', "savepoint abc"),
        ('SELECT "A b", "user"', 'select "A b","user"'),
        (
            "DELETE FROM t WHERE d = E'it\\'s' AND e = $q$ ' $q$",
            "delete from t where d=? and e=?",
        ),
    ],
)
def test_shape(text: str, shape: str) -> None:
    assert normalize(text) == shape


def test_a_long_text_differs_by_its_end() -> None:
    start = "SELECT " + ", ".join(f"column_{number}" for number in range(1000))
    assert fingerprint(f"{start} FROM a") != fingerprint(f"{start} FROM b")
    assert len(normalize(start)) == SHAPE_LENGTH


def test_memory_is_bounded() -> None:
    size = identity.cache_info().maxsize
    assert size is not None
    for number in range(size + 10):
        identity(f"SELECT column_{number}")
    assert identity.cache_info().currsize == size


SECRET = "q7w3cr3t"
_LITERAL = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), max_size=20
).map(lambda text: text + SECRET)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _escaped(text: str) -> str:
    return "E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _dollars(text: str) -> str:
    return f"$tag$ {text.replace('$', '')} $tag$"


_PIECES = st.one_of(
    _LITERAL.map(_quoted),
    _LITERAL.map(_escaped),
    _LITERAL.map(_dollars),
    st.integers(min_value=10**12).map(str),
    st.sampled_from(["/* x */", "-- y\n", "$1", "%s", '"Name"', "B'10'"]),
)


@given(st.lists(_PIECES, min_size=1, max_size=6))
def test_no_literal_survives(pieces: list[str]) -> None:
    text = f"SELECT a FROM t WHERE b IN ({', '.join(pieces)}) AND c1 = {pieces[0]}"
    for shown in (normalize(text), without_literals(text)):
        assert SECRET not in shown.lower()
        assert not re.search(r"\d{12}", shown)
    assert normalize(text).startswith("select a from t where b in(")


@given(st.lists(st.integers(), min_size=1, max_size=50), st.integers())
def test_any_list_is_one(numbers: list[int], other: int) -> None:
    listed = ", ".join(map(str, numbers))
    text = f"SELECT a FROM t WHERE b IN ({listed}) AND c = {other}"
    assert normalize(text) == "select a from t where b in(?)and c=?"


@given(st.text(st.characters(codec="utf-8", exclude_characters='"'), max_size=60))
def test_a_comment_behind_anything_is_no_difference(text: str) -> None:
    assert fingerprint(text) == fingerprint(f"{text} -- or not")
