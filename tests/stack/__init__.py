"""The stack runner: a real Odoo with all its services, for the demo and the tests.

Uses the standard library only, because it also makes the virtual environment.
"""

from .errors import StackError
from .stack import Stack, StackOptions, stop_all

__all__ = ["Stack", "StackError", "StackOptions", "stop_all"]
