/** An employee opens the orders: list, kanban, one of them in its form, a search. */
import {any, CUSTOMERS} from "../lib/data.js";
import {loggedIn, think} from "../lib/session.js";

const LIST = {
    name: {},
    date_order: {},
    partner_id: {fields: {display_name: {}}},
    user_id: {fields: {display_name: {}}},
    amount_total: {},
    currency_id: {fields: {display_name: {}}},
    state: {},
    invoice_status: {},
};
const FORM = {
    ...LIST,
    order_line: {
        fields: {
            product_id: {fields: {display_name: {}}},
            name: {},
            product_uom_qty: {},
            price_unit: {},
            price_subtotal: {},
        },
    },
    partner_invoice_id: {fields: {display_name: {}}},
    amount_untaxed: {},
    amount_tax: {},
};

/** @param {any} page */
const named = (page) =>
    page.length > 0 && page.records.every((/** @type {any} */ one) => one.name && one.state);

export function salesBrowse() {
    const client = loggedIn("backend", "sales_browse");
    client.jsonrpc(
        "/web/action/load",
        {action_id: "sale.action_orders"},
        {
            step: "open orders",
            route: "/web/action/load",
            is: {"the action": (action) => action.res_model === "sale.order"},
        },
    );
    client.call(
        "sale.order",
        "get_views",
        [views("list", "kanban", "form", "search"), {}],
        {},
        {
            step: "views",
            is: {
                views: (found) =>
                    Boolean(found.views.list && found.views.kanban && found.views.form),
            },
        },
    );
    const list = client.call("sale.order", "web_search_read", [], query([], 80), {
        step: "list",
        is: {orders: named},
    });
    think(1, 3);
    client.call("sale.order", "web_search_read", [], query([["state", "=", "sale"]], 40), {
        step: "kanban",
        is: {orders: named},
    });
    think(1, 3);
    const id = any(list.records).id;
    client.call(
        "sale.order",
        "web_read",
        [[id]],
        {specification: FORM},
        {
            step: "form",
            is: {"the order": ([order]) => order.id === id && Array.isArray(order.order_line)},
        },
    );
    think(1, 3);
    const word = any(CUSTOMERS).name.split(" ")[0];
    client.call("sale.order", "web_search_read", [], query([["partner_id", "ilike", word]], 80), {
        step: "search",
        is: {"orders of the customer": named},
    });
}

/** @param {string[]} types */
export function views(...types) {
    return types.map((type) => [false, type]);
}

/**
 * @param {any[]} domain
 * @param {number} limit
 */
function query(domain, limit) {
    return {domain, specification: LIST, limit, count_limit: 10001};
}
