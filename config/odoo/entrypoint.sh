#!/bin/sh
# The token of /metrics comes by file, as the other secrets do.
set -eu
SMART_DAIRY_METRICS_TOKEN=$(cat /run/secrets/odoo_metrics_token)
export SMART_DAIRY_METRICS_TOKEN
exec /entrypoint.sh "$@"
