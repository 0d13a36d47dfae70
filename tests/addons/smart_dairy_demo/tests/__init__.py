from . import test_access
from . import test_api
from . import test_farm_pages
from . import test_generator
from . import test_loader
from . import test_subscription
from . import test_users
