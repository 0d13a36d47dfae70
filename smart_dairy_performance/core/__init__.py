"""The measuring engine, in plain Python: nothing here imports Odoo.

Data flows one way::

    recorder -> store (one file a process) -> merge (+ archive) -> exposition

``catalogue`` declares every metric once; ``settings`` holds what the process was
told; the hooks of the neighbouring package feed the recorder.
"""
