from . import ir_cron
from . import ir_http
from . import performance_metric
from . import performance_metric_label
from . import performance_metric_ledger
from . import performance_metric_value
from . import performance_tracker
from . import res_config_settings
