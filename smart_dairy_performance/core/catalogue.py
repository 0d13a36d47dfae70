"""Every metric of the suite, declared once.

The registry, ``docs/metrics.md``, and the checks of dashboards and alerts are made
from this file. A label stands here with what keeps its values few; the store's cap
(``max_series``, by default 2,000 series a metric) is the last resort behind that.
"""

from .metric import (
    AGE,
    COUNTER,
    GAUGE,
    HISTOGRAM,
    LATEST,
    MAX,
    READ,
    SUMMARY,
    Metric,
)

_SAMPLER = "smart_dairy_profiling hooks.sampling"
_ROUTE = "route templates of installed controllers and five fixed words"
_VERB = "HTTP verbs; anything else is OTHER"
_STATUS = "1xx to 5xx"
_OUTCOME = "the words of core.outcome"
_MODEL = "models of the registry; anything else is unknown"
_METHOD = "public methods of the model; anything else is unknown"
_ORM_METHOD = "the wrapped ORM methods"
_SQLSTATE = "PostgreSQL's error codes"
_ENDPOINT = (
    "route templates that start with /api/, without the suite's own; names in code"
)

# The specification's buckets, where it gives them.
REQUEST_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
QUERY_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0)
API_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
TABLE_QUERY_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
CACHE_BUCKETS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1)
# Ours: the targets (0.2 s an API call, 2 s a page) are bounds, so that the share
# within target is exact.
HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
ORM_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
QUEUE_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
JOB_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0)
# Cron workers look for jobs once a minute: lag up to that is how Odoo works.
LAG_BUCKETS = (1.0, 5.0, 15.0, 30.0, 75.0, 120.0, 300.0, 900.0, 3600.0, 14400.0)

# -- remote calls and decorated methods ----------------------------------------

REQUEST_TOTAL = Metric(
    "odoo_request_total",
    COUNTER,
    "Remote calls and calls of methods decorated with track_performance.",
    ("model", "method", "status"),
    bounds={"model": _MODEL, "method": _METHOD, "status": "success or error"},
    seam="hooks.http, core.tracking",
    per_db=True,
)
REQUEST_DURATION = Metric(
    "odoo_request_duration_seconds",
    HISTOGRAM,
    "Duration of remote calls, retries and commit included, and of decorated methods.",
    ("model", "method"),
    buckets=REQUEST_BUCKETS,
    bounds={"model": _MODEL, "method": _METHOD},
    seam="hooks.http, core.tracking",
    per_db=True,
)

# -- HTTP ----------------------------------------------------------------------

HTTP_REQUESTS = Metric(
    "odoo_http_requests_total",
    COUNTER,
    "HTTP requests answered, by what really happened.",
    ("route", "method", "status", "outcome"),
    bounds={"route": _ROUTE, "method": _VERB, "status": _STATUS, "outcome": _OUTCOME},
    seam="hooks.http",
    per_db=True,
)
HTTP_DURATION = Metric(
    "odoo_http_request_duration_seconds",
    HISTOGRAM,
    "From the worker's first touch of the request until its answer is ready to send.",
    ("route", "method"),
    buckets=HTTP_BUCKETS,
    bounds={"route": _ROUTE, "method": _VERB},
    seam="hooks.http",
    per_db=True,
)
HTTP_PHASE = Metric(
    "odoo_http_phase_seconds_total",
    COUNTER,
    "Where requests spend their time; the phases do not overlap.",
    ("route", "phase"),
    bounds={"route": _ROUTE, "phase": "match, python, sql, flush, retry"},
    seam="hooks.http",
    per_db=True,
)
HTTP_QUEUE = Metric(
    "odoo_http_queue_seconds",
    HISTOGRAM,
    "Wait before a worker took the request, from X-Request-Start or X-Queue-Start.",
    buckets=QUEUE_BUCKETS,
    seam="hooks.http",
)
HTTP_SQL = Metric(
    "odoo_http_request_sql_queries",
    SUMMARY,
    "SQL queries a request.",
    ("route",),
    bounds={"route": _ROUTE},
    seam="hooks.http",
    per_db=True,
)
HTTP_REQUEST_SIZE = Metric(
    "odoo_http_request_size_bytes",
    SUMMARY,
    "Bodies received, from Content-Length.",
    ("route",),
    bounds={"route": _ROUTE},
    seam="hooks.http",
    per_db=True,
)
HTTP_RESPONSE_SIZE = Metric(
    "odoo_http_response_size_bytes",
    SUMMARY,
    "Bodies answered, from Content-Length; streams without one are not counted.",
    ("route",),
    bounds={"route": _ROUTE},
    seam="hooks.http",
    per_db=True,
)
HTTP_IN_FLIGHT = Metric(
    "odoo_http_requests_in_flight",
    GAUGE,
    "Requests being served now.",
    seam="hooks.http",
)
HTTP_OLDEST = Metric(
    "odoo_http_oldest_request_seconds",
    GAUGE,
    "Age of the oldest request being served now; 0 when there is none.",
    combine=AGE,
    seam="hooks.http",
)
HTTP_EXCEPTIONS = Metric(
    "odoo_http_exceptions_total",
    COUNTER,
    "Exceptions that ended a request, by class.",
    ("exception",),
    bounds={"exception": "exception classes in code"},
    seam="hooks.http",
    per_db=True,
)
RETRIES = Metric(
    "odoo_request_retries_total",
    COUNTER,
    "Attempts repeated after a serialization failure, a deadlock or a lock timeout.",
    ("sqlstate",),
    bounds={"sqlstate": _SQLSTATE},
    seam="hooks.retry",
    per_db=True,
)
API_DURATION = Metric(
    "smart_dairy_api_request_duration_seconds",
    HISTOGRAM,
    "API request duration.",
    ("endpoint", "method", "status_code"),
    buckets=API_BUCKETS,
    bounds={"endpoint": _ENDPOINT, "method": _VERB, "status_code": "100 to 599"},
    seam="hooks.http, core.tracking",
    per_db=True,
)
API_REQUEST_SIZE = Metric(
    "smart_dairy_api_request_size_bytes",
    SUMMARY,
    "API request size.",
    ("endpoint", "method"),
    bounds={"endpoint": _ENDPOINT, "method": _VERB},
    seam="hooks.http",
    per_db=True,
)
API_RESPONSE_SIZE = Metric(
    "smart_dairy_api_response_size_bytes",
    SUMMARY,
    "API response size.",
    ("endpoint", "method"),
    bounds={"endpoint": _ENDPOINT, "method": _VERB},
    seam="hooks.http",
    per_db=True,
)

