/**
 * Load profiles. baseline, load and stress are the milestone's, to the second; `full` is
 * the three of them one after the other, as it has them in one script.
 *
 * Where the milestone fixes a number of users, they wait for their answers before they go
 * on: when the server slows down, so do they. The others send at a given rate whatever the
 * server does, so that the time a request waited to be sent is not left out (coordinated
 * omission); what could not be sent is in `dropped_iterations`.
 */
import {lasting, scaled, users} from "./environment.js";
import {breaking, LOAD, normal} from "./thresholds.js";

/** @typedef {import("k6/options").Scenario} Scenario */
/** @typedef {Record<string, import("k6/options").Threshold[]>} Thresholds */
/**
 * @typedef {object} Profile
 * @property {() => Record<string, Scenario>} scenarios
 * @property {() => Thresholds} thresholds
 */

const NO_MISTAKE = {script_errors: ["count==0"]};

/**
 * @param {string} startTime
 * @returns {Scenario}
 */
function baseline(startTime) {
    return {
        executor: "constant-vus",
        exec: "specified",
        vus: users(LOAD.baseline_users.value),
        duration: lasting("5m"),
        gracefulStop: scaled("30s"),
        startTime: scaled(startTime),
    };
}

/**
 * @param {string} startTime
 * @returns {Scenario}
 */
function loadTest(startTime) {
    const peak = LOAD.load_users.value;
    return ramping(startTime, [
        ["2m", peak / 2],
        ["5m", peak / 2],
        ["2m", peak],
        ["5m", peak],
        ["2m", 0],
    ]);
}

/**
 * @param {string} startTime
 * @returns {Scenario}
 */
function stressTest(startTime) {
    const peak = LOAD.stress_users.value;
    return ramping(startTime, [
        ["2m", peak / 5],
        ["5m", (peak * 2) / 5],
        ["2m", (peak * 3) / 5],
        ["5m", (peak * 4) / 5],
        ["2m", peak],
        ["5m", peak],
        ["5m", 0],
    ]);
}

/**
 * @param {string} startTime
 * @param {[string, number][]} stages
 * @param {string} [exec]
 * @returns {Scenario}
 */
function ramping(startTime, stages, exec = "specified") {
    return {
        executor: "ramping-vus",
        exec,
        startVUs: 0,
        stages: stages.map(([duration, target]) => ({
            duration: scaled(duration),
            target: target && users(target),
        })),
        gracefulRampDown: scaled("30s"),
        gracefulStop: scaled("30s"),
        startTime: scaled(startTime),
    };
}

/**
 * @param {number} rate journeys a second
 * @param {string} duration
 * @returns {Scenario}
 */
function steady(rate, duration) {
    return {
        executor: "constant-arrival-rate",
        exec: "mixed",
        // Rates are whole numbers: a minute's, so that they can be scaled down.
        rate: users(rate * 60),
        timeUnit: "1m",
        duration: lasting(duration),
        preAllocatedVUs: users(10 * rate),
        maxVUs: users(100 * rate),
        gracefulStop: scaled("30s"),
    };
}

/**
 * @param {number} startRate journeys a second
 * @param {[string, number][]} stages
 * @returns {Scenario}
 */
function arriving(startRate, stages) {
    const peak = Math.max(...stages.map(([, rate]) => rate));
    return {
        executor: "ramping-arrival-rate",
        exec: "mixed",
        startRate: users(startRate * 60),
        timeUnit: "1m",
        stages: stages.map(([duration, rate]) => ({
            duration: scaled(duration),
            target: users(rate * 60),
        })),
        preAllocatedVUs: users(10 * peak),
        maxVUs: users(50 * peak),
        gracefulStop: scaled("30s"),
    };
}

/** @type {Scenario} */
const EACH = {
    executor: "per-vu-iterations",
    exec: "each",
    vus: 1,
    iterations: 1,
    maxDuration: "5m",
};

