from datetime import datetime

from ..generator import dairy, loader
from ..generator.size import Size

TINY = Size(
    partners=30, products=40, orders=60, milk_records=400, subscriptions=20, users=2
)
NOW = datetime(2026, 3, 15, 14, 0)
SEED = 7


class Silent:
    """A progress that shows nothing."""

    def stage(self, title, total):
        pass

    def advance(self, number):
        pass


def load_tiny(env, now=NOW):
    """A tiny dairy in the database; returns its plain data and the loader."""
    made = dairy.make(TINY, SEED, now)
    loading = loader.Loader(env, made, TINY, now, Silent())
    loading.load()
    return made, loading