# -- ORM -----------------------------------------------------------------------

_ORM_BOUNDS = {"model": _MODEL, "method": _ORM_METHOD}
ORM_CALLS = Metric(
    "odoo_orm_calls_total",
    COUNTER,
    "Calls of ORM methods.",
    ("model", "method"),
    bounds=_ORM_BOUNDS,
    seam="hooks.orm",
    per_db=True,
)
ORM_DURATION = Metric(
    "odoo_orm_call_duration_seconds",
    HISTOGRAM,
    "Inclusive duration of ORM calls; a call inside the same call is not added.",
    ("model", "method"),
    buckets=ORM_BUCKETS,
    bounds=_ORM_BOUNDS,
    seam="hooks.orm",
    per_db=True,
)
ORM_EXCLUSIVE = Metric(
    "odoo_orm_call_exclusive_seconds_total",
    COUNTER,
    "Time in ORM calls without the tracked calls inside them.",
    ("model", "method"),
    bounds=_ORM_BOUNDS,
    seam="hooks.orm",
    per_db=True,
)
ORM_RECORDS = Metric(
    "odoo_orm_records_total",
    COUNTER,
    "Records that ORM calls were made on, created or returned.",
    ("model", "method"),
    bounds=_ORM_BOUNDS,
    seam="hooks.orm",
    per_db=True,
)
ADDON_SECONDS = Metric(
    "odoo_addon_seconds_total",
    COUNTER,
    "Exclusive time of tracked calls by the addon whose code was called.",
    ("addon",),
    bounds={"addon": "installed addons"},
    seam="hooks.orm",
    per_db=True,
)

# -- SQL -----------------------------------------------------------------------

DB_QUERY_DURATION = Metric(
    "odoo_db_query_duration_seconds",
    HISTOGRAM,
    "Duration of SQL queries.",
    ("query_type",),
    buckets=QUERY_BUCKETS,
    bounds={"query_type": "select, insert, update, delete, other"},
    seam="hooks.sql, performance.tracker.track_query",
    per_db=True,
)
TABLE_QUERY_DURATION = Metric(
    "smart_dairy_db_query_duration_seconds",
    HISTOGRAM,
    "Duration of SQL queries by operation and table.",
    ("operation", "table"),
    buckets=TABLE_QUERY_BUCKETS,
    bounds={
        "operation": "select, insert, update, delete, other",
        "table": "names of tables in the text of queries; other",
    },
    seam="hooks.sql, core.tracking.track_db_query",
    per_db=True,
)
DB_ROWS = Metric(
    "odoo_db_rows_total",
    COUNTER,
    "Rows that SQL queries returned or changed.",
    ("query_type",),
    bounds={"query_type": "select, insert, update, delete, other"},
    seam="hooks.sql",
    per_db=True,
)
DB_ERRORS = Metric(
    "odoo_db_query_errors_total",
    COUNTER,
    "SQL queries that failed: ended a request or job, rolled back a savepoint.",
    ("sqlstate",),
    bounds={"sqlstate": _SQLSTATE},
    seam="hooks.transactions",
    per_db=True,
)
DB_TRANSACTIONS = Metric(
    "odoo_db_transactions_total",
    COUNTER,
    "Transactions ended.",
    ("result",),
    bounds={"result": "commit or rollback"},
    seam="hooks.transactions",
    per_db=True,
)
DB_COMMIT = Metric(
    "odoo_db_commit_duration_seconds",
    HISTOGRAM,
    "Duration of commits, with the flush before and the hooks after.",
    buckets=QUERY_BUCKETS,
    seam="hooks.transactions",
    per_db=True,
)

# -- track_performance's limit -------------------------------------------------

