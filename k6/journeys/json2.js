/** Another program reads orders and a customer by /json/2, with an API key. */
import {bearer} from "../lib/client.js";
import {any, CUSTOMERS, user} from "../lib/data.js";
import {think, visitor} from "../lib/session.js";

const ROUTE = "/json/2/<__model__>/<__method__>";

export function json2() {
    const client = visitor("json2");
    const headers = bearer(user("backend"));
    client.api(
        "POST",
        "/json/2/sale.order/search_read",
        {domain: [["state", "=", "sale"]], fields: ["name", "amount_total"], limit: 20},
        {
            step: "orders",
            route: ROUTE,
            call: "sale.order.search_read",
            headers,
            is: {
                orders: (found) =>
                    found.length > 0 && found.every((/** @type {any} */ one) => one.name),
            },
        },
    );
    think(0.5, 1);
    const {id} = any(CUSTOMERS);
    client.api(
        "POST",
        "/json/2/res.partner/read",
        {ids: [id], fields: ["name", "email"]},
        {
            step: "customer",
            route: ROUTE,
            call: "res.partner.read",
            headers,
            is: {"the customer": ([found]) => found.id === id},
        },
    );
}