/** @type {Record<string, Profile>} */
const PROFILES = {
    // Each journey once: does everything work?
    each: {
        scenarios: () => ({each: EACH}),
        thresholds: () => ({checks: ["rate==1"]}),
    },
    // The same, then a light mix: a minute.
    smoke: {
        scenarios: () => ({
            each: EACH,
            mix: {...steady(1, "40s"), startTime: scaled("20s")},
        }),
        thresholds: () => normal(["mix"]),
    },
    baseline: {
        scenarios: () => ({baseline: baseline("0s")}),
        thresholds: () => normal(["baseline"]),
    },
    load: {
        scenarios: () => ({load_test: loadTest("0s")}),
        thresholds: () => normal(["load_test"]),
    },
    stress: {
        scenarios: () => ({stress_test: stressTest("0s")}),
        thresholds: () => ({}),
    },
    full: {
        scenarios: () => ({
            baseline: baseline("0s"),
            load_test: loadTest("6m"),
            stress_test: stressTest("25m"),
        }),
        thresholds: () => normal(["baseline", "load_test"]),
    },
    // All journeys, by weight, at a rate that a small server should bear.
    mix: {
        scenarios: () => ({mix: steady(1, "5m")}),
        thresholds: () => normal(["mix"]),
    },
    // Ten times the traffic within ten seconds, and whether it recovers.
    spike: {
        scenarios: () => ({
            spike: arriving(1, [
                ["2m", 1],
                ["10s", 10],
                ["1m", 10],
                ["10s", 1],
                ["3m", 1],
            ]),
        }),
        thresholds: () => ({}),
    },
    // Leaks, bloat and recycled workers show after hours.
    soak: {
        scenarios: () => ({soak: steady(1, "4h")}),
        thresholds: () => normal(["soak"]),
    },
    // More and more traffic until a threshold breaks.
    breakpoint: {
        scenarios: () => ({breakpoint: arriving(1, [["30m", 60]])}),
        thresholds: () => breaking("breakpoint", scaled("1m")),
    },
    // RFP-PERF-002: a thousand users and more at the same time, each with its pauses.
    thousand: {
        scenarios: () => ({
            thousand: ramping(
                "0s",
                [
                    ["5m", 250],
                    ["3m", 250],
                    ["5m", 500],
                    ["3m", 500],
                    ["5m", 1000],
                    ["10m", 1000],
                    ["2m", 1100],
                    ["5m", 1100],
                    ["2m", 0],
                ],
                "mixed",
            ),
        }),
        thresholds: () => ({}),
    },
};

export const NAMES = Object.keys(PROFILES);

/**
 * k6's options of a profile.
 * @param {string} name
 * @returns {import("k6/options").Options}
 */
export function options(name) {
    const profile = PROFILES[name];
    if (!profile) {
        throw new Error(
            `there is no load profile "${name}": PROFILE is one of ${NAMES.join(", ")}`,
        );
    }
    return {
        scenarios: profile.scenarios(),
        thresholds: {...NO_MISTAKE, ...profile.thresholds()},
        summaryTrendStats: ["count", "avg", "min", "med", "max", "p(90)", "p(95)", "p(99)"],
        setupTimeout: "60s",
        // The raw output names what is asked by its route; the address adds series only.
        systemTags: SYSTEM_TAGS,
    };
}

/** @type {import("k6/options").Options["systemTags"]} */
const SYSTEM_TAGS = [
    "scenario",
    "group",
    "name",
    "method",
    "status",
    "error_code",
    "expected_response",
    "check",
];

/**
 * The most users that the scenarios may have at the same time.
 * @param {Record<string, any>} scenarios
 */
export function mostUsers(scenarios) {
    return Math.max(
        ...Object.values(scenarios).map((scenario) =>
            Math.max(
                scenario.vus || 0,
                scenario.preAllocatedVUs || 0,
                ...(scenario.executor === "ramping-vus"
                    ? scenario.stages.map((/** @type {any} */ stage) => stage.target)
                    : []),
            ),
        ),
    );
}
