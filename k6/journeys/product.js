/** A visitor reads about two products. */
import {any, PRODUCTS} from "../lib/data.js";
import {think, visitor} from "../lib/session.js";

export const ROUTE = '/shop/<model("product.template"):product>';

export function product() {
    const client = visitor("product");
    for (const step of ["product", "another product"]) {
        const one = any(PRODUCTS);
        client.get(one.url, {
            step,
            route: ROUTE,
            is: {
                "its name": (page) => page.includes(escaped(one.name)),
                "can be bought": (page) => page.includes("add_to_cart"),
            },
        });
        think(2, 4);
    }
}

/**
 * As it stands in HTML.
 * @param {string} text
 */
export function escaped(text) {
    return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
