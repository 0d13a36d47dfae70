import {
    markRaw,
    onWillUnmount,
    reactive,
    useExternalListener,
    useState,
} from "@odoo/owl";
import { browser } from "@web/core/browser/browser";

export const ADDRESS = "/api/v1/performance/dashboard";
export const RANGES = ["5m", "15m", "1h", "6h", "24h", "7d"];
export const DEFAULT_RANGE = "15m";

// Milliseconds.
const INTERVAL = 10_000;
const LIVE_INTERVAL = 2_000;
const STALE = 25_000; // two refreshes were missed
const LIVE_STALE = 3_000;
const TIMEOUT = 10_000;
const LONGEST_WAIT = 30_000; // between attempts while the server does not answer
const TICK = 500;

/**
 * The figures on the dashboard, and how they are kept fresh.
 *
 * Asks every 10 s, in live mode every 2 s, and not at all while nobody can see it. One
 * question at a time; the answer to an outdated one is dropped. A failed attempt leaves
 * the figures as they are, and is repeated at growing distances.
 *
 * state.data: the last answer, null before the first
 * state.error: null, or "network", "timeout", "forbidden", "server"
 * state.stale: the figures are older than the mode promises
 * state.waiting: for the figures of another range
 * state.moment: when the figures were asked for, by browser.performance's clock
 */
export class DashboardModel {
    constructor({ range = DEFAULT_RANGE, live = false, data = null } = {}) {
        this.state = reactive({
            data: data && markRaw(data),
            range,
            live,
            error: null,
            stale: Boolean(data),
            waiting: false,
            moment: null,
        });
        this.failures = 0;
        this.asked = -Infinity;
        this.stopped = false;
    }

    get interval() {
        const interval = this.state.live ? LIVE_INTERVAL : INTERVAL;
        return Math.min(
            interval * 2 ** this.failures,
            Math.max(interval, LONGEST_WAIT),
        );
    }

    start() {
        this.ticker = browser.setInterval(() => this.judgeAge(), TICK);
        return this.refresh();
    }

    stop() {
        this.stopped = true;
        browser.clearInterval(this.ticker);
        browser.clearTimeout(this.timer);
        this.request?.abort();
    }

    onVisibilityChange() {
        if (document.hidden) {
            browser.clearTimeout(this.timer);
        } else {
            this.refresh();
        }
    }

    setRange(range) {
        if (range !== this.state.range) {
            this.state.range = range;
            this.state.waiting = true;
            this.refresh();
        }
    }

    setLive(live) {
        this.state.live = live;
        this.failures = 0;
        this.refresh();
    }

    /** Seconds since the figures were asked for. */
    age() {
        return (performance.now() - this.state.moment) / 1000;
    }

    judgeAge() {
        const limit = this.state.live ? LIVE_STALE : STALE;
        this.state.stale =
            this.state.data !== null &&
            (this.state.moment === null || this.age() * 1000 > limit);
    }

    async refresh() {
        if (this.stopped) {
            return;
        }
        this.request?.abort();
        browser.clearTimeout(this.timer);
        const request = (this.request = new AbortController());
        this.asked = performance.now();
        try {
            const data = await this.ask(request);
            if (request === this.request && !this.stopped) {
                this.show(data);
            }
        } catch (error) {
            if (request === this.request && !this.stopped) {
                this.failures = Math.min(this.failures + 1, 5);
                this.state.error = error.kind || "network";
            }
        }
        if (request === this.request) {
            this.request = null;
            this.state.waiting = false;
            this.schedule();
        }
    }

    async ask(request) {
        let late = false;
        const timeout = browser.setTimeout(() => {
            late = true;
            request.abort();
        }, TIMEOUT);
        try {
            const answer = await browser.fetch(
                `${ADDRESS}?range=${encodeURIComponent(this.state.range)}`,
                {
                    signal: request.signal,
                    cache: "no-store",
                    credentials: "same-origin",
                },
            );
            if (!answer.ok) {
                const refused = answer.status === 401 || answer.status === 403;
                throw Object.assign(new Error(`HTTP ${answer.status}`), {
                    kind: refused ? "forbidden" : "server",
                });
            }
            return await answer.json();
        } catch (error) {
            throw late ? Object.assign(error, { kind: "timeout" }) : error;
        } finally {
            browser.clearTimeout(timeout);
        }
    }

    show(data) {
        this.failures = 0;
        Object.assign(this.state, {
            data: markRaw(data),
            error: null,
            stale: false,
            moment: this.asked,
        });
    }

    schedule() {
        if (!this.stopped && !document.hidden) {
            const due = this.asked + this.interval - performance.now();
            this.timer = browser.setTimeout(() => this.refresh(), Math.max(due, 0));
        }
    }
}

/** A model that lives as long as the component. */
export function useDashboardModel(params) {
    const model = new DashboardModel(params);
    useExternalListener(document, "visibilitychange", () => model.onVisibilityChange());
    onWillUnmount(() => model.stop());
    return { model, state: useState(model.state) };
}
