"""What PostgreSQL knows about a database, and what to do about it.

Pure Python and psycopg2: nothing here imports Odoo. ``asking`` runs SQL with time
limits; each question is a file of its own; ``monitor`` asks them all; ``advice`` finds
indexes that are missing and proves them.
"""

from .asking import Asker, CursorAsker, DsnAsker
from .monitor import DatabaseMonitor
