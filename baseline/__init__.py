"""Baseline runs: measure an Odoo from outside and inside, and say what to fix.

    baseline run --profile smoke

Collect, analyse, recommend, render, compare: each step reads and writes one run's
folder (:mod:`baseline.folder`), so that each can be run again alone. Needs no Odoo in
its own process.
"""
