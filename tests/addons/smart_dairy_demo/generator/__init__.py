"""A year of a dairy, made up from a seed.

``dairy`` makes it as plain data (no Odoo, no database), ``loader`` writes it into one.
The same size, seed and moment give the same data.
"""
