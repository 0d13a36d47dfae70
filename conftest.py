"""Lets plain pytest import ``smart_dairy_performance.core`` without Odoo.

The addons' own ``__init__`` imports models and controllers, which need Odoo.
A bare package with the same name and path stands in for each addon, so that
``import smart_dairy_performance.core.store`` finds the module and nothing else
runs. Inside Odoo the addons are ``odoo.addons.smart_dairy_performance``; there
this file is not read.
"""

import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent
ADDONS = ("smart_dairy_performance", "smart_dairy_profiling")


def register_bare_package(name: str, root: Path = ROOT) -> ModuleType:
    """Put an empty package for the addon ``name`` into ``sys.modules``."""
    package = ModuleType(name, doc=f"Bare stand-in for the addon {name}.")
    package.__path__ = [str(root / name)]
    # pytest compares this with the file it collected
    package.__file__ = str(root / name / "__init__.py")
    return sys.modules.setdefault(name, package)


for addon in ADDONS:
    register_bare_package(addon)
