from . import test_access
from . import test_business_metrics
from . import test_cron
from . import test_database
from . import test_groups
from . import test_requests
from . import test_settings
from . import test_tracker