SLOW_METHODS = Metric(
    "odoo_slow_methods_total",
    COUNTER,
    "Decorated methods and remote calls that took longer than slow_method_seconds.",
    ("model", "method"),
    bounds={"model": _MODEL, "method": _METHOD},
    seam="core.tracking",
    per_db=True,
)

# -- users ---------------------------------------------------------------------

ACTIVE_USERS = Metric(
    "odoo_active_users",
    GAUGE,
    "Users seen in the last 5 minutes, or what update_active_users set.",
    combine=LATEST,
    seam="hooks.database, performance.tracker.update_active_users",
    per_db=True,
)

# -- cron ----------------------------------------------------------------------

_JOB = "XML ids of the cron jobs, cron-<id> for those without one"
_CRON_SEAM = "hooks.cron"
CRON_DURATION = Metric(
    "odoo_cron_duration_seconds",
    HISTOGRAM,
    "Duration of cron jobs, all their batches and commits included.",
    ("cron",),
    buckets=JOB_BUCKETS,
    bounds={"cron": _JOB},
    seam=_CRON_SEAM,
    per_db=True,
)
CRON_RUNS = Metric(
    "odoo_cron_runs_total",
    COUNTER,
    "Runs of cron jobs by how they ended; a run of several batches is one run.",
    ("cron", "status"),
    bounds={
        "cron": _JOB,
        "status": "fully_done, partially_done, failed, timed_out, aborted",
    },
    seam=_CRON_SEAM,
    per_db=True,
)
CRON_LAG = Metric(
    "odoo_cron_lag_seconds",
    HISTOGRAM,
    "From when a job was due (its schedule or a trigger) until it began.",
    ("cron",),
    buckets=LAG_BUCKETS,
    bounds={"cron": _JOB},
    seam=_CRON_SEAM,
    per_db=True,
)
CRON_RUNNING = Metric(
    "odoo_cron_running",
    GAUGE,
    "Runs of cron jobs going on now.",
    ("cron",),
    bounds={"cron": _JOB},
    seam=_CRON_SEAM,
    per_db=True,
)
CRON_DISABLED = Metric(
    "odoo_cron_disabled_total",
    COUNTER,
    "Times that Odoo switched a job off because it kept failing.",
    ("cron",),
    bounds={"cron": _JOB},
    seam=_CRON_SEAM,
    per_db=True,
)
CRON_EXCEPTIONS = Metric(
    "odoo_cron_exceptions_total",
    COUNTER,
    "Exceptions that ended a cron job, or one of its batches, by class.",
    ("exception",),
    bounds={"exception": "exception classes in code"},
    seam=_CRON_SEAM,
    per_db=True,
)
CRON_SQL = Metric(
    "odoo_cron_sql_seconds_total",
    COUNTER,
    "Time that cron jobs spent in SQL queries.",
    ("cron",),
    bounds={"cron": _JOB},
    seam=_CRON_SEAM,
    per_db=True,
)
CRON_LAST_RUN = Metric(
    "odoo_cron_last_run_timestamp_seconds",
    GAUGE,
    "When the job's last run ended, whatever came of it (unix time).",
    ("cron",),
    combine=LATEST,
    bounds={"cron": _JOB},
    seam=_CRON_SEAM,
    per_db=True,
)
CRON_LAST_SUCCESS = Metric(
    "odoo_cron_last_success_timestamp_seconds",
    GAUGE,
    "When the job last ended fully or partially done (unix time).",
    ("cron",),
    combine=LATEST,
    bounds={"cron": _JOB},
    seam=_CRON_SEAM,
    per_db=True,
)

# -- what one reader asks of the database ---------------------------------------

