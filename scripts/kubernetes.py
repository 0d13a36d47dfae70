"""Write the PrometheusRule from Prometheus' rules: ``python -m scripts.kubernetes``.

``tests/config/test_kubernetes.py`` fails while the file is stale.
"""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "config" / "prometheus" / "rules"
FILE = ROOT / "config" / "kubernetes" / "prometheusrule.yaml"
_HEADER = "# Made from config/prometheus/rules by `make kubernetes`.\n"


def prometheus_rule() -> dict[str, object]:
    """All groups of all rule files as one object of the Prometheus Operator."""
    groups = [
        group
        for file in sorted(RULES.glob("*.yml"))
        for group in yaml.safe_load(file.read_text())["groups"]
    ]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "smart-dairy-odoo",
            "labels": {"app.kubernetes.io/name": "odoo"},
        },
        "spec": {"groups": groups},
    }


class _Dumper(yaml.SafeDumper):
    """Indents lists, as the other files do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def text() -> str:
    """The file's content; long lines stay whole, so that differences are readable."""
    document = yaml.dump(
        prometheus_rule(),
        Dumper=_Dumper,
        sort_keys=False,
        width=10_000,
        allow_unicode=True,
    )
    return _HEADER + document


if __name__ == "__main__":
    FILE.write_text(text())
