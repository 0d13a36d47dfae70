from . import performance_baseline_import
from . import performance_baseline_compare
from . import performance_baseline_compare_line
