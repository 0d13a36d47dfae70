import { Component } from "@odoo/owl";
import { useDestinations } from "../destinations";

/** What is said, and can be done, where there is nothing to show. */
export class Empty extends Component {
    static template = "smart_dairy_performance.Empty";
    static props = {
        text: String,
        advice: { type: String, optional: true },
        destination: { type: Object, optional: true },
    };

    setup() {
        this.go = useDestinations();
    }
}
