from . import dairy_fault_farm
from . import dairy_fault_cow
