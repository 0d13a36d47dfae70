import { Component } from "@odoo/owl";
import { Empty } from "../empty/empty";
import { Panel } from "../panel/panel";

/** Names with their figures: {key, label, items, tone}; items: {label, value} each. */
export class FactsPanel extends Component {
    static template = "smart_dairy_performance.FactsPanel";
    static components = { Empty, Panel };
    static props = {
        name: String,
        title: String,
        term: String,
        facts: Array,
        emptyText: String,
        advice: { type: String, optional: true },
        destination: { type: Object, optional: true },
    };
}
