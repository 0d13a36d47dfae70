"""Fixtures of the profiler's tests."""

from hypothesis import settings

# The same examples each time: a failure in CI is a failure at home.
settings.register_profile("same", deadline=None, database=None, derandomize=True)
settings.load_profile("same")
