"""What the profiler's tests share: a machine whose threads do as told."""

from contextlib import contextmanager
from types import SimpleNamespace

from smart_dairy_profiling.core.machine import Handle


class Clock:
    """Time that stands still until told."""

    def __init__(self, now: float = 1000.0):
        self.now = now

    def __call__(self) -> float:
        return self.now


def code(name: str, file: str = "/opt/addons/shop/shop.py", line: int = 1):
    """A code object's outside."""
    return SimpleNamespace(
        co_filename=file, co_name=name, co_qualname=name, co_firstlineno=line
    )


CODES: dict = {}


def frames(*names, module="shop", lines=None):
    """The innermost of frames that called each other, outermost first.

    :param names: of functions, or ``code`` objects
    """
    frame = None
    for name in names:
        known = name
        if isinstance(name, str):
            known = CODES.setdefault(name, code(name))
        line = (lines or {}).get(name if isinstance(name, str) else name.co_name, 7)
        frame = SimpleNamespace(
            f_code=known,
            f_lasti=2 * line,
            f_lineno=line,
            f_globals={"__name__": module},
            f_back=frame,
        )
    return frame


class Machine:
    """Threads with frames and CPU clocks that the test sets.

    :ivar current: key of the thread that calls
    :ivar running: innermost frame by key; ``asleep``: of greenlets that wait
    :ivar busy: keys of threads that use the CPU whenever time passes
    """

    def __init__(self, clock: Clock):
        self.clock = clock
        self.current = "one"
        self.running: dict = {}
        self.asleep: dict = {}
        self.busy: set = set()
        self.spent: dict = {}
        self.gone: set = set()
        self.spawned: list = []
        self.own = 0.0
        self.slept: list = []

    def key(self):
        return self.current

    def enter(self):
        return Handle(self.current, 0)

    def cpu(self, handle):
        if handle.key in self.gone:
            raise OSError
        return self.spent.get(handle.key, 0.0)

    def own_cpu(self):
        return self.own

    def frames(self):
        return dict(self.running)

    def waiting(self, handle):
        return self.asleep.get(handle.key)

    @contextmanager
    def asking_soon(self):
        yield

    def forked(self):
        pass

    def spawn(self, function):
        self.spawned.append(function)

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.pass_time(seconds)

    def pass_time(self, seconds):
        self.clock.now += seconds
        for key in self.busy:
            self.spent[key] = self.spent.get(key, 0.0) + seconds


class Unit:
    """A request or job as the recorder knows it."""

    def __init__(self, route="/shop", kind="http", rpc=None, db="one"):
        self.kind = kind
        self.route = route
        self.rpc = rpc
        self.db = db
        self.top = [None, None, 0.0, 0.0, 0]


def call(unit, model, method, addon="shop"):
    """A tracked ORM call begins."""
    target = SimpleNamespace(model=model, method=method, addon=addon)
    unit.top = [target, unit.top, 0.0, 0.0, 0]
    return target
