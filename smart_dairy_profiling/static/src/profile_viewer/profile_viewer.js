import {
    Component,
    onWillStart,
    onWillUnmount,
    onWillUpdateProps,
    useState,
} from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { formatDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatFloat } from "@web/core/utils/numbers";
import { FlameGraph, NARROWEST } from "./flame_graph";
import { differenceTree, timelineTree, tree } from "./trees";

export const VIEWER = "performance.profile.viewer";
const REFRESH = 3000; // ms, while a profile runs
const SHORTEST = 0.001; // seconds of a timeline
const { DateTime } = luxon;

export const percent = (share) => `${formatFloat(100 * share, { digits: [0, 1] })} %`;
export const seconds = (value) =>
    value >= 1
        ? _t("%s s", formatFloat(value, { digits: [0, 2] }))
        : _t("%s ms", formatFloat(1000 * value, { digits: [0, 1] }));

function place(frame) {
    const [, file, line] = frame;
    return file && line ? `${file}:${line}` : file;
}

/** A profile, a capture, what was sampled, or two that are compared. */
export class ProfileViewer extends Component {
    static template = "smart_dairy_profiling.Viewer";
    static components = { FlameGraph };
    static props = { source: Object, running: { type: Boolean, optional: true } };

    setup() {
        this.orm = useService("orm");
        this.state = useState({
            data: null,
            error: "",
            tab: "graph",
            weight: "wall",
            inverted: true,
            search: "",
            found: null,
            share: 0,
            hint: "",
            resets: 0,
            range: null,
            table: "function",
            rows: null,
            changes: null,
        });
        this.trees = {};
        onWillStart(() => this.load(this.props));
        onWillUpdateProps((next) => {
            const same =
                JSON.stringify(next.source) === JSON.stringify(this.props.source);
            if (!same || next.running !== this.props.running) {
                return this.load(next);
            }
        });
        onWillUnmount(() => browser.clearTimeout(this.timer));
    }

    async load({ source }) {
        browser.clearTimeout(this.timer);
        this.source = source;
        let data;
        try {
            data = await this.orm.silent.call(VIEWER, "open_source", [source]);
        } catch (error) {
            this.state.error = error.data?.message || _t("This cannot be read now.");
            this.state.data = null;
            return;
        }
        if (source !== this.source) {
            return; // another one is asked for meanwhile
        }
        this.trees = {};
        Object.assign(this.state, { data, error: "", rows: null, changes: null });
        if (!this.tabs.some(({ key }) => key === this.state.tab)) {
            this.state.tab = "graph";
        }
        if (this.state.tab !== "graph") {
            await this.fill();
        }
        if (data.running) {
            this.timer = browser.setTimeout(() => this.load({ source }), REFRESH);
        }
    }

    // -- what is shown ---------------------------------------------------------

    get compares() {
        return "before" in this.props.source;
    }

    get tabs() {
        const { data } = this.state;
        const tabs = [{ key: "graph", label: _t("Graph") }];
        if (data?.graph.timeline.length) {
            tabs.push({ key: "timeline", label: _t("Timeline") });
        }
        if (this.compares) {
            tabs.push({ key: "changes", label: _t("What Changed") });
        } else {
            tabs.push({ key: "table", label: _t("Time By") });
        }
        if (data?.sql) {
            tabs.push({ key: "sql", label: _t("SQL") });
            tabs.push({ key: "findings", label: _t("N+1 and Findings") });
        }
        if (data && ("growth" in data || data.memory !== undefined)) {
            tabs.push({ key: "memory", label: _t("Memory") });
        }
        return tabs;
    }

    get tables() {
        return [
            { key: "addon", label: _t("Addon") },
            { key: "method", label: _t("Model and method") },
            { key: "function", label: _t("Function") },
            { key: "line", label: _t("Line") },
        ];
    }

    get isEmpty() {
        return !this.state.data.graph.parents.length;
    }

    get summary() {
        const { about, units } = this.state.data;
        if (this.compares) {
            const told = (one) =>
                _t("%(label)s at %(when)s (%(samples)s samples)", {
                    label: one.label || one.kind || _t("several"),
                    when: this.moment(one.started),
                    samples: one.samples,
                });
            return _t("Before: %(before)s. After: %(after)s.", {
                before: told(about.before),
                after: told(about.after),
            });
        }
        const parts = [
            _t("%s requests or jobs", units ?? about.units),
            _t("%s samples", about.samples),
            _t("%s wall", seconds(about.wall)),
            _t("%s CPU", seconds(about.cpu)),
        ];
        if (about.interval) {
            parts.push(_t("one each %s", seconds(about.interval)));
        }
        if (about.cut) {
            parts.push(_t("%s found no room, and are shown as (other)", about.cut));
        }
        return parts.join(" · ");
    }

