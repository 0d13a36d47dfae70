from . import controllers
from . import models
from . import wizards
from .hooks.loading import start as post_load
from .uninstall import uninstall_hook
