"""The dashboards, one a file."""

from . import (
    business,
    cron,
    database,
    http,
    k6,
    orm,
    overview,
    redis,
    suite,
    system,
    vitals,
    workers,
)

BOARDS = (
    overview.BOARD,
    http.BOARD,
    orm.BOARD,
    workers.BOARD,
    cron.BOARD,
    database.BOARD,
    redis.BOARD,
    system.BOARD,
    vitals.BOARD,
    business.BOARD,
    k6.BOARD,
    suite.BOARD,
)
