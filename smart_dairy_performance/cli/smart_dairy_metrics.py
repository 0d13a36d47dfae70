import os
import sys
from pathlib import Path

from odoo.cli import Command
from odoo.tools import config


class SmartDairyMetrics(Command):
    """Serve /metrics from beside a running Odoo (a sidecar)

    Reads the store that Odoo's processes write, so it needs the same data directory
    (or store_dir) and no database. Settings come from [smart_dairy_performance] in the
    configuration file and from SMART_DAIRY_* in the environment, as for Odoo itself.
    """

    name = "smart_dairy_metrics"

    def run(self, args):
        # Not at the top: commands are loaded without the addon around them.
        from odoo.addons.smart_dairy_performance.core import (
            access,
            metrics_server,
            settings,
            sidecar,
            store,
        )
        from odoo.addons.smart_dairy_performance.hooks import runtime

        parser = self.parser
        parser.add_argument("-c", "--config", help="Odoo's configuration file")
        parser.add_argument("-D", "--data-dir", help="Odoo's data directory")
        parser.add_argument("--interface", help="address to listen on")
        parser.add_argument("--port", type=int, help="port to listen on")
        options = parser.parse_args(args)
        given = ["--no-http"]
        if options.config:
            given += ["-c", options.config]
        if options.data_dir:
            given += ["-D", options.data_dir]
        config.parse_config(given, setup_logging=True)
        environ = dict(os.environ)
        if options.interface:
            environ[f"{settings.PREFIX}METRICS_INTERFACE"] = options.interface
        if options.port is not None:
            environ[f"{settings.PREFIX}METRICS_PORT"] = str(options.port)
        try:
            told = settings.load(runtime.section(), environ)
            listener = metrics_server.listen(told.metrics_interface, told.metrics_port)
        except (settings.SettingError, OSError) as error:
            sys.exit(f"{self.name}: {error}")
        listener.setblocking(True)
        root = runtime.store_root(told)
        follower = sidecar.Follower(Path(root), told.max_series)
        gate = access.Gate(lambda: told, lambda: False, store.Store(lambda: None))
        server = metrics_server.MetricsServer(listener, follower, gate.check)
        address, port = listener.getsockname()[:2]
        print(f"Metrics of {root} on http://{address}:{port}/metrics", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            server.server_close()