_READER = "hooks.database"
CRON_OVERDUE = Metric(
    "odoo_cron_overdue_seconds",
    GAUGE,
    "How long active jobs have been due, the time they already run included; else 0.",
    ("cron",),
    combine=READ,
    bounds={"cron": _JOB},
    seam=_READER,
    per_db=True,
)
CRON_STREAK = Metric(
    "odoo_cron_failure_streak",
    GAUGE,
    "Failures in a row of active jobs.",
    ("cron",),
    combine=READ,
    bounds={"cron": _JOB},
    seam=_READER,
    per_db=True,
)
CRON_JOBS = Metric(
    "odoo_cron_jobs",
    GAUGE,
    "Cron jobs; overdue ones have been due for longer than cron workers ever sleep.",
    ("state",),
    combine=READ,
    bounds={"state": "waiting, overdue, inactive"},
    seam=_READER,
    per_db=True,
)
MAIL_QUEUE = Metric(
    "odoo_mail_queue_messages",
    GAUGE,
    "Mails that wait to be sent, wait for their scheduled date, or failed.",
    ("state",),
    combine=READ,
    bounds={"state": "outgoing, scheduled, exception"},
    seam=_READER,
    per_db=True,
)
MAIL_OLDEST = Metric(
    "odoo_mail_queue_oldest_seconds",
    GAUGE,
    "Age of the oldest mail that waits to be sent; 0 when none does.",
    combine=READ,
    seam=_READER,
    per_db=True,
)
MAIL_FAILURES = Metric(
    "odoo_mail_failures",
    GAUGE,
    "Mails in state exception, by the kind of failure.",
    ("failure_type",),
    combine=READ,
    bounds={"failure_type": "values of mail.mail's failure_type; unknown"},
    seam=_READER,
    per_db=True,
)
BUS_MESSAGES = Metric(
    "odoo_bus_messages",
    GAUGE,
    "Messages in the bus's table.",
    combine=READ,
    seam=_READER,
    per_db=True,
)
QUEUE_JOBS = Metric(
    "odoo_queue_jobs",
    GAUGE,
    "Jobs of queue_job that are not done or cancelled.",
    ("state",),
    combine=READ,
    bounds={"state": "wait_dependencies, pending, enqueued, started, failed"},
    seam=_READER,
    per_db=True,
)
USERS_PRESENT = Metric(
    "odoo_users_present",
    GAUGE,
    "Users whose browser said within the last minutes that they are there.",
    ("status",),
    combine=READ,
    bounds={"status": "online, away"},
    seam=_READER,
    per_db=True,
)
MODULES_PENDING = Metric(
    "odoo_modules_pending",
    GAUGE,
    "Modules waiting for a change; while there are some, cron jobs do not run.",
    ("state",),
    combine=READ,
    bounds={"state": "to_install, to_upgrade, to_remove"},
    seam=_READER,
    per_db=True,
)
DATABASE_SIZE = Metric(
    "odoo_database_size_bytes",
    GAUGE,
    "Size of the database on disk, indexes included.",
    combine=READ,
    seam=_READER,
    per_db=True,
)
# Asked and counted by the addon smart_dairy_profiling.
_ADVISOR = "smart_dairy_profiling hooks.exporter"
DB_CONNECTIONS = Metric(
    "smart_dairy_db_connections",
    GAUGE,
    "Sessions of clients in this database.",
    ("state",),
    combine=READ,
    bounds={"state": "the states that PostgreSQL knows; unknown"},
    seam=_ADVISOR,
    per_db=True,
)
DB_TABLE_SIZE = Metric(
    "smart_dairy_db_table_size_bytes",
    GAUGE,
    "Size of a table on disk without its indexes.",
    ("table_name",),
    combine=READ,
    bounds={"table_name": "the 50 largest tables"},
    seam=_ADVISOR,
    per_db=True,
)
DB_MONITORED = Metric(
    "smart_dairy_db_monitored_query_seconds",
    HISTOGRAM,
    "Duration of the database advisor's own questions.",
    ("query_type",),
    buckets=QUERY_BUCKETS,
    bounds={"query_type": "names of questions in smart_dairy_profiling/database"},
    seam=_ADVISOR,
)
SESSIONS = Metric(
    "odoo_sessions",
    GAUGE,
    "Session files, those of visitors who never logged in included.",
    combine=READ,
    seam=_READER,
)
SELF_FIGURES_AGE = Metric(
    "smart_dairy_performance_figures_age_seconds",
    GAUGE,
    "Time since the reader last had an answer to a question; old answers vanish.",
    ("question",),
    combine=READ,
    bounds={"question": "names of questions in core.database_figures; sessions"},
    seam="core.figures",
    per_db=True,
)

# -- websockets ------------------------------------------------------------------

_WEBSOCKET = "hooks.websocket"
WEBSOCKET_CONNECTIONS = Metric(
    "odoo_websocket_connections",
    GAUGE,
    "Open websockets.",
    seam=_WEBSOCKET,
    per_db=True,
)
WEBSOCKET_OPENED = Metric(
    "odoo_websocket_opened_total",
    COUNTER,
    "Websockets opened.",
    seam=_WEBSOCKET,
    per_db=True,
)
WEBSOCKET_CLOSED = Metric(
    "odoo_websocket_closed_total",
    COUNTER,
    "Websockets closed, by the code given by whichever side closed first.",
    ("reason",),
    bounds={"reason": "Odoo's close codes; no_answer, other"},
    seam=_WEBSOCKET,
    per_db=True,
)
WEBSOCKET_MESSAGES = Metric(
    "odoo_websocket_messages_total",
    COUNTER,
    "Messages from clients, by what came of them.",
    ("outcome",),
    bounds={"outcome": _OUTCOME},
    seam=_WEBSOCKET,
    per_db=True,
)
WEBSOCKET_DURATION = Metric(
    "odoo_websocket_work_seconds",
    HISTOGRAM,
    "Time to serve a client's message, to pass on bus messages, to close.",
    ("work",),
    buckets=HTTP_BUCKETS,
    bounds={"work": "message, dispatch, close"},
    seam=_WEBSOCKET,
    per_db=True,
)

# -- workers -------------------------------------------------------------------

_KIND = "http, cron, gevent, exporter, names of other addons' worker classes"
_ROLE = "master, http, cron, gevent, exporter, server, other addons' workers"

