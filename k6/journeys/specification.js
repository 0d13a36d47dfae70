/**
 * The milestone's REST scenario, in its order and with its pauses: homepage, product
 * catalogue, product detail, search, dashboard after a login. One step that fails does not
 * end the others; a login that fails is an error like any other.
 */
import {StepFailed} from "../lib/client.js";
import {any, PRODUCTS, user} from "../lib/data.js";
import {think, visitor} from "../lib/session.js";
import {FAST} from "../lib/thresholds.js";
import {TERMS} from "./search.js";

export function specification() {
    const client = visitor("specification");
    attempt(() =>
        client.get("/", {
            step: "homepage",
            route: "/",
            fast: FAST.homepage.value,
            is: {"home page": (page) => page.includes("<title>Home")},
        }),
    );
    think(1);
    attempt(() =>
        client.api("GET", "/api/v1/products?limit=20", null, {
            step: "products",
            route: "/api/v1/products",
            fast: FAST.products.value,
            is: {"twenty or all": (found) => found.items.length === Math.min(20, found.total)},
        }),
    );
    think(0.5);
    const {id} = any(PRODUCTS);
    attempt(() =>
        client.api("GET", `/api/v1/products/${id}`, null, {
            step: "product detail",
            route: "/api/v1/products/<int:product_id>",
            fast: FAST.product_detail.value,
            is: {"the product": (found) => found.id === id},
        }),
    );
    think(0.5);
    const term = any(TERMS);
    attempt(() =>
        client.api("GET", `/api/v1/products/search?q=${term}`, null, {
            step: "search",
            route: "/api/v1/products/search",
            fast: FAST.search.value,
            is: {"products of the name": (found) => found.items.length > 0},
        }),
    );
    think(1);
    attempt(() => dashboard(client));
    think(1, 3);
}

/** @param {import("../lib/client.js").Client} client */
function dashboard(client) {
    const {login, password} = user("api");
    const {token} = client.api(
        "POST",
        "/api/v1/auth/login",
        {username: login, password},
        {
            step: "api login",
            route: "/api/v1/auth/login",
            error: "login",
            is: {"a token": (given) => Boolean(given.token)},
        },
    );
    client.api("GET", "/api/v1/dashboard", null, {
        step: "dashboard",
        route: "/api/v1/dashboard",
        headers: {Authorization: `Bearer ${token}`},
        fast: FAST.dashboard.value,
        is: {"orders and milk": (found) => found.orders.count > 0 && found.milk.liters > 0},
    });
}

/**
 * Do a step; the next ones follow whatever comes of it.
 * @param {() => any} step
 */
function attempt(step) {
    try {
        step();
    } catch (error) {
        if (!(error instanceof StepFailed)) {
            throw error;
        }
    }
}
