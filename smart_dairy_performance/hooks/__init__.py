"""The seams in Odoo where measuring is hung in, one a file.

Each has ``install()`` and ``uninstall()``, both idempotent; ``runtime`` owns what the
process measures with and calls them.
"""
