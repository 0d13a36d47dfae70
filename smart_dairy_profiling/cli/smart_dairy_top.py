import shutil
import sys
import time

from odoo.cli import Command


class SmartDairyTop(Command):
    """Show what Odoo's workers do now, and where their time went lately

    Reads what the samplers of a running Odoo write, so it needs the same data directory
    (or store_dir) and no database. On a terminal it refreshes until Ctrl-C; elsewhere
    it prints once.
    """

    name = "smart_dairy_top"

    def run(self, args):
        # Not at the top: commands are loaded without the addon around them.
        from odoo.addons.smart_dairy_profiling.core import control, top
        from odoo.addons.smart_dairy_profiling.hooks import console

        parser = self.parser
        console.add_place(parser)
        parser.add_argument(
            "--by", choices=list(top.VIEWS), default="function", help="what to add up"
        )
        parser.add_argument("--cpu", action="store_true", help="CPU instead of wall")
        parser.add_argument(
            "--last", type=float, default=60.0, metavar="SECONDS", help="of time"
        )
        parser.add_argument(
            "--every", type=float, default=1.0, metavar="SECONDS", help="refresh"
        )
        parser.add_argument("--rows", type=int, default=12, help="of each part")
        parser.add_argument("--once", action="store_true", help="print once")
        options = parser.parse_args(args)
        folder = console.place(parser, options)
        once = options.once or not sys.stdout.isatty()
        try:
            control.watch(folder)
            time.sleep(1.2)  # samplers look at what is asked twice a second
            while True:
                control.watch(folder)
                width = 200 if once else shutil.get_terminal_size().columns
                shown = top.lines(
                    control.sayings(folder, time.time()),
                    console.recent(folder, options.last),
                    options.last,
                    options.by,
                    options.cpu,
                    options.rows,
                    width,
                )
                start = "" if once else "\x1b[H\x1b[2J"
                print(start + "\n".join(shown), flush=True)
                if once:
                    return
                time.sleep(max(0.2, options.every))
        except KeyboardInterrupt:
            return
        except OSError as error:
            sys.exit(f"{self.name}: {error}")
