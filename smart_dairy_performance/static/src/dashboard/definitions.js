import { _t } from "@web/core/l10n/translation";

const DOCS =
    "https://github.com/smart-dairy/smart-dairy-performance/blob/main/docs/dashboard.md";

/** Where the manual explains a term. */
export const manual = (term) => `${DOCS}#${term}`;

/** What each figure means; the keys are the headings of docs/dashboard.md. */
export const DEFINITIONS = {
    "page-load": _t(
        "How long browsers of real visitors took to load a whole page. 95 of 100 loads were faster than this.",
    ),
    "api-response": _t(
        "How long the server took to answer a request, without static files, websockets and the monitoring itself. 95 of 100 requests were faster than this.",
    ),
    "database-query": _t(
        "How long PostgreSQL took for a query of Odoo. 90 of 100 queries were faster than this.",
    ),
    "error-rate": _t(
        "Share of requests that the server failed. Refusals that Odoo means, such as a validation message, are no errors.",
    ),
    lighthouse: _t("Performance score, of 100, of the last imported Lighthouse run."),
    requests: _t("Requests that the server answered in a second, over all workers."),
    "response-time": _t(
        "Mean time, and the time within which 95 of 100 requests were answered.",
    ),
    "what-requests-spend-time-on": _t(
        "What requests spent their time on: waiting for a free worker, finding user and route, Python code, SQL queries, writing changes to the database, and repeating a transaction after a conflict.",
    ),
    workers: _t(
        "Worker processes that serve HTTP. When all are busy, further requests wait in the queue.",
    ),
    "slowest-addresses": _t(
        "Addresses by the time spent on them altogether. The share is of the time of all requests.",
    ),
    "slowest-methods": _t(
        "Methods of models by the time spent in them, without that of other measured methods that they call.",
    ),
    "most-expensive-addons": _t(
        "Whose code takes the time, by the addon that defines it.",
    ),
    "last-slow-requests": _t("The last requests that took longer than their budget."),
    "scheduled-actions": _t(
        "Scheduled actions, those in trouble first. Late is how long a job is overdue; the streak is how many runs failed in a row.",
    ),
    queues: _t("What waits to be done in the background."),
    "what-visitors-feel": _t(
        "What real visitors experience, as their browsers measured it. Rated at the 75th percentile: three of four visits were better.",
    ),
    machine: _t("Load of the machine that Odoo runs on."),
    business: _t(
        "Figures of your business, defined in Configuration > Business Metrics.",
    ),
};
