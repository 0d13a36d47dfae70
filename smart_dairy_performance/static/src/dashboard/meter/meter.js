import { Component } from "@odoo/owl";
import { isNumber } from "../formats";

/** A share of something limited, as a bar with its figure and a word. */
export class Meter extends Component {
    static template = "smart_dairy_performance.Meter";
    static props = {
        label: String,
        percent: { type: [Number, { value: null }] },
        text: String,
        word: { type: String, optional: true },
        tone: { type: String, optional: true },
    };
    static defaultProps = { tone: "none", word: "" };

    get width() {
        const { percent } = this.props;
        return isNumber(percent) ? Math.min(Math.max(percent, 0), 100) : 0;
    }
}
