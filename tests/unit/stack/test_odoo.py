"""odoo.conf, and which process of Odoo is which."""

import configparser

import pytest

from tests.stack.odoo import OdooConfig, kind_of_process


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


def written(tmp_path, **changes):
    config = OdooConfig(
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
