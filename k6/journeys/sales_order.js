/** An employee takes an order and confirms it. Writes an order and its delivery. */
import {any, CUSTOMERS, PRODUCTS} from "../lib/data.js";
import {loggedIn, think} from "../lib/session.js";

const FIELDS = {name: {}, state: {}, amount_total: {}};

export function salesOrder() {
    const client = loggedIn("backend", "sales_order");
    const customer = any(CUSTOMERS);
    client.call(
        "res.partner",
        "name_search",
        [],
        {name: customer.name, limit: 8},
        {
            step: "find customer",
            is: {found: (found) => found.length > 0},
        },
    );
    think(1, 3);
    const lines = [any(PRODUCTS), any(PRODUCTS)].map((product) => [
        0,
        0,
        {product_id: product.variant, product_uom_qty: 3},
    ]);
    const values = {partner_id: customer.id, order_line: lines};
    const [draft] = client.call(
        "sale.order",
        "web_save",
        [[], values],
        {specification: FIELDS},
        {
            step: "create",
            is: {
                quotation: ([order]) => order.state === "draft",
                "a total": ([order]) => order.amount_total > 0,
            },
        },
    );
    think(1, 3);
    client.call("sale.order", "action_confirm", [[draft.id]], {}, {step: "confirm", button: true});
    client.call(
        "sale.order",
        "web_read",
        [[draft.id]],
        {specification: FIELDS},
        {
            step: "read again",
            is: {confirmed: ([order]) => order.state === "sale"},
        },
    );
}
