#!/bin/sh
# Writes the secret files of docker-compose.monitoring.yml that are not there yet:
# random passwords and tokens; an address and a key that stand in until you change them.
set -eu
umask 077
folder=${SECRETS_DIR:-./secrets}
mkdir -p "$folder"

random() {
    head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'
}

put() {
    if [ -s "$folder/$1" ]; then
        echo "$folder/$1: kept"
    else
        printf '%s' "$2" >"$folder/$1"
        # The containers run as other users.
        chmod 644 "$folder/$1"
        echo "$folder/$1: written"
    fi
}

put odoo_metrics_token "$(random)"
put odoo_db_password "$(random)"
put postgres_exporter_password "$(random)"
put grafana_admin_password "$(random)"
put new_relic_license_key "put-the-key-of-your-account-here"
put slack_webhook_url "http://localhost:9/"
