import { Component, onMounted, onPatched, onWillStart, useRef } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { cookie } from "@web/core/browser/cookie";
import { localization } from "@web/core/l10n/localization";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useSetupAction } from "@web/search/action_hook";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { useDashboardModel } from "./dashboard_model";
import { destinations } from "./destinations";
import { FactsPanel } from "./facts_panel/facts_panel";
import {
    formatAge,
    formatCount,
    formatMilliseconds,
    formatMoment,
    formatNumber,
    formatPerSecond,
    formatPercent,
    formatSeconds,
    formatShare,
    formatVital,
    isNumber,
} from "./formats";
import { Freshness } from "./freshness/freshness";
import { LineChart } from "./line_chart/line_chart";
import { RangePicker } from "./range_picker/range_picker";
import { Ranking } from "./ranking/ranking";
import {
    RATINGS,
    TARGETS,
    errorSentence,
    limitSentence,
    noticeSentence,
} from "./sentences";
import { SplitBar } from "./split_bar/split_bar";
import { SystemPanel } from "./system_panel/system_panel";
import { TargetTile } from "./target_tile/target_tile";
import { Verdict } from "./verdict/verdict";
import { VitalsPanel } from "./vitals_panel/vitals_panel";
import { WorkersPanel } from "./workers_panel/workers_panel";

const PATIENCE = 150; // ms until a skeleton is shown instead of waiting for figures
const OWN_RANGES = ["5m", "15m", "1h"]; // that a server knows by itself
const ADDONS = 6; // shown
const PAGES = 6;
const MEASURE = "smart_dairy_performance.refresh";
const SECONDS = {
    "5m": 300,
    "15m": 900,
    "1h": 3600,
    "6h": 21600,
    "24h": 86400,
    "7d": 604800,
};

/** What the admin opens every morning: a problem now? where? since when? what to do? */
export class Dashboard extends Component {
    static template = "smart_dairy_performance.Dashboard";
    static components = {
        FactsPanel,
        Freshness,
        Layout,
        LineChart,
        RangePicker,
        Ranking,
        SplitBar,
        SystemPanel,
        TargetTile,
        Verdict,
        VitalsPanel,
        WorkersPanel,
    };
    static props = { ...standardActionServiceProps };

    setup() {
        this.root = useRef("root");
        const { model, state } = useDashboardModel(this.props.state);
        this.model = model;
        this.state = state;
        this.direction = localization.direction;
        this.isDark = cookie.get("color_scheme") === "dark";
        this.display = { controlPanel: { layoutActions: true } };
        this.destinations = destinations;
        this.errorSentence = errorSentence;
        useSetupAction({
            rootRef: this.root,
            getLocalState: () => ({
                range: state.range,
                live: state.live,
                data: state.data,
            }),
        });
        onWillStart(() => {
            const patience = new Promise((resolve) =>
                browser.setTimeout(resolve, PATIENCE),
            );
            return Promise.race([model.start(), patience]);
        });
        onMounted(() => this.measureRefresh());
        onPatched(() => this.measureRefresh());
    }

    /** In the browser's timeline: from the question to the figures on the screen. */
    measureRefresh() {
        const { moment } = this.state;
        if (moment !== null && moment !== this.measured) {
            this.measured = moment;
            browser.requestAnimationFrame(() => {
                performance.clearMeasures(MEASURE);
                performance.measure(MEASURE, { start: moment, end: performance.now() });
            });
        }
    }

    get data() {
        return this.state.data;
    }

    get shownAt() {
        return formatMoment(this.data.timestamp, { seconds: true });
    }

    get notes() {
        return (this.data.notices || []).map(noticeSentence);
    }

    get knownRanges() {
        return this.data?.ranges || OWN_RANGES;
    }

    get tiles() {
        return (this.data.targets || []).filter(({ name }) => name in TARGETS);
    }

    get end() {
        return this.data.timestamp;
    }

    get seconds() {
        return SECONDS[this.data.range] || this.data.windowSeconds;
    }