    get drawing() {
        const { data, weight, tab, range } = this.state;
        const timeline = tab === "timeline";
        const key = `${tab} ${weight} ${range}`;
        if (!(key in this.trees)) {
            const all = _t("All");
            if (timeline) {
                const [from, to] = range || [0, this.length];
                this.trees[key] = timelineTree(
                    data.graph,
                    from,
                    to,
                    this.length,
                    all,
                    // A column is wide enough to be drawn.
                    Math.max(60, Math.floor(browser.innerWidth / (2 * NARROWEST))),
                );
            } else if (this.compares) {
                this.trees[key] = differenceTree(data.graph, weight, all);
            } else {
                this.trees[key] = tree(data.graph, weight, all);
            }
        }
        return this.trees[key];
    }

    /** Seconds of the timeline. */
    get length() {
        return this.state.data.seconds || this.state.data.about.seconds || SHORTEST;
    }

    label(data, root) {
        const parts = [data.name];
        if (data.frame) {
            parts.push(place(data.frame));
            if (data.frame[4]) {
                parts.push(data.frame[4]);
            }
        }
        if (data.after !== undefined) {
            parts.push(
                _t("%(before)s before, %(after)s after (%(change)s)", {
                    before: percent(data.before),
                    after: percent(data.after),
                    change: signed(data.after - data.before),
                }),
            );
        } else if (data.value !== undefined && !("after" in data) && root.value) {
            const share = percent(data.value / root.value);
            parts.push(`${share}, ${seconds(data.value)}`);
            if (data.own > 0) {
                parts.push(_t("%s itself", seconds(data.own)));
            }
            if (data.start !== undefined) {
                parts.push(_t("from %s on", seconds(data.start)));
            }
            if (data.computing !== undefined) {
                parts.push(_t("%s computing", percent(data.computing / data.value)));
            }
        }
        return parts.filter(Boolean).join(" · ");
    }

    get boundLabel() {
        this._label ||= (data, root) => this.label(data, root);
        return this._label;
    }

    get found() {
        const { found, share } = this.state;
        return found === null
            ? ""
            : _t("%(count)s found, %(share)s of the time", {
                  count: found,
                  share: percent(share),
              });
    }

    moment(unix) {
        return unix ? formatDateTime(DateTime.fromSeconds(unix)) : "";
    }

    seconds(value) {
        return seconds(value);
    }

    percent(share) {
        return percent(share);
    }

    signed(share) {
        return signed(share);
    }

    megabytes(bytes) {
        return _t("%s MB", formatFloat(bytes / 1048576, { digits: [0, 1] }));
    }

    get rows() {
        const cpu = this.state.weight === "cpu";
        const { about } = this.state.data;
        const whole = cpu ? about.cpu : about.wall;
        return (this.state.rows || [])
            .map(([name, ownWall, wall, ownCpu, onCpu, samples]) => {
                const [own, total] = cpu ? [ownCpu, onCpu] : [ownWall, wall];
                return { name, own, total, samples, share: whole ? own / whole : 0 };
            })
            .filter(({ total }) => total > 0)
            .sort((a, b) => b.own - a.own || b.total - a.total);
    }

    get changes() {
        return (this.state.changes?.[this.state.weight] || []).map(
            ([name, before, after]) => ({
                name,
                before,
                after,
                change: after - before,
            }),
        );
    }

    // -- what is done ----------------------------------------------------------

    async choose(tab) {
        Object.assign(this.state, { tab, hint: "", found: null, range: null });
        await this.fill();
    }

    async fill() {
        const { tab, table } = this.state;
        const { source } = this;
        if (tab === "table" && !this.state.rows) {
            const rows = await this.orm.call(VIEWER, "read_table", [source, table]);
            if (source === this.source && table === this.state.table) {
                this.state.rows = rows;
            }
        }
        if (tab === "changes" && !this.state.changes) {
            this.state.changes = await this.orm.call(VIEWER, "read_changes", [source]);
        }
    }

    async chooseTable(table) {
        Object.assign(this.state, { table, rows: null });
        await this.fill();
    }

    onTabKeydown(ev) {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[ev.key];
        if (step) {
            const keys = this.tabs.map(({ key }) => key);
            const at = keys.indexOf(this.state.tab) + step;
            const key = keys[(at + keys.length) % keys.length];
            this.choose(key);
            ev.currentTarget.querySelector(`[data-tab=${key}]`).focus();
        }
    }

    onHint(text) {
        this.state.hint = text;
    }

    onFound(found, share) {
        Object.assign(this.state, { found, share });
    }

    onZoom(node) {
        if (
            this.state.tab === "timeline" &&
            node.start !== undefined &&
            node.value > SHORTEST
        ) {
            this.state.range = [node.start, node.start + node.value];
        }
    }

    reset() {
        this.state.range = null;
        this.state.resets += 1;
    }
}

function signed(share) {
    const sign = share > 0 ? "▲ +" : share < 0 ? "▼ −" : "";
    return `${sign}${percent(Math.abs(share))}`;
}

export class Comparison extends Component {
    static template = "smart_dairy_profiling.Comparison";
    static components = { ProfileViewer };
    static props = { source: { type: [Object, { value: null }], optional: true } };
}

registry.category("lazy_components").add("smart_dairy_profiling.Viewer", ProfileViewer);
registry
    .category("lazy_components")
    .add("smart_dairy_profiling.Comparison", Comparison);
