import { _t } from "@web/core/l10n/translation";
import { destinations } from "./destinations";
import {
    formatAge,
    formatCount,
    formatInUnit,
    formatMoment,
    formatPercent,
    formatSeconds,
} from "./formats";

/*
 * The server sends codes; what is said about them is decided here. An unknown code (of a
 * newer server) is shown as it is.
 */

export const LEVELS = {
    healthy: { word: _t("Healthy"), icon: "fa-check-circle", tone: "good" },
    attention: {
        word: _t("Needs attention"),
        icon: "fa-exclamation-triangle",
        tone: "warn",
    },
    critical: { word: _t("Critical"), icon: "fa-times-circle", tone: "bad" },
    unknown: { word: _t("Unknown"), icon: "fa-question-circle", tone: "none" },
};

export const RATINGS = {
    good: { word: _t("good"), icon: "fa-check", tone: "good" },
    "needs-improvement": {
        word: _t("needs work"),
        icon: "fa-exclamation",
        tone: "warn",
    },
    poor: { word: _t("poor"), icon: "fa-times", tone: "bad" },
};

export const TARGETS = {
    page_load_p95: { title: _t("Page load"), short: _t("p95"), term: "page-load" },
    api_response_p95: {
        title: _t("API response"),
        short: _t("p95"),
        term: "api-response",
    },
    db_query_p90: {
        title: _t("Database query"),
        short: _t("p90"),
        term: "database-query",
    },
    error_rate: {
        title: _t("Error rate"),
        short: _t("of all requests"),
        term: "error-rate",
    },
    lighthouse_performance: {
        title: _t("Lighthouse"),
        short: _t("score of 100"),
        term: "lighthouse",
    },
};

export const RANGE_WORDS = {
    "5m": _t("5 min"),
    "15m": _t("15 min"),
    "1h": _t("1 h"),
    "6h": _t("6 h"),
    "24h": _t("24 h"),
    "7d": _t("7 days"),
};

export const PARTS = {
    queue: _t("Waiting"),
    match: _t("User and route"),
    python: _t("Python"),
    sql: _t("SQL"),
    flush: _t("Writing changes"),
    retry: _t("Retries"),
};

export const EXITS = {
    request_count: _t("served its number of requests"),
    memory: _t("reached its memory limit"),
    cpu_time: _t("exceeded its CPU time"),
    real_time: _t("exceeded its time limit"),
    age: _t("reached its age"),
    killed: _t("was killed"),
    crash: _t("crashed"),
    reload: _t("server reloaded"),
    stop: _t("server stopped"),
    parent_changed: _t("lost its parent"),
    other: _t("other reason"),
};

export const CHECKS = {
    database: _t("database"),
    redis: _t("Redis"),
    disk: _t("disk space"),
    registry: _t("registry"),
    cron: _t("scheduled actions"),
    filestore: _t("file store"),
    store: _t("measured data"),
};

const ERRORS = {
    network: _t("The server does not answer."),
    timeout: _t("The server takes too long to answer."),
    forbidden: _t(
        "Your session has ended, or you are no member of the Performance group.",
    ),
    server: _t("The server could not put the figures together."),
};

export const errorSentence = (kind) => ERRORS[kind] || ERRORS.network;

/** Why measuring is off, and how it is switched on. */
export function measuringSentence(reason) {
    switch (reason) {
        case "disabled":
            return _t(
                "It is switched off: set enabled = true in the section [smart_dairy_performance] of odoo.conf, and restart Odoo.",
            );
        case "store_failed":
            return _t(
                "Its files cannot be written: look for a full disk or missing rights in Odoo's data directory, and restart Odoo.",
            );
        default:
            return _t(
                "Odoo runs without its server, or has to be restarted: add smart_dairy_performance to server_wide_modules in odoo.conf, and restart Odoo.",
            );
    }
}

const REASONS = {
    no_traffic: _t("No request in this time."),
    no_queries: _t("No query in this time."),
    no_snapshot: _t("Nothing was recorded yet."),
    no_vitals: _t("No browser has reported yet."),
    no_lighthouse: _t("No run was imported yet."),
    database_silent: _t("The database did not tell."),
    first_reading: _t("Being measured."),
    unreadable: _t("Cannot be read."),
    failed: _t("Could not be computed; the log says why."),
};

/** Why there is no figure. */
export const reasonSentence = (reason) =>
    REASONS[reason] || _t("No data in this time.");

/** Why a figure is not judged: of how many samples it is, and how many it should be. */
export const fewSentence = ({ samples, least }) =>
    _t("Samples: %(samples)s; judged from %(least)s on.", {
        samples: formatCount(samples),
        least: formatCount(least),
    });

/** What should be known about the figures altogether. */
export function noticeSentence({ code, params = {} }) {
    switch (code) {
        case "only_seconds":
            return _t("Only the last %s are known so far.", formatAge(params.seconds));
        case "prometheus_silent":
            return _t(
                "Prometheus does not answer: these are this server's own figures.",
            );
        case "not_measuring":
            return _t("Nothing is measured in this process.");
        default:
            return code;
    }
}

const HOST = {
    cpu_usage: _t("The processor"),
    memory_usage: _t("The memory"),
    disk_usage: _t("The disk"),
};

const open = (label, destination) => ({ label, destination });

