import { Component } from "@odoo/owl";
import { isNumber } from "../formats";

const WIDTH = 100;
const HEIGHT = 28;
const MARGIN = 3;

/** A small line of numbers; gaps where there are none. For the eye only. */
export class Sparkline extends Component {
    static template = "smart_dairy_performance.Sparkline";
    static props = { values: Array };

    get drawing() {
        const { values } = this.props;
        const known = values.filter(isNumber);
        if (known.length < 2) {
            return null;
        }
        const low = Math.min(...known);
        const high = Math.max(...known);
        const step = WIDTH / (values.length - 1);
        let path = "";
        let last = null;
        values.forEach((value, index) => {
            if (!isNumber(value)) {
                last = null;
                return;
            }
            const x = (index * step).toFixed(1);
            const share = high > low ? (value - low) / (high - low) : 0.5;
            const y = (HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)).toFixed(1);
            path += `${last ? "L" : "M"}${x} ${y}`;
            last = [x, y];
        });
        return { path, end: last && `M${last[0]} ${last[1]}h0` };
    }
}
