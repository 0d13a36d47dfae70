import { Component } from "@odoo/owl";
import { Definition } from "../definition/definition";
import { useDestinations } from "../destinations";

let last = 0;

/** A titled part of the dashboard. */
export class Panel extends Component {
    static template = "smart_dairy_performance.Panel";
    static components = { Definition };
    static props = {
        title: String,
        term: { type: String, optional: true },
        name: String,
        destination: { type: Object, optional: true },
        slots: Object,
    };

    setup() {
        this.id = `o_sdp_panel_${++last}`;
        this.go = useDestinations();
    }
}
