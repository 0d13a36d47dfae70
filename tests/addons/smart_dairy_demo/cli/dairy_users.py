import json
import os
import sys
from pathlib import Path

from odoo.api import SUPERUSER_ID, Environment
from odoo.cli import Command
from odoo.modules.registry import Registry
from odoo.tools import config

ADDON = "smart_dairy_demo"


class DairyUsers(Command):
    """Make logins for load scenarios, and write the scenarios' data files

    users.json, customers.json and products.json; users.json holds passwords and API
    keys. Logins that are there are used again, their passwords and keys set anew.
    """

    name = "dairy_users"

    def run(self, args):
        parser = self.parser
        parser.add_argument("-c", "--config", help="Odoo's configuration file")
        parser.add_argument("-d", "--database", help="name of the database")
        parser.add_argument(
            "--number", type=int, default=10, help="logins of customers, of employees"
        )
        parser.add_argument("--api", type=int, help="logins of the REST API")
        parser.add_argument("--out", type=Path, required=True, help="a folder")
        options = parser.parse_args(args)
        given = ["--no-http"]
        if options.config:
            given += ["-c", options.config]
        if options.database:
            given += ["-d", options.database]
        config.parse_config(given, setup_logging=True)
        if len(config["db_name"]) != 1:
            parser.error("name one database with -d")
        [database] = config["db_name"]
        with Registry(database).cursor() as cr:
            env = Environment(cr, SUPERUSER_ID, {})
            if env["ir.module.module"]._get(ADDON).state != "installed":
                sys.exit(f"{self.name}: install {ADDON} first")
            # Not at the top: commands are loaded without the addon around them.
            from odoo.addons.smart_dairy_demo.generator import users

            made = users.prepare(env, options.number, options.api)
        # After the commit: nobody reads of a login that is not there.
        made["users"]["database"] = database
        options.out.mkdir(parents=True, exist_ok=True)
        for name, content in made.items():
            _write(options.out / f"{name}.json", content)
        counts = ", ".join(
            f"{len(found)} {kind}"
            for kind, found in made["users"].items()
            if kind != "database"
        )
        print(f"Logins in {options.out}: {counts}")


def _write(path, content):
    new = path.with_name(f"{path.name}.new")
    new.touch(mode=0o600)
    new.write_text(json.dumps(content, indent=1))
    os.replace(new, path)
