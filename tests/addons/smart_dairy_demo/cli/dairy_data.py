import sys
from datetime import datetime, timezone

from odoo.api import SUPERUSER_ID, Environment
from odoo.cli import Command
from odoo.exceptions import UserError
from odoo.modules.registry import Registry
from odoo.tools import config

ADDON = "smart_dairy_demo"


class DairyData(Command):
    """Fill a database with a year of a dairy

    Customers, products, orders, subscriptions, a herd and its milk, and the logins
    test_user_1 and on. Size S takes seconds, M a minute, L some minutes. The same size,
    seed and moment give the same data. A database is filled once: again with the same
    size and seed does nothing, with others is refused.
    """

    name = "dairy_data"

    def run(self, args):
        parser = self.parser
        parser.add_argument("-c", "--config", help="Odoo's configuration file")
        parser.add_argument("-d", "--database", help="name of the database")
        parser.add_argument("--size", choices=["S", "M", "L"], default="S")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--now",
            type=datetime.fromisoformat,
            help="end of the year, UTC (default: this minute)",
        )
        options = parser.parse_args(args)
        given = ["--no-http"]
        if options.config:
            given += ["-c", options.config]
        if options.database:
            given += ["-d", options.database]
        config.parse_config(given, setup_logging=True)
        if len(config["db_name"]) != 1:
            parser.error("name one database with -d")
        with Registry(config["db_name"][0]).cursor() as cr:
            env = Environment(cr, SUPERUSER_ID, {})
            if env["ir.module.module"]._get(ADDON).state != "installed":
                sys.exit(f"{self.name}: install {ADDON} first")
            try:
                print(self._fill(env, options), flush=True)
            except UserError as error:
                sys.exit(f"{self.name}: {error}")

    def _fill(self, env, options):
        """Load the data unless they are there, and say what is there.

        :raises SystemExit: when other data are there
        """
        # Not at the top: commands are loaded without the addon around them.
        from odoo.addons.smart_dairy_demo.generator import dairy, loader
        from odoo.addons.smart_dairy_demo.generator.progress import Progress
        from odoo.addons.smart_dairy_demo.generator.size import SIZES

        there = loader.mark_of(env)
        asked = {"size": options.size, "seed": options.seed}
        if there and asked.items() <= there.items():
            return f"The dairy of size {options.size} is there already."
        if there:
            sys.exit(
                f"{self.name}: the database has a dairy of size {there['size']}, seed "
                f"{there['seed']}: use another database for size {options.size}, seed "
                f"{options.seed}"
            )
        now = options.now or datetime.now(timezone.utc)
        now = now.replace(second=0, microsecond=0, tzinfo=None)
        size = SIZES[options.size]
        with Progress() as progress:
            made = dairy.make(size, options.seed, now)
            loader.Loader(env, made, size, now, progress).load()
        loader.set_mark(env, options.size, options.seed, now)
        return f"A dairy of size {options.size}, seed {options.seed}, until {now} UTC."
