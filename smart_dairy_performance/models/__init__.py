from . import ir_http
from . import performance_tracker
