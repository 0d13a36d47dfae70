"""Which server is measured, and that no other gets its credentials."""

import psycopg2.extensions
import pytest

from baseline.target import Target, find

DEMO = "http://127.0.0.1:20001"


@pytest.fixture
def env_file(tmp_path):
    path = tmp_path / "env"
    path.write_text(
        f"export ODOO_URL={DEMO}\nexport ODOO_PASSWORD='a b'\nexport OTHER=1\n"
    )
    return path


def test_the_demo_is_the_target_when_nobody_says_otherwise(env_file):
    target = find(None, {}, env_file)
    assert target is not None
    assert (target.url, target.is_demo) == (DEMO, True)
    assert dict(target.variables) == {"ODOO_URL": DEMO, "ODOO_PASSWORD": "a b"}


@pytest.mark.parametrize("environ", [{}, {"ODOO_URL": DEMO}], ids=["bare", "sourced"])
def test_the_demo_is_met_behind_nginx(env_file, environ):
    nginx = "http://127.0.0.1:20002"
    with env_file.open("a") as file:
        file.write(f"export NGINX_URL={nginx}\n")
    target = find(None, environ, env_file)
    assert target is not None
    assert (target.url, target.is_demo) == (nginx, True)
    assert target.get("ODOO_URL") == nginx
    bare = find(DEMO, environ, env_file)
    assert bare is not None
    assert (bare.url, bare.is_demo) == (DEMO, True)


def test_without_a_demo_there_is_none(tmp_path):
    assert find(None, {}, tmp_path / "env") is None


def test_another_server_gets_nothing_of_the_demo(env_file):
    target = find("http://localhost:8069/", {}, env_file)
    assert target is not None
    assert (target.url, target.is_demo) == ("http://localhost:8069", False)
    assert target.get("ODOO_PASSWORD") is None


def test_variables_of_one_server_are_not_taken_for_another(env_file):
    environ = {"ODOO_URL": "http://localhost:1", "ODOO_PASSWORD": "secret"}
    named = find("http://localhost:1", environ, env_file)
    other = find("http://localhost:2", environ, env_file)
    assert named is not None and named.get("ODOO_PASSWORD") == "secret"
    assert other is not None and other.get("ODOO_PASSWORD") is None


def test_what_a_shell_happens_to_have_does_not_change_the_demo(env_file):
    target = find(None, {"ODOO_PASSWORD": "old"}, env_file)
    assert target is not None
    assert target.get("ODOO_PASSWORD") == "a b"


def test_a_password_survives_the_connection_string():
    variables = {"PGDATABASE": "d", "PGHOST": "h", "PGPASSWORD": "a 'b' \\c"}
    dsn = Target(DEMO, True, variables).dsn
    assert dsn is not None
    assert psycopg2.extensions.parse_dsn(dsn) == {
        "dbname": "d",
        "host": "h",
        "password": "a 'b' \\c",
    }
    assert Target(DEMO, True, {}).dsn is None
    assert Target(DEMO, True, {"DATABASE_URL": "postgres://x"}).dsn == "postgres://x"


def test_what_is_written_down_has_no_secret():
    variables = {"ODOO_PASSWORD": "secret", "PGPASSWORD": "secret", "ODOO_DB": "d"}
    target = Target(DEMO, False, variables)
    assert "secret" not in str(target.public()) + repr(target)
