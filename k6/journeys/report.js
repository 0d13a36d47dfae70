/** An employee prints an order: a PDF, made by wkhtmltopdf on the server. */
import {loggedIn, think} from "../lib/session.js";

export function report() {
    const client = loggedIn("backend", "report");
    const [order] = client.call(
        "sale.order",
        "search_read",
        [[["state", "=", "sale"]], ["name"]],
        {limit: 1},
        {step: "find order", is: {"an order": (orders) => orders.length === 1}},
    );
    think(1, 3);
    client.get(`/report/pdf/sale.report_saleorder/${order.id}`, {
        step: "print",
        kind: "report",
        route: "/report/<converter>/<reportname>/<docids>",
        is: {"a PDF": (body) => body.startsWith("%PDF-")},
    });
}
