from . import controllers
from . import models
from . import wizards
from .hooks.exporter import install as post_load
from .uninstall import uninstall_hook
