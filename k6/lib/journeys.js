/**
 * The journeys, how often each is made in a mix, and how one is run.
 *
 * The weights are those of a shop with a back office: of 100 journeys, 65 are of visitors,
 * 13 of customers who are logged in, 22 of employees and programs.
 */
import {checkout} from "../journeys/checkout.js";
import {dashboard} from "../journeys/dashboard.js";
import {homepage} from "../journeys/homepage.js";
import {inventory} from "../journeys/inventory.js";
import {json2} from "../journeys/json2.js";
import {portal} from "../journeys/portal.js";
import {product} from "../journeys/product.js";
import {report} from "../journeys/report.js";
import {salesBrowse} from "../journeys/sales_browse.js";
import {salesOrder} from "../journeys/sales_order.js";
import {search} from "../journeys/search.js";
import {shop} from "../journeys/shop.js";
import {specification} from "../journeys/specification.js";
import {StepFailed} from "./client.js";
import {READ_ONLY, VERBOSE} from "./environment.js";
import {journeyTime, scriptErrors} from "./metrics.js";
import {forget, takeThought} from "./session.js";

/** @type {Record<string, {run: () => void, weight: number, writes?: boolean}>} */
const ALL = {
    homepage: {run: homepage, weight: 15},
    shop: {run: shop, weight: 20},
    product: {run: product, weight: 20},
    search: {run: search, weight: 10},
    checkout: {run: checkout, weight: 5, writes: true},
    portal: {run: portal, weight: 8},
    sales_browse: {run: salesBrowse, weight: 8},
    sales_order: {run: salesOrder, weight: 3, writes: true},
    inventory: {run: inventory, weight: 2, writes: true},
    dashboard: {run: dashboard, weight: 3},
    specification: {run: specification, weight: 3},
    report: {run: report, weight: 1},
    json2: {run: json2, weight: 2},
};

export const JOURNEYS = Object.fromEntries(
    Object.entries(ALL).filter(([, journey]) => !(READ_ONLY && journey.writes)),
);
const TOTAL = Object.values(JOURNEYS).reduce((sum, {weight}) => sum + weight, 0);

/**
 * The journey at a place between 0 and 1 of the weights laid end to end.
 * @param {number} place
 */
export function at(place) {
    let rest = place * TOTAL;
    for (const [name, {weight}] of Object.entries(JOURNEYS)) {
        rest -= weight;
        if (rest < 0) {
            return name;
        }
    }
    return "homepage";
}

/**
 * Run one journey to its end, or to the step that fails.
 * @param {string} name
 */
export function run(name) {
    const started = Date.now();
    takeThought();
    try {
        JOURNEYS[name].run();
        journeyTime.add(Date.now() - started - takeThought(), {journey: name});
    } catch (error) {
        // A session that went wrong is not used again.
        forget();
        if (!(error instanceof StepFailed)) {
            scriptErrors.add(1, {journey: name});
            throw error;
        }
        if (VERBOSE) {
            console.warn(error.message);
        }
    }
}
