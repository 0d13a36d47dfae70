from . import profiler_probe
