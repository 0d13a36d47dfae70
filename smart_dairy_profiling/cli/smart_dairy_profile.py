import sys
from pathlib import Path

from odoo.cli import Command


class SmartDairyProfile(Command):
    """Profile a script, a cron job or a test run

    smart_dairy_profile -d DB script FILE [ARGUMENT ...]
        runs a Python file with env, as "odoo shell" would; commits with --commit only

    smart_dairy_profile -d DB cron NAME
        runs a job, by XML id or number, as the scheduler would

    smart_dairy_profile -d DB test TAGS [ODOO'S OPTION ...]
        runs tests; at_install tests need -u MODULE among the options

    The result is printed as text, or written to --output in the format of its name:
    .speedscope.json, .folded.txt, .pb.gz (pprof), .pstats, .session.json, .txt
    """

    name = "smart_dairy_profile"

    def run(self, args):
        # Not at the top: commands are loaded without the addon around them.
        from odoo.addons.smart_dairy_profiling.core.renderers import FORMATS
        from odoo.addons.smart_dairy_profiling.hooks import console

        parser = self.parser
        console.add_place(parser)
        parser.add_argument("-d", "--database", required=True, help="database")
        parser.add_argument("-o", "--output", type=Path, help="file to write")
        parser.add_argument("--format", choices=list(FORMATS), help="of the output")
        parser.add_argument("--cpu", action="store_true", help="CPU instead of wall")
        parser.add_argument(
            "--rate", type=float, default=100.0, help="looks a second (100)"
        )
        parser.add_argument(
            "--commit", action="store_true", help="keep what a script changed"
        )
        parser.add_argument("what", choices=("script", "cron", "test"))
        parser.add_argument("target", help="file, job or test tags")
        parser.add_argument("rest", nargs="...", help="arguments")
        options = parser.parse_args(args)
        if not 1 <= options.rate <= 1000:
            parser.error(f"argument --rate: {options.rate:g} is not from 1 to 1000")
        if options.rest and options.what == "cron":
            parser.error(f"a job takes no arguments: {' '.join(options.rest)}")
        name = options.format or console.format_of(options.output)
        if name is None:
            known = ", ".join(one.suffix for one in FORMATS.values())
            parser.error(f"argument --output: the name ends in none of {known}")
        runner = getattr(console, f"run_{options.what}")
        try:
            session, failure = runner(options)
        except console.CommandError as error:
            sys.exit(f"{self.name}: {error}")
        content = FORMATS[name].render(session, options.cpu)
        if options.output is not None:
            options.output.write_bytes(content)
            print(f"{session.samples} samples: {options.output}", file=sys.stderr)
        else:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        sys.exit(failure)
