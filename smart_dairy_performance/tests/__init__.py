from . import test_groups
from . import test_requests
from . import test_tracker
