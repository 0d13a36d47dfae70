from . import test_cron
from . import test_database
from . import test_groups
from . import test_requests
from . import test_tracker
