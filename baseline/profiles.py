"""What a profile of a run measures, and how long that takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class K6Profile:
    """A load profile of k6/lib/profiles.js.

    :ivar seconds: that it takes at time scale 1, set-up left out
    :ivar users: the most that it has at the same time
    """

    name: str
    seconds: float
    users: int


K6_PROFILES = {
    profile.name: profile
    for profile in (
        K6Profile("each", 40, 1),
        K6Profile("smoke", 75, 10),
        K6Profile("baseline", 300, 10),
        K6Profile("load", 960, 100),
        K6Profile("stress", 1560, 500),
        K6Profile("full", 3060, 500),
        K6Profile("mix", 300, 10),
        K6Profile("spike", 380, 100),
        K6Profile("soak", 4 * 3600, 10),
        K6Profile("breakpoint", 1800, 600),
        K6Profile("thousand", 2400, 1100),
    )
}


@dataclass(frozen=True)
class Profile:
    """A profile of a run.

    :ivar k6: load profiles, one run of k6 each
    :ivar presets: of Lighthouse
    :ivar pages: that Lighthouse opens; None for all that lighthouserc.js knows
    :ivar dairy: size of the demo's data when a demo has to be started
    """

    name: str
    k6: tuple[str, ...]
    presets: tuple[str, ...]
    pages: tuple[str, ...] | None
    dairy: str

    @property
    def users(self) -> int:
        """The most virtual users of its load profiles."""
        return max(K6_PROFILES[name].users for name in self.k6)


PROFILES = {
    profile.name: profile
    for profile in (
        # What a pull request is held against: meant for six minutes on a quiet machine.
        Profile("smoke", ("smoke",), ("desktop",), ("/shop", "/odoo"), "S"),
        # The milestone's: 51 minutes of load, then all journeys by weight.
        Profile("full", ("full", "mix"), ("desktop", "mobile"), None, "M"),
        # What is left when only the load matters: `--profile thousand`.
        *(
            Profile(name, (name,), (), (), "M")
            for name in K6_PROFILES
            if name not in {"smoke", "full"}
        ),
    )
}
