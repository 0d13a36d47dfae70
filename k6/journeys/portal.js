/** A customer logs in, and looks at own orders and one of them. */
import {loggedIn, think} from "../lib/session.js";

const ORDER = /href="(\/my\/orders\/\d+\?access_token=[^"]+)"/;

export function portal() {
    const client = loggedIn("portal", "portal");
    client.get("/my", {
        step: "account",
        route: "/my",
        is: {"own account": (page) => page.includes("o_portal_my_home")},
    });
    think(1, 3);
    const orders = client.get("/my/orders", {
        step: "orders",
        route: "/my/orders",
        is: {"an order": (page) => ORDER.test(page)},
    });
    think(1, 3);
    const [, path] = ORDER.exec(orders.body || "") || [];
    client.get(path.replace(/&amp;/g, "&"), {
        step: "order",
        route: "/my/orders/<int:order_id>",
        is: {"its lines": (page) => page.includes("sale_order") && page.includes("৳")},
    });
}