WORKER_SPAWNS = Metric(
    "odoo_worker_spawns_total",
    COUNTER,
    "Processes that the prefork master started.",
    ("kind",),
    bounds={"kind": _KIND},
    seam="hooks.workers",
)
WORKER_EXITS = Metric(
    "odoo_worker_exits_total",
    COUNTER,
    "Processes of the master that ended, by what really happened.",
    ("kind", "reason"),
    bounds={"kind": _KIND, "reason": "the words of core.workers"},
    seam="hooks.workers",
)
WORKERS = Metric(
    "odoo_workers",
    GAUGE,
    "Living workers: busy with a connection or with cron jobs, or idle.",
    ("kind", "state"),
    bounds={"kind": _KIND, "state": "busy or idle"},
    seam="hooks.workers",
)
WORKERS_CONFIGURED = Metric(
    "odoo_workers_configured",
    GAUGE,
    "Workers that the master keeps alive.",
    ("kind",),
    combine=MAX,
    bounds={"kind": "http or cron"},
    seam="hooks.workers",
)
WORKER_AGE = Metric(
    "odoo_worker_age_seconds",
    GAUGE,
    "Age of the oldest living worker.",
    ("kind",),
    combine=AGE,
    bounds={"kind": _KIND},
    seam="hooks.workers",
)
WORKER_REQUESTS = Metric(
    "odoo_worker_requests",
    GAUGE,
    "Connections or databases that the living workers have served, as limit_request "
    "counts them.",
    ("kind",),
    bounds={"kind": _KIND},
    seam="hooks.workers",
)
WORKER_MEMORY_LIMIT = Metric(
    "odoo_worker_memory_limit_bytes",
    GAUGE,
    "limit_memory_soft and limit_memory_hard; they limit virtual memory, not resident.",
    ("limit",),
    combine=MAX,
    bounds={"limit": "soft or hard"},
    seam="hooks.process",
)
ACCEPT_QUEUE = Metric(
    "odoo_http_accept_queue_length",
    GAUGE,
    "Connections that wait for an HTTP worker, seen at most 4 seconds ago.",
    combine=MAX,
    seam="hooks.workers",
)
ACCEPT_LIMIT = Metric(
    "odoo_http_accept_queue_limit",
    GAUGE,
    "Connections that can wait for an HTTP worker; more are turned away.",
    combine=MAX,
    seam="hooks.workers",
)

# -- processes and host --------------------------------------------------------


def _process(name: str, help_: str) -> Metric:
    return Metric(
        f"odoo_process_{name}",
        GAUGE,
        help_,
        ("role",),
        combine=MAX,  # one reader writes the figures of all processes
        bounds={"role": _ROLE},
        seam="hooks.process",
    )


PROCESSES = Metric(
    "odoo_processes",
    GAUGE,
    "Living processes that measure.",
    ("role",),
    combine=MAX,
    bounds={"role": _ROLE},
    seam="hooks.process",
)
PROCESS_RESIDENT = _process(
    "resident_memory_bytes",
    "Physical memory of a role's processes; shared pages count in each of them. "
    "Odoo's limits do not apply to it.",
)
PROCESS_RESIDENT_MAX = _process(
    "resident_memory_bytes_max", "Physical memory of the largest process of a role."
)
PROCESS_VIRTUAL = _process(
    "virtual_memory_bytes", "Virtual memory of a role's processes."
)
PROCESS_VIRTUAL_MAX = _process(
    "virtual_memory_bytes_max",
    "Virtual memory of the largest process of a role: what limit_memory_soft and "
    "limit_memory_hard apply to.",
)
PROCESS_THREADS = _process("threads", "Threads of a role's processes.")
PROCESS_FDS = _process("open_fds", "Files and sockets open in a role's processes.")
PROCESS_FDS_MAX = _process(
    "open_fds_max", "Files and sockets open in the process of a role with the most."
)
PROCESS_FDS_LIMIT = _process(
    "max_fds", "Files and sockets that one process of a role may open."
)
PROCESS_CPU = Metric(
    "odoo_process_cpu_seconds_total",
    COUNTER,
    "Processor time, dead processes included; added when a request or job ends.",
    ("role",),
    bounds={"role": _ROLE},
    seam="hooks.process",
)
GC_SECONDS = Metric(
    "odoo_gc_pause_seconds_total",
    COUNTER,
    "Processor time in Python's garbage collector, everything else stands still.",
    ("generation",),
    bounds={"generation": "0 to 2"},
    seam="hooks.process",
)
GC_COLLECTIONS = Metric(
    "odoo_gc_collections_total",
    COUNTER,
    "Runs of Python's garbage collector.",
    ("generation",),
    bounds={"generation": "0 to 2"},
    seam="hooks.process",
)
HOST_CPU = Metric(
    "odoo_host_cpu_ratio",
    GAUGE,
    "Share of the host's processor time in use, the last seconds.",
    combine=MAX,
    seam="hooks.process",
)
HOST_LOAD = Metric(
    "odoo_host_load1",
    GAUGE,
    "Processes that run or wait to, averaged over a minute.",
    combine=MAX,
    seam="hooks.process",
)
HOST_MEMORY = Metric(
    "odoo_host_memory_bytes",
    GAUGE,
    "The host's memory.",
    ("state",),
    combine=MAX,
    bounds={"state": "total or available"},
    seam="hooks.process",
)
HOST_DISK = Metric(
    "odoo_host_disk_bytes",
    GAUGE,
    "The file system that holds data_dir.",
    ("state",),
    combine=MAX,
    bounds={"state": "total or available"},
    seam="hooks.process",
)

# -- connection pool -----------------------------------------------------------

