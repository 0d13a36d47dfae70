/** A visitor turns the pages of the shop's list. */
import {think, visitor} from "../lib/session.js";

const CATEGORY = /href="(\/shop\/category\/[^"?#]+)"/;
const products = {products: (/** @type {string} */ page) => page.includes("oe_product")};

export function shop() {
    const client = visitor("shop");
    const list = client.get("/shop", {step: "list", route: "/shop", is: products});
    think(1, 3);
    client.get("/shop/page/2", {
        step: "next page",
        route: "/shop/page/<int:page>",
        is: products,
    });
    const category = CATEGORY.exec(list.body || "");
    if (category) {
        think(1, 3);
        client.get(category[1], {
            step: "category",
            route: '/shop/category/<model("product.public.category"):category>',
            is: products,
        });
    }
}
