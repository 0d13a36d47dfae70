/**
 * A client of Odoo: cookies of its own, CSRF tokens, JSON-RPC, and each answer measured,
 * checked and tagged. What goes wrong is counted in `errors` once, by its class, and ends
 * the journey by a StepFailed.
 *
 * Tags of a request: name (the route template: the label `route` of the server's metrics),
 * journey, step, kind, and call ("model.method") of a remote call.
 */
import {check} from "k6";
import http from "k6/http";

import {DATABASE, URL} from "./environment.js";
import {apiLatency, dbLatency, errors, pageLoadTime, serverTime, serverTiming} from "./metrics.js";

const JSON_HEADERS = {"Content-Type": "application/json"};
const TIMEOUT = "60s"; // a visitor has given up by then
const TIMED_OUT = 1050; // k6's error code
const CSRF = /csrf_token["']?\s*(?:value=|:)\s*["']([0-9a-f]+o\d+)/;

/** @typedef {import("k6/http").RefinedResponse<"text">} Response */
/** @typedef {Record<string, (answer: any) => boolean>} Checks by what they find */
/**
 * @typedef {object} Step what is asked for
 * @property {string} step its name within the journey
 * @property {string} route the server's route template
 * @property {string} [kind] page, api, rpc or report
 * @property {string} [call] model.method of a remote call
 * @property {number} [status] the expected one, 200
 * @property {Record<string, string>} [headers]
 * @property {Checks} [is] what is right about the answer's content
 * @property {number} [fast] milliseconds below which it is fast
 * @property {string} [error] class of the error when it is refused, instead of its status
 * @property {(response: Response) => any} [parse] content of an answer; raises without one
 */

/** A step that went wrong; it has been counted. */
export class StepFailed extends Error {}

export class Client {
    /**
     * @param {string} journey
     * @param {boolean} [measured] false: what it does is no load, and in no metric of ours
     */
    constructor(journey, measured = true) {
        this.journey = journey;
        this.measured = measured;
        this.jar = new http.CookieJar();
        this.csrf = "";
    }

    /**
     * A page.
     * @param {string} path
     * @param {Step} step
     */
    get(path, step) {
        return this.send("GET", path, null, step).response;
    }

    /**
     * A form, with the token of the last page that had one.
     * @param {string} path
     * @param {Record<string, string>} fields
     * @param {Step} step
     */
    post(path, fields, step) {
        return this.send("POST", path, {csrf_token: this.csrf, ...fields}, step).response;
    }

    /**
     * JSON to and from a REST API; the answer is parsed.
     * @param {string} method
     * @param {string} path
     * @param {object | null} body
     * @param {Step} step its checks get the parsed answer
     */
    api(method, path, body, step) {
        const headers = {...JSON_HEADERS, ...step.headers};
        const text = body && JSON.stringify(body);
        return this.send(method, path, text, {kind: "api", ...step, headers, parse: json}).content;
    }

    /**
     * The result of a JSON-RPC route; an error in it is an error, although its status is 200.
     * @param {string} path
     * @param {object} params
     * @param {Step} step its checks get the result
     */
    jsonrpc(path, params, step) {
        const body = JSON.stringify({jsonrpc: "2.0", method: "call", id: 1, params});
        const asked = {kind: "rpc", ...step, headers: JSON_HEADERS, parse: result};
        return this.send("POST", path, body, asked).content;
    }

    /**
     * The result of a model's method, called as the web client does.
     * @param {string} model
     * @param {string} method
     * @param {any[]} args
     * @param {object} kwargs
     * @param {{step: string, is?: Checks, button?: boolean}} step button: called by a button
     */
    call(model, method, args, kwargs, step) {
        const {button, ...rest} = step;
        const root = `/web/dataset/call_${button ? "button" : "kw"}`;
        return this.jsonrpc(
            `${root}/${model}/${method}`,
            {model, method, args, kwargs},
            {...rest, route: `${root}/<path:path>`, call: `${model}.${method}`},
        );
    }

    /**
     * Log in by the form, and open where it leads to.
     * @param {import("./data.js").User} user
     * @param {Checks} landing what is right about the page after the login
     */
    login(user, landing) {
        this.get("/web/login", {
            step: "login form",
            route: "/web/login",
            is: {"login form": (page) => page.includes("oe_login_form")},
        });
        const answer = this.post(
            "/web/login",
            {login: user.login, password: user.password, redirect: ""},
            // A wrong password is a page with status 200 that says so.
            {step: "log in", route: "/web/login", status: 303, error: "login"},
        );
        const path = new RegExp("^(?:https?://[^/]+)?(/[^?#]*)").exec(answer.headers.Location);
        this.get(path ? path[1] : "/", {
            step: "landing",
            route: path ? path[1] : "/",
            is: landing,
        });
    }

    /**
     * Send a request, measure, tag and check the answer.
     * @param {string} method
     * @param {string} path
     * @param {any} body
     * @param {Step} step
     * @returns {{response: Response, content: any}} content: parsed, or the body
     */
    send(method, path, body, step) {
        const {route, step: name, call, kind = "page", status = 200} = step;
        /** @type {Record<string, string>} */
        const tags = {journey: this.journey, step: name, kind, name: route};
        if (call) {
            tags.call = call;
        }
        const response = /** @type {Response} */ (
            http.request(method, `${URL}${path}`, body, {
                headers: step.headers || {},
                jar: this.jar,
                // Each hop would be counted under the name of the first.
                redirects: 0,
                timeout: TIMEOUT,
                tags,
                responseCallback: http.expectedStatuses(status, {min: 200, max: 399}),
            })
        );
        if (this.measured) {
            measure(response, kind, tags);
        }
        this.csrf = (CSRF.exec(response.body || "") || [])[1] || this.csrf;
        const {
            error,
            content,
            detail = response.error,
        } = judge(`${this.journey} ${name}`, response, status, step);
        if (this.measured) {
            errors.add(error !== "", error ? {...tags, error} : tags);
        }
        if (error) {
            throw new StepFailed(
                `${this.journey}, ${name}: ${error}, status ${response.status} ${detail}`,
            );
        }
        return {response, content};
    }
}

/**
 * The content of an answer, and the class of what is wrong with it: empty when it is right.
 * @param {string} label of the checks
 * @param {Response} response
 * @param {number} status the expected one
 * @param {Step} step
 * @returns {{error: string, content?: any, detail?: string}}
 */
function judge(label, response, status, step) {
    const answered = check(response, {
        [`${label}: status ${status}`]: (answer) => answer.status === status,
    });
    const fast = step.fast;
    if (fast) {
        check(response, {[`${label}: fast`]: (answer) => answer.timings.duration < fast});
    }
    if (!answered) {
        const refused = response.status >= 200 && response.status < 500;
        return {error: refused && step.error ? step.error : transport(response)};
    }
    let content = /** @type {any} */ (response.body || "");
    if (step.parse) {
        try {
            content = step.parse(response);
        } catch (error) {
            check(null, {[`${label}: no error`]: () => false});
            return {error: step.kind === "rpc" ? "rpc" : "content", detail: String(error)};
        }
    }
    const right = check(content, careful(label, step.is || {}));
    return {error: right ? "" : "content", content};
}

/**
 * @param {Response} response
 * @param {string} kind
 * @param {Record<string, string>} tags
 */
function measure(response, kind, tags) {
    if (response.status === 0) {
        return; // nothing was answered
    }
    const {duration} = response.timings;
    if (kind === "page") {
        pageLoadTime.add(duration, tags);
    } else if (kind === "api" || kind === "rpc") {
        apiLatency.add(duration, tags);
    }
    const {db, total} = serverTiming(response.headers["Server-Timing"]);
    if (db !== undefined) {
        dbLatency.add(db, tags);
    }
    if (total !== undefined) {
        serverTime.add(total, tags);
    }
}

/** @param {Response} response */
function transport(response) {
    if (response.status === 0) {
        return response.error_code === TIMED_OUT ? "timeout" : "transport";
    }
    if (response.status >= 500) {
        return "http_5xx";
    }
    return response.status >= 400 ? "http_4xx" : "content";
}

/** @param {Response} response */
function json(response) {
    return response.json();
}

/** @param {Response} response */
function result(response) {
    const answer = /** @type {any} */ (response.json());
    if (!("result" in answer)) {
        throw new Error((answer.error.data || answer.error).message);
    }
    return answer.result;
}

/**
 * Checks with the step in their names; one that stumbles over what it got has failed.
 * @param {string} label
 * @param {Checks} checks
 * @returns {Checks}
 */
function careful(label, checks) {
    return Object.fromEntries(
        Object.entries(checks).map(([name, found]) => [
            `${label}: ${name}`,
            (content) => {
                try {
                    return found(content);
                } catch {
                    return false;
                }
            },
        ]),
    );
}

/**
 * The headers of /json/2 for a user.
 * @param {import("./data.js").User} user
 */
export function bearer(user) {
    return {Authorization: `Bearer ${user.api_key}`, "X-Odoo-Database": DATABASE};
}
