from . import performance_database_lock
