"""Which operation on which table: one row a shape of query."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_dairy_performance.core import sql

ORM = [
    (
        'SELECT "res_partner"."id", "res_partner"."name" FROM "res_partner" WHERE %s',
        ("select", "res_partner"),
    ),
    (
        'SELECT COUNT(*) FROM "res_partner" WHERE ("res_partner"."active" IS TRUE)',
        ("select", "res_partner"),
    ),
    (
        'SELECT COUNT(*) FROM (SELECT FROM "sale_order" WHERE TRUE LIMIT %s) t',
        ("select", "sale_order"),
    ),
    (
        'SELECT COUNT(*) FROM (SELECT 1 FROM "sale_order" LIMIT 80) t',
        ("select", "sale_order"),
    ),
    (
        'SELECT "sale_order"."state", COUNT(*) FROM "sale_order" GROUP BY 1',
        ("select", "sale_order"),
    ),
    (
        'INSERT INTO "res_users" ("create_date", "login") VALUES %s RETURNING "id"',
        ("insert", "res_users"),
    ),
    (
        'UPDATE "res_users"\n SET "login" = "__tmp"."login"::varchar FROM (VALUES %s)',
        ("update", "res_users"),
    ),
    ('UPDATE "res_users" SET "a" = %s WHERE id IN %s', ("update", "res_users")),
    ('DELETE FROM "res_users" WHERE id IN %s', ("delete", "res_users")),
]

TEXTS = [
    # Raw SQL, any case, any space
    ("select id from res_users where login = %s", ("select", "res_users")),
    ("\n   SELECT\n  a\n FROM\n\tres_users u", ("select", "res_users")),
    ("SELECT a FROM Res_Users", ("select", "res_users")),
    ('SELECT a FROM "Res_Users"', ("select", "Res_Users")),
    ("SELECT 1", ("select", "other")),
    ("SELECT nextval('a_seq')", ("select", "other")),
    ("SELECT DISTINCT a.id FROM a JOIN b ON true", ("select", "a")),
    ('SELECT "name" FROM "ir_module_module"', ("select", "ir_module_module")),
    ("SELECT id FROM ONLY a", ("select", "a")),
    ("SELECT id FROM a FOR UPDATE SKIP LOCKED", ("select", "a")),
    ("(SELECT 1 FROM a) UNION (SELECT 1 FROM b)", ("select", "a")),
    ("insert into a values (1)", ("insert", "a")),
    ("INSERT INTO a(b, c) VALUES (1, 2)", ("insert", "a")),
    ("update a set b = 1 from c", ("update", "a")),
    ("UPDATE ONLY a SET b = 1", ("update", "a")),
    ("delete from a using b", ("delete", "a")),
    # Schemas
    ("SELECT 1 FROM public.a", ("select", "a")),
    ('SELECT 1 FROM "public"."a" WHERE x', ("select", "a")),
    ('SELECT 1 FROM public . "a"', ("select", "a")),
    ('INSERT INTO "public"."a" (b) VALUES (1)', ("insert", "a")),
    ('UPDATE "public"."a" SET b = 1', ("update", "a")),
    ('DELETE FROM "public"."a"', ("delete", "a")),
    ('SELECT "public"."a"."b" FROM "public"."a"', ("select", "a")),
    ("SELECT relname FROM pg_catalog.pg_class", ("select", "pg_class")),
    # An alias of a join comes first: FROM decides
    (
        'SELECT "sale_order__partner_id"."country_id", COUNT(*) FROM "sale_order"'
        ' LEFT JOIN "res_partner" AS "sale_order__partner_id" ON TRUE',
        ("select", "sale_order"),
    ),
    # INSERT ... SELECT belongs to its target
    ("INSERT INTO target (a) SELECT a FROM source", ("insert", "target")),
    ('INSERT INTO "target" SELECT * FROM "source"', ("insert", "target")),
    (
        "INSERT INTO a (b) VALUES (1) ON CONFLICT (b) DO UPDATE SET b = 2",
        ("insert", "a"),
    ),
    # Subqueries and FROM that is no clause
    ("SELECT x FROM (SELECT y FROM inside) t", ("select", "inside")),
    ("SELECT (SELECT max(x) FROM inside), y FROM outside", ("select", "outside")),
    ("SELECT a FROM b WHERE c IN (SELECT d FROM e)", ("select", "b")),
    ("SELECT EXTRACT(YEAR FROM date_order) FROM sale_order", ("select", "sale_order")),
    ("SELECT substring(name FROM '^a') FROM t", ("select", "t")),
    ("SELECT EXTRACT(epoch FROM now())", ("select", "other")),
    ("SELECT a IS DISTINCT FROM b FROM c", ("select", "c")),
    ("SELECT * FROM generate_series(1, 10)", ("select", "other")),
    ("SELECT * FROM pg_catalog.generate_series(1, 10)", ("select", "other")),
    ("SELECT * FROM unnest(%s) u JOIN b ON true", ("select", "other")),
    ("SELECT * FROM %s", ("select", "other")),
    # WITH
    ("WITH x AS (SELECT 1 FROM a) SELECT * FROM x", ("select", "a")),
    ("WITH x AS (SELECT 1 FROM a) SELECT * FROM b JOIN x ON true", ("select", "b")),
    ('WITH "x" AS (SELECT 1 FROM a) SELECT * FROM "x"', ("select", "a")),
    ("WITH x(n) AS (SELECT 1 FROM a) DELETE FROM b USING x", ("delete", "b")),
    ("WITH x AS MATERIALIZED (SELECT 1 FROM a) UPDATE b SET c = 1", ("update", "b")),
    (
        "WITH x AS (SELECT id FROM a FOR UPDATE SKIP LOCKED) UPDATE b SET c = 1",
        ("update", "b"),
    ),
    ("WITH x AS (SELECT 1 FROM a) INSERT INTO b SELECT * FROM x", ("insert", "b")),
    (
        "WITH x AS (DELETE FROM a RETURNING id), y AS (SELECT 1) SELECT * FROM x",
        ("select", "a"),
    ),
    (
        "WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t)"
        " SELECT sum(n) FROM t",
        ("select", "other"),
    ),
    ("WITH x AS (SELECT 1 FROM a) MERGE INTO b USING x ON true", ("other", "other")),
    # Comments
    ("/* FROM a */ SELECT 1 -- FROM b\n FROM c", ("select", "c")),
    ("-- UPDATE a\nDELETE FROM b", ("delete", "b")),
    ("SELECT 1 FROM/* x */a", ("select", "a")),
    ("/* never closed FROM a", ("other", "other")),
    # Words of a literal are nobody's table
    ("SELECT 'x FROM secret', 1 FROM a", ("select", "a")),
    ("SELECT 'x FROM secret'", ("select", "other")),
    ("SELECT 'it''s FROM secret'", ("select", "other")),
    (r"SELECT E'it\'s FROM secret' FROM a", ("select", "a")),
    ("SELECT $$ FROM secret $$ FROM a", ("select", "a")),
    ("SELECT $tag$ FROM $$ secret $tag$ FROM a", ("select", "a")),
    ("SELECT '-- FROM secret' FROM a", ("select", "a")),
    ("SELECT '/* FROM secret' FROM a", ("select", "a")),
    ("SELECT 'never closed FROM secret", ("select", "other")),
    ("INSERT INTO a VALUES ('INTO secret')", ("insert", "a")),
    ("UPDATE a SET b = 'UPDATE secret'", ("update", "a")),
    ("SELECT name LIKE'x FROM secret' FROM a", ("select", "a")),
    ('SELECT "x FROM secret" FROM a', ("select", "a")),
    ("SELECT \"it's\" FROM a WHERE b = 'c'", ("select", "a")),
    ('SELECT 1 FROM "a table"', ("select", "other")),
    # No operation of ours
    ("SAVEPOINT a", ("other", "other")),
    ("ROLLBACK TO SAVEPOINT a", ("other", "other")),
    ("COPY a FROM STDIN", ("other", "other")),
    ("COPY (SELECT 1 FROM a) TO STDOUT", ("other", "other")),
    ("LOCK TABLE a IN EXCLUSIVE MODE", ("other", "other")),
    ("TRUNCATE a", ("other", "other")),
    ("CREATE TABLE a AS SELECT * FROM b", ("other", "other")),
    ("ALTER TABLE a ADD b int", ("other", "other")),
    ("EXPLAIN SELECT 1 FROM a", ("other", "other")),
    ("SET LOCAL statement_timeout = 1", ("other", "other")),
    ("NOTIFY a", ("other", "other")),
    ("VALUES (1)", ("other", "other")),
    ("", ("other", "other")),
    (" ", ("other", "other")),
    ("%s", ("other", "other")),
    (";;; SELECT 1 FROM a", ("select", "a")),
]


@pytest.fixture(autouse=True)
def forget():
    for memory in (sql._by_prefix, sql._by_hash, sql._statements):
        memory.clear()


@pytest.mark.parametrize(("query", "found"), ORM)
def test_templates_of_the_orm_are_told_by_their_start(query, found):
    assert sql.from_prefix(query[: sql.PREFIX]) == found
    assert sql.from_text(query) == found


@pytest.mark.parametrize(("query", "found"), TEXTS)
def test_any_text(query, found):
    assert sql.from_text(query) == found


@pytest.mark.parametrize(("query", "found"), ORM + TEXTS)
def test_both_ways_agree(query, found):
    statement = sql.statement(query)
    assert (statement.operation, statement.table) == found
    assert sql.statement(query) is statement
    assert sql.statement(query.encode()) is statement


def test_texts_with_the_same_start_are_told_apart():
    start = "SELECT a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t FROM "
    assert len(start) > sql.PREFIX
    assert sql.statement(start + "one").table == "one"
    assert sql.statement(start + "two").table == "two"
    assert sql.statement(start + "one").table == "one"


def test_objects_without_a_text_are_unknown():
    statement = sql.statement(object())
    assert (statement.operation, statement.table) == ("other", "other")


def test_savepoints_are_not_remembered():
    for number in range(10):
        sql.statement(f"SAVEPOINT a{number}")
    assert not sql._by_hash


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(sql, "_REMEMBERED", 10)
    for number in range(100):
        sql.statement(f"SELECT {number} FROM a")
        sql.statement(f'SELECT "a"."column_{number}" FROM "a"')
        assert len(sql._by_hash) <= 10 and len(sql._by_prefix) <= 10
    assert len(sql._statements) == 1
    for number in range(100):
        sql.statement(f"SELECT 1 FROM temporary_{number}")
        assert len(sql._statements) <= 11
    assert sql.statement("SELECT 1 FROM temporary_0").table == "temporary_0"
    assert sql.statement("SELECT 1 FROM temporary_99").table == "other"


@given(st.text())
def test_a_literal_never_becomes_a_table(literal):
    quoted = literal.replace("'", "''")
    for query in (
        f"SELECT '{quoted} FROM secret ' FROM shown",
        f"SELECT a FROM shown WHERE b = ' FROM secret {quoted}'",
        f"UPDATE shown SET a = 'UPDATE secret {quoted}'",
        f"INSERT INTO shown VALUES ('INTO secret {quoted}')",
        f"DELETE FROM shown WHERE a = '{quoted} FROM secret'",
    ):
        assert sql.from_text(query)[1] == "shown"


@given(st.text(alphabet="'\"$-/*\\() \nfromFROMselect;%s", max_size=60))
def test_no_text_is_too_strange(text):
    operation, table = sql.from_text(text)
    assert operation in sql.OPERATIONS and table
    assert sql.statement(text).operation in sql.OPERATIONS
