from . import dashboard
from . import health
from . import metrics
