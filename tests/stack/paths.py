"""Where everything lives, relative to the checkout.

``.cache`` survives (downloads, the unpacked Odoo, template databases), ``.run`` is what
running stacks write. Both are git-ignored and can be deleted at any time.
"""

from __future__ import annotations

from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
REQUIREMENTS = REPO / "requirements"

CACHE = REPO / ".cache"
STAMPS = CACHE / "stamps"
TEMPLATES = CACHE / "templates"
PYCACHE = CACHE / "pycache"
ODOO_ROOT = CACHE / "odoo"
TOOLS_ROOT = CACHE / "tools"
NGINX_ROOT = CACHE / "nginx"
COMPOSE_ROOT = CACHE / "compose"

RUN = REPO / ".run"
STACKS = RUN / "stacks"
RESULTS = RUN / "results"
ENV_FILE = RUN / "env"

VENV = REPO / ".venv"
VENV_BIN = VENV / "bin"
PYTHON = VENV_BIN / "python"
K6 = VENV_BIN / "k6"
BASELINE = VENV_BIN / "baseline"

ODOO_PYTHONPATH = ODOO_ROOT / "usr/lib/python3/dist-packages"
# The script, not ``python -m odoo``: Odoo's gevent worker re-executes sys.argv[0].
ODOO_SCRIPT = ODOO_ROOT / "usr/bin/odoo"
ODOO_ADDONS = (ODOO_PYTHONPATH / "odoo/addons", ODOO_PYTHONPATH / "addons")

PROMETHEUS = TOOLS_ROOT / "usr/bin/prometheus"
PROMTOOL = TOOLS_ROOT / "usr/bin/promtool"
NODE_EXPORTER = TOOLS_ROOT / "usr/bin/prometheus-node-exporter"
POSTGRES_EXPORTER = TOOLS_ROOT / "usr/bin/prometheus-postgres-exporter"
REDIS_EXPORTER = TOOLS_ROOT / "usr/bin/prometheus-redis-exporter"
NGINX_EXPORTER = TOOLS_ROOT / "usr/bin/prometheus-nginx-exporter"
ALERTMANAGER = Path("/usr/bin/prometheus-alertmanager")
AMTOOL = Path("/usr/bin/amtool")
NGINX = NGINX_ROOT / "usr/sbin/nginx"
KUSTOMIZE = COMPOSE_ROOT / "usr/bin/kustomize"
COMPOSE = COMPOSE_ROOT / "usr/libexec/docker/cli-plugins/docker-compose"
POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")
REDIS_SERVER = Path("/usr/bin/redis-server")

# Folders with addons of this project; ``tests/addons`` joins when it exists.
OWN_ADDONS = (REPO, REPO / "tests" / "addons")
