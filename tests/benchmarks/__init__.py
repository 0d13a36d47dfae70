"""``make bench``: what measuring costs and how fast its figures come out.

Each group of figures is one file with ``NAMES`` and ``run(quick, only)``; ``only`` lets
it leave out work for figures that nobody asked for. ``__main__`` runs the groups and
writes ``.run/bench.jsonl``.
"""