POOL_CONNECTIONS = Metric(
    "smart_dairy_db_pool_connections",
    GAUGE,
    "Connections in the pools of all processes, and how many these may open.",
    ("state",),
    bounds={"state": "used, idle or max"},
    seam="hooks.pool",
)
POOL_WAIT = Metric(
    "odoo_db_pool_borrow_seconds",
    HISTOGRAM,
    "Time to get a connection from the pool, connecting included.",
    buckets=(0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0),
    seam="hooks.pool",
)
POOL_ERRORS = Metric(
    "odoo_db_pool_errors_total",
    COUNTER,
    "Connections that were not to be had: the pool was full, or PostgreSQL refused.",
    ("reason",),
    bounds={"reason": "full or connect"},
    seam="hooks.pool",
)
POOL_OPENED = Metric(
    "odoo_db_pool_connections_opened_total",
    COUNTER,
    "Connections opened to PostgreSQL.",
    seam="hooks.pool",
)

# -- caches and registries -----------------------------------------------------

_CACHE = "names of Odoo's caches"


def _cache(name: str, help_: str, type_: str = COUNTER) -> Metric:
    return Metric(
        f"odoo_ormcache_{name}",
        type_,
        help_,
        ("cache",),
        bounds={"cache": _CACHE},
        seam="hooks.caches",
        per_db=True,
    )


CACHE_HITS = _cache("hits_total", "Values found in a cache.")
CACHE_MISSES = _cache("misses_total", "Values not found in a cache and computed.")
CACHE_ERRORS = _cache("errors_total", "Lookups with a key that cannot be one.")
# No histogram: Odoo times misses itself and keeps their sum. A hit takes a microsecond:
# two looks at a clock would cost a tenth of it, hundreds of times a request.
CACHE_SECONDS = _cache(
    "generation_seconds_total",
    "Time to compute missing values; divided by the misses, the latency of a miss. A "
    "hit is a look into a dict, and not timed.",
)
CACHE_ENTRIES = _cache("entries", "Values in the caches of living processes.", GAUGE)
CACHE_CAPACITY = _cache(
    "capacity", "Values that the caches of living processes can hold.", GAUGE
)
CACHE_INVALIDATIONS = Metric(
    "odoo_ormcache_invalidations_total",
    COUNTER,
    "Caches cleared: by the process itself, or told by another process's signal.",
    ("cache", "origin"),
    bounds={"cache": _CACHE, "origin": "local or signal"},
    seam="hooks.caches",
    per_db=True,
)
REGISTRY_LOADS = Metric(
    "odoo_registry_loads_total",
    COUNTER,
    "Registries loaded: the first of a process, after another process's signal, or "
    "again for another reason (a module was installed).",
    ("reason", "status"),
    bounds={"reason": "first, signal or again", "status": "success or error"},
    seam="hooks.caches",
    per_db=True,
)
REGISTRY_LOAD = Metric(
    "odoo_registry_load_seconds",
    SUMMARY,
    "Time to load registries.",
    seam="hooks.caches",
    per_db=True,
)
REGISTRY_SETUP = Metric(
    "odoo_registry_setup_seconds",
    SUMMARY,
    "Time to set up models, in loads and after changes of models.",
    seam="hooks.caches",
    per_db=True,
)

# -- recompute and flush -------------------------------------------------------

ORM_RECOMPUTE = Metric(
    "odoo_orm_recompute_seconds_total",
    COUNTER,
    "Time to compute stored fields, without other models' in between.",
    ("model",),
    bounds={"model": _MODEL},
    seam="hooks.recompute",
    per_db=True,
)
ORM_FLUSH = Metric(
    "odoo_orm_flush_seconds_total",
    COUNTER,
    "Time to write pending changes to the database, without recomputing in between.",
    ("model",),
    bounds={"model": _MODEL},
    seam="hooks.recompute",
    per_db=True,
)

# -- browsers: what the collector sends ----------------------------------------

_VITAL = "LCP, INP, CLS, FCP, TTFB, FID, LOAD"
_PAGE = "route templates and, up to a cap, normalised paths; other"
_DEVICE = "desktop, mobile, tablet"
_INTAKE = "core.vitals_intake"
# The bounds of good and poor (data/thresholds.json) are bounds here, too.
VITALS_BUCKETS = (
    *(0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 1.8, 2.0, 2.5, 3.0, 4.0),
    *(6.0, 10.0, 20.0),
)
SHIFT_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 1.0)
BROWSER_BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
RENDER_BUCKETS = (0.001, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.5)

VITALS_SECONDS = Metric(
    "smart_dairy_web_vitals_seconds",
    HISTOGRAM,
    "Web Vitals of real visits that are times; LOAD is the end of the page's load.",
    ("metric", "page", "device"),
    buckets=VITALS_BUCKETS,
    bounds={"metric": _VITAL, "page": _PAGE, "device": _DEVICE},
    seam=_INTAKE,
    per_db=True,
)
VITALS_SHIFT = Metric(
    "smart_dairy_web_vitals_layout_shift",
    HISTOGRAM,
    "Cumulative Layout Shift of real visits.",
    ("page", "device"),
    buckets=SHIFT_BUCKETS,
    bounds={"page": _PAGE, "device": _DEVICE},
    seam=_INTAKE,
    per_db=True,
)
VITALS_TOTAL = Metric(
    "smart_dairy_web_vitals_total",
    COUNTER,
    "Web Vitals of real visits by their rating.",
    ("metric", "page", "device", "rating"),
    bounds={
        "metric": _VITAL,
        "page": _PAGE,
        "device": _DEVICE,
        "rating": "good, needs-improvement, poor",
    },
    seam=_INTAKE,
    per_db=True,
)