/** Where to look when a target is missed. */
export function adviceForTarget(name) {
    switch (name) {
        case "page_load_p95":
            return open(_t("See which pages are slow"), destinations.vitals());
        case "api_response_p95":
            return open(_t("See the slowest requests"), destinations.slowRequests());
        case "db_query_p90":
            return open(
                _t("See requests by their SQL time"),
                destinations.slowRequests(),
            );
        case "error_rate":
            return open(
                _t("See which addresses fail"),
                destinations.failingEndpoints(),
            );
        default:
            return open(
                _t("How to import a Lighthouse run"),
                destinations.manual("lighthouse"),
            );
    }
}

/**
 * What the verdict says about a cause.
 *
 * @returns {{text: string, advice: {label: string, destination: Object}|null}}
 */
export function causeSentence({ code, params = {} }) {
    switch (code) {
        case "target_missed": {
            const target = TARGETS[params.name];
            return {
                text: _t("%(title)s is %(value)s, the target is %(target)s.", {
                    title: target ? target.title : params.name,
                    value: formatInUnit(params.value, params.unit),
                    target: formatInUnit(params.target, params.unit),
                }),
                advice: adviceForTarget(params.name),
            };
        }
        case "check_failed":
            return {
                text: _t(
                    "The check of the %s fails.",
                    CHECKS[params.check] || params.check,
                ),
                advice: open(_t("See the health report"), destinations.health()),
            };
        case "workers_saturated":
            return {
                text: _t(
                    "%(busy)s of %(total)s workers are busy, the oldest request has run for %(age)s.",
                    {
                        busy: formatCount(params.busy),
                        total: formatCount(params.total),
                        age: formatSeconds(params.oldestSeconds),
                    },
                ),
                advice: open(
                    _t("See what keeps them busy"),
                    destinations.slowRequests(),
                ),
            };
        case "worker_deaths": {
            const values = {
                count: formatCount(params.count),
                reason: EXITS[params.reason] || params.reason,
            };
            return {
                text:
                    params.count === 1
                        ? _t("A worker %(reason)s.", values)
                        : _t("%(count)s times a worker %(reason)s.", values),
                advice: open(
                    _t("See the slowest requests"),
                    destinations.slowRequests(),
                ),
            };
        }
        case "cron_failing":
            return {
                text: _t(
                    "The scheduled action %(name)s has failed %(count)s times in a row.",
                    {
                        name: params.name,
                        count: formatCount(params.streak),
                    },
                ),
                advice: open(_t("See its runs"), destinations.cronRuns(params.name)),
            };
        case "cron_disabled":
            return {
                text: _t("Odoo has disabled the scheduled action %s.", params.name),
                advice: open(_t("See its runs"), destinations.cronRuns(params.name)),
            };
        case "cron_late":
            return {
                text: _t("The scheduled action %(name)s is %(age)s late.", {
                    name: params.name,
                    age: formatAge(params.seconds),
                }),
                advice: open(_t("See its runs"), destinations.cronRuns(params.name)),
            };
        case "mail_stuck":
            return {
                text: _t("%(count)s e-mails wait, the oldest for %(age)s.", {
                    count: formatCount(params.waiting),
                    age: formatAge(params.oldestSeconds),
                }),
                advice: open(_t("See the e-mails"), destinations.mails()),
            };
        case "mail_failing":
            return {
                text: _t("%s e-mails could not be sent.", formatCount(params.count)),
                advice: open(_t("See the e-mails"), destinations.mails()),
            };
        case "host_busy":
            return {
                text: _t("%(what)s of the machine is at %(value)s.", {
                    what: HOST[params.name] || params.name,
                    value: formatPercent(params.value),
                }),
                advice: open(_t("What to do"), destinations.manual("machine")),
            };
        case "snapshots_stale":
            return {
                text: _t("The last snapshot is %s old.", formatAge(params.seconds)),
                advice: open(
                    _t("What this means"),
                    destinations.manual("measuring-is-off"),
                ),
            };
        case "series_dropped":
            return {
                text: _t(
                    "Some figures are put together as “other”: a metric has too many labels.",
                ),
                advice: open(
                    _t("What this means"),
                    destinations.manual("too-many-labels"),
                ),
            };
        case "measuring_off":
            return {
                text: _t("Nothing is measured. %s", measuringSentence(params.reason)),
                advice: open(
                    _t("How to switch it on"),
                    destinations.manual("measuring-is-off"),
                ),
            };
        default:
            return { text: code, advice: null };
    }
}

export function sinceSentence(unix) {
    return unix
        ? _t("since %(moment)s (%(age)s)", {
              moment: formatMoment(unix),
              age: formatAge(Math.max(0, Date.now() / 1000 - unix)),
          })
        : "";
}

/** How a figure compares to the time before; null when there is nothing to say. */
export function trendSentence({ trend, value, previous, unit }) {
    switch (trend) {
        case "better":
        case "worse": {
            const up = value > previous;
            return {
                icon: up ? "fa-arrow-up" : "fa-arrow-down",
                tone: trend === "better" ? "good" : "bad",
                text:
                    trend === "better"
                        ? _t("better than %s before", formatInUnit(previous, unit))
                        : _t("worse than %s before", formatInUnit(previous, unit)),
            };
        }
        case "steady":
            return { icon: "fa-arrows-h", tone: "none", text: _t("as before") };
        default:
            return null;
    }
}

/** A target's limit, as "< 200 ms". */
export const limitSentence = ({ compare, target, unit }) =>
    `${compare} ${formatInUnit(target, unit)}`;
