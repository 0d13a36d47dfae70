import { Component } from "@odoo/owl";
import { Empty } from "../empty/empty";
import { useDestinations } from "../destinations";
import { Panel } from "../panel/panel";

/**
 * Names with their figures, and their share as a bar; a name leads somewhere.
 *
 * columns: {key, label, wide: only where there is room}
 * rows: {key, prefix, name, code: a technical name, share: percent or null,
 *        destination, cells: text by column}
 */
export class Ranking extends Component {
    static template = "smart_dairy_performance.Ranking";
    static components = { Empty, Panel };
    static props = {
        name: String,
        title: String,
        term: String,
        heading: String,
        columns: Array,
        rows: Array,
        emptyText: String,
        destination: { type: Object, optional: true },
    };

    setup() {
        this.go = useDestinations();
    }
}