def _browser(name: str, help_: str) -> Metric:
    return Metric(
        f"smart_dairy_browser_{name}_seconds",
        HISTOGRAM,
        help_,
        ("page", "device"),
        buckets=BROWSER_BUCKETS,
        bounds={"page": _PAGE, "device": _DEVICE},
        seam=_INTAKE,
        per_db=True,
    )


LONG_TASKS = _browser("long_task", "Times that a browser's main thread was busy.")
SLOW_RESOURCES = _browser("slow_resource", "Resources that took more than 500 ms.")
CLIENT_ACTIONS = _browser("action", "Odoo's client actions, from click to screen.")
BROWSER_RPC = Metric(
    "smart_dairy_browser_rpc_seconds",
    HISTOGRAM,
    "Round trips of remote calls as browsers saw them.",
    ("model", "method"),
    buckets=BROWSER_BUCKETS,
    bounds={"model": _MODEL, "method": _METHOD},
    seam=_INTAKE,
    per_db=True,
)
REACT_RENDERS = Metric(
    "smart_dairy_react_render_seconds",
    HISTOGRAM,
    "Renders of profiled React components.",
    ("phase",),
    buckets=RENDER_BUCKETS,
    bounds={"phase": "mount, update, nested-update"},
    seam=_INTAKE,
    per_db=True,
)


def _component(name: str, description: str) -> Metric:
    return Metric(
        f"smart_dairy_react_component_{name}_total",
        COUNTER,
        description,
        ("component",),
        bounds={
            "component": "100 names of each database and process, then `other`",
        },
        seam=_INTAKE,
        per_db=True,
    )


REACT_COMPONENT_RENDERS = _component("renders", "Renders of a React component.")
REACT_COMPONENT_SLOW = _component(
    "slow_renders", "Renders of a React component over 16 ms."
)
REACT_COMPONENT_SECONDS = _component(
    "render_seconds", "Time that renders of a React component took."
)
BEACONS = Metric(
    "smart_dairy_web_vitals_beacons_total",
    COUNTER,
    "Beacons of browsers: taken, or why they were refused.",
    ("result",),
    bounds={
        "result": "accepted, bad_request, database, method, origin, size, throttled, "
        "type"
    },
    seam=_INTAKE,
)
VITALS_DROPPED = Metric(
    "smart_dairy_web_vitals_rows_dropped_total",
    COUNTER,
    "Beacons counted whose rows were dropped: the hour's budget is used up, or the "
    "spool is full or cannot be written.",
    seam=_INTAKE,
)

# -- Redis ---------------------------------------------------------------------

_OPERATION = "groups of Redis commands in core.redis_client"
CACHE_OPERATIONS = Metric(
    "smart_dairy_cache_operations_total",
    COUNTER,
    "Commands of instrumented Redis clients, and lookups of Odoo's ormcache.",
    ("operation", "result"),
    bounds={
        "operation": f"{_OPERATION}; ormcache",
        "result": "hit, miss, ok, error",
    },
    seam="core.redis_client, hooks.caches",
)
CACHE_LATENCY = Metric(
    "smart_dairy_cache_latency_seconds",
    HISTOGRAM,
    "Round trips to Redis; a pipeline is one. Of the ormcache only sums are known, see "
    "odoo_ormcache_generation_seconds_total.",
    ("operation",),
    buckets=CACHE_BUCKETS,
    bounds={"operation": _OPERATION},
    seam="core.redis_client",
)

# -- business: the specification's, fed by definitions in the menu -----------------

ORDERS = Metric(
    "smart_dairy_orders_total",
    COUNTER,
    "Orders that reached a status.",
    ("order_type", "payment_method", "status"),
    bounds={
        "order_type": "values of the mapped field, capped",
        "payment_method": "values of the mapped field, capped",
        "status": "values of the mapped field, capped",
    },
    seam="performance.metric",
    per_db=True,
)
ORDER_VALUE = Metric(
    "smart_dairy_order_value_bdt",
    HISTOGRAM,
    "Order value distribution in BDT.",
    buckets=(100.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0, 25000.0, 50000.0),
    seam="performance.metric",
    per_db=True,
)
MILK_PRODUCTION = Metric(
    "smart_dairy_milk_production_liters",
    GAUGE,
    "Milk production of the day in liters.",
    combine=LATEST,
    seam="performance.metric",
    per_db=True,
)
ACTIVE_SUBSCRIPTIONS = Metric(
    "smart_dairy_active_subscriptions",
    GAUGE,
    "Number of active subscriptions.",
    ("plan_type",),
    combine=LATEST,
    bounds={"plan_type": "values of the mapped field, capped"},
    seam="performance.metric",
    per_db=True,
)