    target(name) {
        const target = (this.data.targets || []).find((entry) => entry.name === name);
        return target
            ? { value: target.target, label: _t("target %s", limitSentence(target)) }
            : null;
    }

    get charts() {
        return [
            {
                name: "requests",
                title: _t("Requests"),
                term: "requests",
                lines: [
                    {
                        key: "requestsPerSecond",
                        label: _t("per second"),
                        format: formatPerSecond,
                        formatTick: formatNumber,
                    },
                ],
                target: null,
            },
            {
                name: "latency",
                title: _t("Response time"),
                term: "response-time",
                lines: [
                    {
                        key: "avgResponseTime",
                        label: _t("mean"),
                        format: formatMilliseconds,
                    },
                    {
                        key: "p95ResponseTime",
                        label: _t("p95"),
                        format: formatMilliseconds,
                        dashed: true,
                    },
                ],
                target: this.target("api_response_p95"),
            },
            {
                name: "errors",
                title: _t("Errors"),
                term: "error-rate",
                lines: [
                    {
                        key: "errorRate",
                        label: _t("of all requests"),
                        format: formatPercent,
                    },
                ],
                target: this.target("error_rate"),
            },
        ];
    }

    get timeColumns() {
        return [
            { key: "count", label: _t("Calls"), wide: true },
            { key: "avg", label: _t("Mean"), wide: true },
            { key: "p95", label: _t("p95") },
            { key: "share", label: _t("Time") },
        ];
    }

    timeCells({ count, avgTime, p95Time, share }) {
        return {
            count: formatCount(count),
            avg: formatMilliseconds(avgTime),
            p95: formatMilliseconds(p95Time),
            share: formatShare(share),
        };
    }

    get routes() {
        return (this.data.top?.routes || []).map((row) => ({
            key: `${row.method} ${row.route}`,
            prefix: row.method,
            name: row.route,
            code: true,
            share: row.share,
            destination: destinations.endpoints(row.route, row.method),
            cells: this.timeCells(row),
        }));
    }

    get methods() {
        return (this.data.top?.methods || this.data.top?.calls || []).map((row) => ({
            key: `${row.model}.${row.method}`,
            name: `${row.model}.${row.method}`,
            code: true,
            share: row.share,
            destination: destinations.methods(row.model, row.method),
            cells: this.timeCells(row),
        }));
    }

    get addons() {
        return (this.data.top?.addons || []).slice(0, ADDONS).map((row) => ({
            key: row.addon,
            name: row.addon,
            code: true,
            share: row.share,
            cells: {
                seconds: formatSeconds(row.totalSeconds),
                share: formatShare(row.share),
            },
        }));
    }

    get slow() {
        return (this.data.slow || []).map((row) => ({
            key: String(row.id),
            prefix: row.kind === "cron" ? _t("cron") : "",
            name: row.route,
            code: true,
            destination: destinations.slowRequest(row.id),
            cells: {
                started: formatMoment(row.started),
                seconds: formatSeconds(row.seconds),
                queries: formatCount(row.queries),
                sql: formatSeconds(row.sqlSeconds),
            },
        }));
    }

    /** Pages that are not good, the worst first. */
    get pages() {
        return (this.data.vitals || [])
            .filter(({ rating }) => rating in RATINGS && rating !== "good")
            .slice(0, PAGES)
            .map((row) => ({
                key: `${row.metric} ${row.page} ${row.device}`,
                prefix: row.metric,
                name: row.page,
                code: true,
                destination: destinations.vitals(row.page),
                cells: {
                    p75: formatVital(row.metric, row.p75),
                    rating: RATINGS[row.rating].word,
                },
                tones: { rating: RATINGS[row.rating].tone },
            }));
    }

