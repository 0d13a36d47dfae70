"""Tests of the suite, and the stack runner that they and ``make demo`` share."""
