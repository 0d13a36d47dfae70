"""The profiler's measuring code: plain Python without Odoo.

What is recorded becomes a ``session`` (plain data), which pure functions transform
(``frame_ops``) and ``renderers`` write. Of ``smart_dairy_performance`` nothing is
imported here: the glue in ``hooks/`` ties both together.
"""
