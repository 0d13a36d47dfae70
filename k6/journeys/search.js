/** A visitor searches: suggestions while typing, then the list of what was found. */
import {any} from "../lib/data.js";
import {think, visitor} from "../lib/session.js";

export const TERMS = ["milk", "yogurt", "cheese", "butter", "ghee"];

export function search() {
    const client = visitor("search");
    const term = any(TERMS);
    client.jsonrpc(
        "/website/snippet/autocomplete",
        {
            search_type: "products",
            term: term.slice(0, 3),
            order: "name asc",
            limit: 5,
            max_nb_chars: 50,
            options: {
                displayImage: true,
                displayDescription: true,
                displayExtraLink: true,
                displayDetail: true,
                allowFuzzy: true,
            },
        },
        {
            step: "suggestions",
            route: "/website/snippet/autocomplete",
            is: {suggestions: (found) => found.results.length > 0},
        },
    );
    think(1, 2);
    client.get(`/shop?search=${term}`, {
        step: "results",
        route: "/shop",
        is: {
            products: (page) => page.includes("oe_product"),
            "the term": (page) => page.toLowerCase().includes(term),
        },
    });
}
