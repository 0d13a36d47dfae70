"""The subcommands of ``baseline``, one a module named like it.

A module has ``HELP`` (a line), ``arguments(parser)`` which declares its options, and
``run(options) -> int`` which returns the exit code. It is found by being here. Modules
import what is heavy inside ``run``: ``baseline --help`` stays quick.
"""
