#!/bin/bash
# The milestone's runner by its name: Lighthouse, k6, bundle analysis, database metrics and
# the report, into one dated folder. Arguments go to `baseline run`; DATABASE_URL is read.
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/baseline run --profile full "$@"
