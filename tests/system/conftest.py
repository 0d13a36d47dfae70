"""What pytest must not take for tests."""

# Addons of the tests run in Odoo, not here.
collect_ignore = ["addons"]
