from . import ir_cron
from . import ir_http
from . import performance_tracker
