"""odoo.conf, and which process of Odoo is which."""

import configparser

import pytest

from tests.stack import odoo
from tests.stack.odoo import Odoo, OdooConfig, kind_of_process


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("odoo: WorkerHTTP 12", "http"),
        ("odoo: WorkerCron 13 smart_dairy", "cron"),
        ("odoo: WorkerExporter 14", "other"),
        ("odoo:", "other"),
        ("/venv/bin/python /opt/odoo/usr/bin/odoo gevent -c x.conf", "gevent"),
        ("/venv/bin/python /opt/odoo/usr/bin/odoo server -c x.conf", "other"),
        ("", "other"),
    ],
)
def test_kind_of_process(title, kind):
    assert kind_of_process(title) == kind


def config_of(tmp_path, **changes):
    return OdooConfig(
        database="db",
        db_port=1,
        db_user="user",
        db_password="50%",
        data_dir=tmp_path,
        addons_path=[tmp_path / "a", tmp_path / "b"],
        http_port=2,
        gevent_port=3,
        **changes,
    )


def written(tmp_path, **changes):
    config = config_of(tmp_path, **changes)
    file = tmp_path / "odoo.conf"
    config.write(file)
    assert file.stat().st_mode & 0o777 == 0o600
    parser = configparser.RawConfigParser()
    parser.read(file)
    return parser


def test_config(tmp_path):
    parser = written(tmp_path, performance={"metrics_port": 4})
    options = parser["options"]
    assert options["db_password"] == "50%"
    assert options["addons_path"] == f"{tmp_path}/a,{tmp_path}/b"
    assert options["http_interface"] == "127.0.0.1"
    assert options["server_wide_modules"] == "base,rpc,web,smart_dairy_performance"
    assert "limit_request" not in options
    assert dict(parser["smart_dairy_performance"]) == {"metrics_port": "4"}


def test_more_options_win(tmp_path):
    parser = written(
        tmp_path, server_wide=False, limit_request=50, options={"workers": 7}
    )
    options = parser["options"]
    assert options["server_wide_modules"] == "base,rpc,web"
    assert options["limit_request"] == "50"
    assert options["workers"] == "7"
    assert not parser.has_section("smart_dairy_performance")


@pytest.mark.parametrize("command", ["server", "dairy_data"])
def test_odoo_is_told_where_to_look_for_a_command_of_an_addon(
    tmp_path, monkeypatch, command
):
    ran = []
    monkeypatch.setattr(odoo, "run", lambda words, **_options: ran.extend(words) or "")
    Odoo(tmp_path, config_of(tmp_path), {}).run(["--size", "S"], command=command)
    before = ran[ran.index(command) - 1]
    told = before == f"--addons-path={tmp_path}/a,{tmp_path}/b"
    assert told == (command == "dairy_data")
    assert ran[-4:] == ["-d", "db", "--size", "S"]
