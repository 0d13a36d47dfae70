"""Replacing attributes of Odoo so that they can be put back."""

import functools
from collections.abc import Callable
from typing import Any

_MARK = "_smart_dairy_performance"


class Patches:
    """Attributes replaced by one hook.

    A patch that somebody else wrapped later cannot be taken out; its wrapper is asked
    ``active()`` at each call and steps aside.
    """

    def __init__(self) -> None:
        self._done: list[tuple[Any, str, Any, Any]] = []

    @property
    def installed(self) -> bool:
        return bool(self._done)

    def replace(
        self, owner: Any, name: str, make: Callable[[Callable[..., Any]], Any]
    ) -> None:
        """Put ``make(original)`` in place of ``owner.name``."""
        original = getattr(owner, name)
        wrapper = functools.wraps(original)(make(original))
        setattr(wrapper, _MARK, True)
        self._done.append((owner, name, original, wrapper))
        setattr(owner, name, wrapper)

    def restore(self) -> None:
        """Put the originals back, in reverse order."""
        while self._done:
            owner, name, original, wrapper = self._done.pop()
            if getattr(owner, name, None) is wrapper:
                setattr(owner, name, original)
