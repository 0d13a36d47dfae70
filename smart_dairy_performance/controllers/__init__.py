from . import baselines
from . import dashboard
from . import health
from . import metrics
from . import vitals
