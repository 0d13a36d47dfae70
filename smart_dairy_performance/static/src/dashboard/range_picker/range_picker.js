import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { RANGES } from "../dashboard_model";
import { RANGE_WORDS } from "../sentences";

/** Which time the figures are of: one of a group, chosen by arrow keys or pointer. */
export class RangePicker extends Component {
    static template = "smart_dairy_performance.RangePicker";
    static props = { value: String, known: Array, onChange: Function };

    get choices() {
        return RANGES.map((name) => {
            const disabled = !this.props.known.includes(name);
            return {
                name,
                word: RANGE_WORDS[name],
                disabled,
                tooltip: disabled
                    ? _t("Needs Prometheus: set prometheus_url")
                    : undefined,
            };
        });
    }
}