    get cron() {
        return (this.data.cron || []).map((row) => ({
            key: row.name,
            name: row.name,
            destination: destinations.cronRuns(row.name),
            cells: {
                state: row.disabled
                    ? _t("disabled by Odoo")
                    : row.streak
                      ? _t("failing (%s in a row)", formatCount(row.streak))
                      : row.lagSeconds > 60
                        ? _t("%s late", formatAge(row.lagSeconds))
                        : _t("on time"),
                runs: formatCount(row.runs),
                seconds: formatSeconds(row.avgSeconds),
            },
            tones: {
                state:
                    row.disabled || row.streak
                        ? "bad"
                        : row.lagSeconds > 60
                          ? "warn"
                          : "good",
            },
        }));
    }

    get queues() {
        const queues = this.data.queues || {};
        const facts = [
            ["mailWaiting", _t("E-mails waiting"), formatCount],
            ["mailOldestSeconds", _t("Oldest e-mail waits for"), formatAge],
            ["mailFailed", _t("E-mails failed"), formatCount],
            ["mailScheduled", _t("E-mails scheduled"), formatCount],
            ["busMessages", _t("Bus messages"), formatCount],
            ["websockets", _t("Open websockets"), formatCount],
        ];
        const jobs = (queues.jobs || []).map(({ state, count }) => ({
            key: `job/${state}`,
            label: _t("Queue jobs: %s", state),
            items: [{ value: formatCount(count) }],
        }));
        return [
            ...facts
                .filter(([key]) => isNumber(queues[key]))
                .map(([key, label, format]) => ({
                    key,
                    label,
                    items: [{ value: format(queues[key]) }],
                    tone: key === "mailFailed" && queues[key] > 0 ? "warn" : "",
                })),
            ...jobs,
        ];
    }

    /** A metric with labels is one entry with several values. */
    get business() {
        const metrics = new Map();
        for (const { name, help, labels, value } of this.data.business || []) {
            if (!metrics.has(name)) {
                metrics.set(name, { key: name, label: help || name, items: [] });
            }
            metrics.get(name).items.push({
                label: Object.values(labels || {}).join(", "),
                value: formatNumber(value),
            });
        }
        return [...metrics.values()];
    }

    get texts() {
        return {
            routes: _t("Slowest addresses"),
            methods: _t("Slowest methods"),
            addons: _t("Most expensive addons"),
            slow: _t("Last slow requests"),
            pages: _t("Pages to look at"),
            page: _t("Page"),
            noPages: _t("Every page that was visited is good."),
            cron: _t("Scheduled actions"),
            queues: _t("Queues"),
            business: _t("Business"),
            address: _t("Address"),
            method: _t("Model and method"),
            addon: _t("Addon"),
            action: _t("Action"),
            noTraffic: _t("No request in this time. Open a few pages, and look again."),
            noMethods:
                this.data?.source === "prometheus"
                    ? _t(
                          "Prometheus is not asked for methods. The list has them by hour.",
                      )
                    : _t("No measured method ran in this time."),
            noSlow: _t("No request exceeded its budget lately. Nothing to do."),
            noCron: _t("No scheduled action ran in this time."),
            noQueues: _t(
                "Nothing is known about queues: the exporter looks at them every minute.",
            ),
            noBusiness: _t("No business metric has a value yet."),
            defineBusiness: _t("Define business metrics"),
        };
    }

    get addonColumns() {
        return [
            { key: "seconds", label: _t("Seconds") },
            { key: "share", label: _t("Time") },
        ];
    }

    get pageColumns() {
        return [
            { key: "p75", label: _t("p75") },
            { key: "rating", label: _t("Rating") },
        ];
    }

    get slowColumns() {
        return [
            { key: "started", label: _t("When") },
            { key: "queries", label: _t("Queries"), wide: true },
            { key: "sql", label: _t("SQL"), wide: true },
            { key: "seconds", label: _t("Took") },
        ];
    }

    get cronColumns() {
        return [
            { key: "runs", label: _t("Runs") },
            { key: "seconds", label: _t("Mean"), wide: true },
            { key: "state", label: _t("State") },
        ];
    }
}

registry
    .category("lazy_components")
    .add("smart_dairy_performance.Dashboard", Dashboard);
