from . import test_database_access
from . import test_database_advice
from . import test_database_export
from . import test_database_log
from . import test_database_refresh
from . import test_database_whereabouts
