"""``make bench``: what measuring costs and how fast its figures come out.

Each group of figures is one file with ``NAMES`` and ``run(quick)``; ``__main__`` runs
them and writes ``.run/bench.jsonl``.
"""
