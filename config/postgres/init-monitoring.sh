#!/bin/sh
# Runs once, when the database cluster is made: the role of the exporter, which may
# read statistics and no table.
set -eu
password=$(cat "${MONITORING_PASSWORD_FILE:-/run/secrets/postgres_exporter_password}")
psql -v ON_ERROR_STOP=1 -v password="$password" -U "$POSTGRES_USER" -d postgres <<'SQL'
CREATE ROLE monitoring LOGIN PASSWORD :'password' IN ROLE pg_monitor;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
SQL
