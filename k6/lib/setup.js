/**
 * Before the load: stop with one clear sentence when there is nothing that could be loaded.
 * Everything is tried once, as the journeys need it; the requests are in the group
 * "::setup" and belong to no scenario.
 */
import exec from "k6/execution";
import http from "k6/http";

import {Client, StepFailed} from "./client.js";
import {DATA_DATABASE, PRODUCTS, user, USER_COUNT} from "./data.js";
import {DATABASE, URL} from "./environment.js";
import {mostUsers} from "./profiles.js";

/** @param {Record<string, any>} scenarios */
export function prepare(scenarios) {
    if (!URL) {
        give('ODOO_URL is not set: start the stack and run ". .run/env"');
    }
    if (DATABASE && DATABASE !== DATA_DATABASE) {
        give(
            `the data files are of database ${DATA_DATABASE}, not of ${DATABASE}:` +
                ' write them anew with "baseline data"',
        );
    }
    const answer = http.get(`${URL}/shop`, {tags: {name: "/shop"}, timeout: "60s"});
    if (answer.status !== 200) {
        give(
            `${URL}/shop answers ${answer.status} ${answer.error}:` +
                " is Odoo up, with website_sale?",
        );
    }
    const client = new Client("setup", false);
    tried("the REST API lacks a product of the data files", () =>
        client.api("GET", `/api/v1/products/${PRODUCTS[0].id}`, null, {
            step: "product",
            route: "/api/v1/products/<int:product_id>",
        }),
    );
    for (const kind of /** @type {("portal" | "backend")[]} */ (["portal", "backend"])) {
        const {login} = user(kind);
        tried(`${login} cannot log in: were the data files made for this server?`, () =>
            new Client("setup", false).login(user(kind), {}),
        );
    }
    const wanted = mostUsers(scenarios);
    if (wanted > USER_COUNT) {
        console.warn(
            `${wanted} virtual users share ${USER_COUNT} logins of each kind;` +
                ` "baseline data --users ${wanted}" gives each its own`,
        );
    }
    return {started: Date.now() / 1000};
}

/**
 * @param {string} complaint
 * @param {() => any} step
 */
function tried(complaint, step) {
    try {
        step();
    } catch (error) {
        if (!(error instanceof StepFailed)) {
            throw error;
        }
        give(`${complaint} (${error.message})`);
    }
}

/** @param {string} message */
function give(message) {
    exec.test.abort(message);
}
