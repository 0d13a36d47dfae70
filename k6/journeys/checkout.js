/** A customer buys: cart, delivery, payment on delivery, confirmation. Writes an order. */
import {any, PRODUCTS} from "../lib/data.js";
import {loggedIn, think} from "../lib/session.js";
import {escaped, ROUTE} from "./product.js";

export function checkout() {
    const client = loggedIn("portal", "checkout");
    const product = any(PRODUCTS);
    client.get(product.url, {
        step: "product",
        route: ROUTE,
        is: {"can be bought": (page) => page.includes("add_to_cart")},
    });
    think(1, 3);
    client.jsonrpc(
        "/shop/cart/add",
        {product_template_id: product.id, product_id: product.variant, quantity: 2},
        {
            step: "add to cart",
            route: "/shop/cart/add",
            is: {"two in the cart": (added) => added.quantity === 2 && added.cart_quantity >= 2},
        },
    );
    think(1, 3);
    client.get("/shop/cart", {
        step: "cart",
        route: "/shop/cart",
        is: {"the product": (page) => page.includes(escaped(product.name))},
    });
    think(1, 3);
    client.get("/shop/checkout", {
        step: "delivery",
        route: "/shop/checkout",
        is: {"delivery methods": (page) => page.includes("o_delivery_methods")},
    });
    think(1, 3);
    const payment = client.get("/shop/payment", {
        step: "payment",
        route: "/shop/payment",
        is: {"a way to pay": (page) => page.includes("o_payment_radio")},
    });
    think(1, 3);
    pay(client, payment.body || "");
    client.get("/shop/payment/validate", {
        step: "validate",
        route: "/shop/payment/validate",
        status: 303,
    });
    client.get("/shop/confirmation", {
        step: "confirmation",
        route: "/shop/confirmation",
        is: {"the product": (page) => page.includes(escaped(product.name))},
    });
}

/**
 * Choose the first way to pay, as the payment form does.
 * @param {import("../lib/client.js").Client} client
 * @param {string} page
 */
function pay(client, page) {
    const form = attributes(page, 'id="o_payment_form"');
    const option = attributes(page, 'name="o_payment_radio"');
    const transaction = client.jsonrpc(
        form["transaction-route"],
        {
            provider_id: Number(option["provider-id"]),
            payment_method_id: Number(option["payment-option-id"]),
            token_id: null,
            amount: Number(form.amount),
            flow: "direct",
            tokenization_requested: false,
            landing_route: form["landing-route"],
            is_validation: false,
            access_token: form["access-token"],
        },
        {
            step: "pay",
            route: "/shop/payment/transaction/<int:order_id>",
            is: {"a reference": (made) => Boolean(made.reference)},
        },
    );
    client.post(
        "/payment/custom/process",
        {reference: transaction.reference},
        {step: "process payment", route: "/payment/custom/process", status: 303},
    );
}

/**
 * The data attributes of the first element with a text in its tag.
 * @param {string} page
 * @param {string} text
 * @returns {Record<string, string>}
 */
function attributes(page, text) {
    const [tag] = new RegExp(`<[^>]*${text}[^>]*>`).exec(page) || [""];
    return Object.fromEntries(
        [...tag.matchAll(/data-([a-z-]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
    );
}
