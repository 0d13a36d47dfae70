from . import database_export
