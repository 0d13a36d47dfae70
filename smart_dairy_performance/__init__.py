from . import controllers
from . import models
from . import wizards
from .core.tracking import track_api_request, track_db_query, track_performance
from .hooks.runtime import start as post_load
from .uninstall import uninstall_hook
