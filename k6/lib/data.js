/**
 * Users, customers and products of the database under load: files that `baseline data`
 * writes, held in memory once for all virtual users.
 */
import {SharedArray} from "k6/data";
import exec from "k6/execution";

const FOLDER = __ENV.K6_DATA || "../data";

/** @typedef {{login: string, password: string, api_key: string}} User */
/** @typedef {{id: number, variant: number, name: string, url: string, price: number}} Product */
/** @typedef {{id: number, name: string}} Customer */

/**
 * The content of a data file.
 * @param {string} name
 */
function read(name) {
    try {
        return JSON.parse(open(`${FOLDER}/${name}.json`));
    } catch (error) {
        throw new Error(
            `no data in ${FOLDER}/${name}.json: write them with "baseline data" (${error})`,
        );
    }
}

/** @type {Record<string, User[]>} */
const USERS = {};
for (const kind of ["api", "portal", "backend"]) {
    USERS[kind] = /** @type {any} */ (new SharedArray(`${kind} users`, () => read("users")[kind]));
}

/** @type {Customer[]} */
export const CUSTOMERS = /** @type {any} */ (new SharedArray("customers", () => read("customers")));
/** @type {Product[]} */
export const PRODUCTS = /** @type {any} */ (new SharedArray("products", () => read("products")));

/** The database that the files were made of. */
export const DATA_DATABASE = /** @type {string[]} */ (
    /** @type {any} */ (new SharedArray("database", () => [read("users").database]))
)[0];

/** How many users there are of the kind of which there are fewest. */
export const USER_COUNT = Math.min(...Object.values(USERS).map((users) => users.length));

/**
 * The login of this virtual user: its own, while there are as many logins as users.
 * @param {"api" | "portal" | "backend"} kind
 */
export function user(kind) {
    const index = Math.max(exec.vu.idInTest - 1, 0); // 0 in setup, which is nobody's
    return USERS[kind][index % USERS[kind].length];
}

/**
 * Any one of a list.
 * @template T
 * @param {T[]} list
 * @returns {T}
 */
export function any(list) {
    return list[Math.floor(Math.random() * list.length)];
}