# -- profiler: queries, findings, captures (addon smart_dairy_profiling) --------

N_PLUS_ONE = Metric(
    "smart_dairy_n_plus_one_findings",
    GAUGE,
    "Lines of code that ask for records one by one, by what was decided about them.",
    ("state",),
    combine=READ,
    bounds={"state": "open, ignored, fixed"},
    seam="smart_dairy_profiling hooks.findings",
    per_db=True,
)
PROFILING_FINDINGS = Metric(
    "smart_dairy_profiling_findings_total",
    COUNTER,
    "Findings of requests and jobs, the same line in each of them again.",
    ("kind",),
    bounds={"kind": "n_plus_one, slow_query, slow_code, memory"},
    seam="smart_dairy_profiling hooks.queries",
    per_db=True,
)
PROFILING_CAPTURES = Metric(
    "smart_dairy_profiling_captures_total",
    COUNTER,
    "Requests and jobs over their budget, by what became of their capture.",
    ("result",),
    bounds={"result": "kept, enough (its route has some of this hour), failed"},
    seam="smart_dairy_profiling hooks.queries",
    per_db=True,
)
PROFILING_SECONDS = Metric(
    "smart_dairy_profiling_recorder_seconds_total",
    COUNTER,
    "CPU time of the recorder of queries: ends of units (one in 8 timed), captures.",
    ("part",),
    bounds={"part": "end, capture"},
    seam="smart_dairy_profiling hooks.queries",
)

# -- the sampler ---------------------------------------------------------------

PROFILER_SAMPLES = Metric(
    "smart_dairy_profiling_samples_total",
    COUNTER,
    "Looks of the sampler at a running request or job.",
    seam=_SAMPLER,
)
PROFILER_DROPPED = Metric(
    "smart_dairy_profiling_samples_dropped_total",
    COUNTER,
    "Samples whose stack was cut off, or that found no room in the store.",
    ("reason",),
    bounds={"reason": "tree, store"},
    seam=_SAMPLER,
)
PROFILER_CPU = Metric(
    "smart_dairy_profiling_sampler_cpu_seconds_total",
    COUNTER,
    "CPU time of the samplers' own threads.",
    seam=_SAMPLER,
)
PROFILER_INTERVAL = Metric(
    "smart_dairy_profiling_sampler_interval_seconds",
    GAUGE,
    "Time between two looks of the process that looks least often; 0 while none does.",
    combine=MAX,
    seam=_SAMPLER,
)
PROFILER_STORE = Metric(
    "smart_dairy_profiling_store_bytes",
    GAUGE,
    "Size of what the samplers have kept.",
    combine=MAX,
    seam=_SAMPLER,
)

# -- the suite itself ----------------------------------------------------------

SELF_SECONDS = Metric(
    "smart_dairy_performance_hook_seconds_total",
    COUNTER,
    "Time in our own hooks; orm and sql are calls times a price measured at start.",
    ("hook",),
    bounds={"hook": "request, orm, sql"},
    seam="core.recorder",
)
SELF_ERRORS = Metric(
    "smart_dairy_performance_hook_errors_total",
    COUNTER,
    "Failures inside our own hooks; the user's request went on.",
    ("hook",),
    bounds={"hook": "names of hooks in code"},
    seam="core.guard",
)
SELF_SCRAPE = Metric(
    "smart_dairy_performance_scrape_duration_seconds",
    HISTOGRAM,
    "Time to read, merge and print all processes' numbers.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
    seam="core.scrape",
)
SELF_FILES = Metric(
    "smart_dairy_performance_store_files",
    GAUGE,
    "Files of the store: live, dead (waiting to be folded), skipped (unreadable).",
    ("state",),
    combine=MAX,
    bounds={"state": "live, dead, skipped"},
    seam="core.scrape",
)
SELF_FOLDED = Metric(
    "smart_dairy_performance_store_folded_total",
    COUNTER,
    "Files of dead processes folded into the archive.",
    seam="core.scrape",
)
SELF_DROPPED = Metric(
    "smart_dairy_performance_series_dropped_total",
    COUNTER,
    "New series beyond the cap; their numbers are counted under other.",
    ("metric",),
    bounds={"metric": "names of metrics"},
    seam="core.store",
)
SELF_UNLISTED = Metric(
    "smart_dairy_performance_records_dropped_total",
    COUNTER,
    "Records for the lists that found no room while waiting for the database.",
    ("kind",),
    bounds={"kind": "kinds of records in code"},
    seam="core.spool",
)
SELF_REFUSED = Metric(
    "smart_dairy_performance_refused_total",
    COUNTER,
    "Requests for metrics that were refused.",
    ("reason",),
    bounds={"reason": "token, network, throttled"},
    seam="core.access",
)
SELF_UP = Metric(
    "smart_dairy_performance_measuring",
    GAUGE,
    "1 while processes can write their numbers, 0 when measuring is off.",
    combine=MAX,
    seam="core.scrape",
)


def all_metrics() -> tuple[Metric, ...]:
    """Every metric declared here, by name."""
    found = {
        value.name: value for value in globals().values() if isinstance(value, Metric)
    }
    return tuple(found[name] for name in sorted(found))
