from . import performance_database_lock
from . import performance_profile_start
