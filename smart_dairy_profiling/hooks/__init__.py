"""What the database advisor adds to Odoo's processes, one seam a file.

``exporter`` gives the exporter's reader more questions, and lets it watch for waits;
``whereabouts`` tells which request a database session serves; ``origins`` which code
issues a slow query.
"""
