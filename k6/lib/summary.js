/** What a run has found: JSON for programs, text for the terminal, HTML to show. */
import {THINK_SCALE, TIME_SCALE, VU_SCALE} from "./environment.js";
import {page} from "./html.js";
import {judged} from "./thresholds.js";

/** @typedef {[string, string][]} Rows names and figures */

/**
 * The files of `handleSummary`; none when nothing ran, which setup() has explained.
 * @param {any} data
 * @param {string} profile
 * @param {Record<string, any>} scenarios
 */
export function summary(data, profile, scenarios) {
    if (!data.metrics.iterations) {
        return {};
    }
    const ended = Date.now() / 1000;
    const thought = data.metrics.think_time;
    const targets = judged(data.metrics);
    data.profile = {
        name: profile,
        time_scale: TIME_SCALE,
        think_scale: THINK_SCALE,
        vu_scale: VU_SCALE,
        scenarios,
        think_time_s: thought ? thought.values.avg / 1000 : null,
        started: data.setup_data ? data.setup_data.started : null,
        ended,
        targets,
    };
    const rows = figures(data.metrics);
    const text = lines(profile, rows, targets);
    /** @type {Record<string, string>} */
    const outputs = {stdout: text};
    const path = __ENV.SUMMARY;
    if (path) {
        const stem = path.replace(/\.json$/, "");
        outputs[`${stem}.json`] = JSON.stringify(data, null, 1);
        outputs[`${stem}.txt`] = text;
        outputs[`${stem}.html`] = page(profile, rows, trends(data.metrics), targets);
    }
    return outputs;
}

/**
 * The figures that say how a run went.
 * @param {Record<string, any>} metrics
 * @returns {Rows}
 */
function figures(metrics) {
    const {http_reqs: requests, iterations, dropped_iterations: dropped, checks, errors} = metrics;
    /** @type {Rows} */
    const rows = [
        ["requests", `${requests.values.count} (${requests.values.rate.toFixed(1)}/s)`],
        ["journeys", String(iterations.values.count)],
        ["not sent", String(dropped ? dropped.values.count : 0)],
    ];
    if (errors) {
        // Of a Rate, "passes" are the values that are not 0: here the errors.
        const {rate, passes, fails} = errors.values;
        rows.push(["errors", `${percent(rate)} (${passes} of ${passes + fails} steps)`]);
    }
    if (checks) {
        rows.push(["checks", `${checks.values.passes} passed, ${checks.values.fails} failed`]);
    }
    return rows;
}

/**
 * The durations: name, count, median, p90, p95, p99, maximum.
 * @param {Record<string, any>} metrics
 */
function trends(metrics) {
    return Object.entries(metrics)
        .filter(([, metric]) => metric.type === "trend" && metric.values.count)
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([name, {values, contains}]) => [
            name,
            String(values.count),
            ...["med", "p(90)", "p(95)", "p(99)", "max"].map((stat) =>
                contains === "time" ? milliseconds(values[stat]) : values[stat].toPrecision(3),
            ),
        ]);
}

/**
 * @param {string} profile
 * @param {Rows} rows
 * @param {ReturnType<typeof judged>} targets
 */
function lines(profile, rows, targets) {
    const missed = targets.filter(({met}) => !met);
    const all = [
        ["profile", profile],
        ...rows,
        ["targets", `${targets.length - missed.length} of ${targets.length} met`],
        ...missed.map(({metric, expression}) => ["  not met", `${metric} ${expression}`]),
    ];
    return all.map(([name, figure]) => `k6  ${name.padEnd(10)}${figure}\n`).join("");
}

/** @param {number} value */
function milliseconds(value) {
    return value < 10 ? `${value.toFixed(1)} ms` : `${value.toFixed(0)} ms`;
}

/** @param {number} rate */
function percent(rate) {
    return `${(rate * 100).toFixed(2)} %`;
}
