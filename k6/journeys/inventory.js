/** A warehouse employee receives goods. Writes a receipt and its stock moves. */
import {any, PRODUCTS} from "../lib/data.js";
import {loggedIn, think} from "../lib/session.js";

const STATE = {name: {}, state: {}};
const LOCATIONS = ["default_location_src_id", "default_location_dest_id"];

export function inventory() {
    const client = loggedIn("backend", "inventory");
    const [type] = client.call(
        "stock.picking.type",
        "search_read",
        [[["code", "=", "incoming"]], LOCATIONS],
        {limit: 1},
        {step: "operation", is: {"a receipt": (types) => types.length === 1}},
    );
    think(1, 3);
    const move = {
        product_id: any(PRODUCTS).variant,
        product_uom_qty: 5,
        location_id: type.default_location_src_id[0],
        location_dest_id: type.default_location_dest_id[0],
    };
    const values = {picking_type_id: type.id, move_ids: [[0, 0, move]]};
    const [made] = client.call(
        "stock.picking",
        "web_save",
        [[], values],
        {specification: STATE},
        {
            step: "create",
            is: {draft: ([picking]) => picking.state === "draft"},
        },
    );
    client.call(
        "stock.picking",
        "action_confirm",
        [[made.id]],
        {},
        {step: "confirm", button: true},
    );
    think(1, 3);
    client.call(
        "stock.picking",
        "button_validate",
        [[made.id]],
        {},
        {
            step: "validate",
            button: true,
        },
    );
    client.call(
        "stock.picking",
        "web_read",
        [[made.id]],
        {specification: STATE},
        {
            step: "read again",
            is: {done: ([picking]) => picking.state === "done"},
        },
    );
}
